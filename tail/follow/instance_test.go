package follow

import (
	"testing"

	"mktail/tail/pods"
)

// News are older than what is known by their count of restarts, unless that was begun anew.
func TestLearn(t *testing.T) {
	before := pods.Instance{ID: "b", Restarts: 5, Started: 1000}
	for _, tt := range []struct {
		name string
		told pods.Instance
		want pods.ContainerID
	}{
		{"a later one", pods.Instance{ID: "c", Restarts: 6, Started: 2000}, "c"},
		{"an older one", pods.Instance{ID: "a", Restarts: 4, Started: 900}, "b"},
		{"a later one, counted anew", pods.Instance{ID: "c", Restarts: 0, Started: 2000}, "c"},
		{"one that has not begun, counted anew", pods.Instance{}, "b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &Follower{known: known{Status: pods.Status{Current: before}}}
			if f.learn(pods.Status{Current: tt.told}); f.known.Current.ID != tt.want {
				t.Errorf("current is %q, want %q", f.known.Current.ID, tt.want)
			}
		})
	}
}
