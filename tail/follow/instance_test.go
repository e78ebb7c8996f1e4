package follow

import (
	"testing"
	"time"

	"mktail/tail/pods"
	"mktail/tail/position"
)

// A clean end of a stream is an instance's own only if the instance had ended by then.
func TestReadToEnd(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 300e6, time.UTC)
	ended := func(after time.Duration) pods.Status {
		return pods.Status{Current: pods.Instance{ID: "b", Running: true}, Previous: pods.Instance{ID: "a", Finished: pods.Seconds(at.Add(after).Unix())}}
	}
	for _, tt := range []struct {
		name   string
		now    pods.Status
		atOnce bool
		want   bool
	}{
		{"the instance runs", pods.Status{Current: pods.Instance{ID: "a", Running: true}}, true, false},
		{"it had ended in the second before", ended(-time.Second), false, true},
		{"it ended in the same second, perhaps later", ended(0), false, false},
		{"it ended nobody knows when", pods.Status{Previous: pods.Instance{ID: "a"}}, false, false},
		{"it ended later", ended(2 * time.Second), false, false},
		{"the pod is deleted", pods.Status{Current: pods.Instance{ID: "a", Running: true}, Deleting: pods.Seconds(at.Unix() - 5)}, false, false},
		{"the pod is deleted, and nothing is to be followed", pods.Status{Current: pods.Instance{ID: "a", Running: true}, Deleting: pods.Seconds(at.Unix() - 5)}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &Follower{
				known: known{Status: tt.now}, reads: reads{cleanEOFAt: at, emptyEOF: tt.atOnce},
				place: place{begun: true, at: pods.Instance{ID: "a"}, cursor: new(position.Cursor)},
			}
			if f.noteReadToEnd(); f.reads.toEnd != tt.want {
				t.Errorf("read to its end: %v, want %v", f.reads.toEnd, tt.want)
			}
		})
	}
}

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
