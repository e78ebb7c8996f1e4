package pods_test

import (
	"testing"
	"time"

	"mktail/tail/pods"
)

// IDs decide which instance is meant where there is one, else the restarts before it do.
func TestSame(t *testing.T) {
	for _, tt := range []struct {
		a, b pods.InstanceKey
		want bool
	}{
		{pods.InstanceKey{ID: "x", Restarts: 1}, pods.InstanceKey{ID: "x", Restarts: 0}, true},
		{pods.InstanceKey{ID: "x", Restarts: 1}, pods.InstanceKey{ID: "y", Restarts: 1}, false},
		{pods.InstanceKey{ID: "x", Restarts: 1}, pods.InstanceKey{Restarts: 1}, false},
		{pods.InstanceKey{Restarts: 1}, pods.InstanceKey{ID: "x", Restarts: 1}, false},
		{pods.InstanceKey{Restarts: 1}, pods.InstanceKey{Restarts: 1}, true},
		{pods.InstanceKey{Restarts: 1}, pods.InstanceKey{Restarts: 2}, false},
	} {
		if got := tt.a.Same(tt.b); got != tt.want {
			t.Errorf("%+v, %+v: %v", tt.a, tt.b, got)
		}
	}
}

func TestSeconds(t *testing.T) {
	const s = pods.Seconds(10)
	if s.Nano() != 10*int64(time.Second) || !s.Time().Equal(time.Unix(10, 0)) || pods.Seconds(0).Nano() != 0 {
		t.Errorf("%d, %s", s.Nano(), s.Time())
	}
}

func TestOutcome(t *testing.T) {
	for _, tt := range []struct {
		outcome pods.Outcome
		want    string
	}{
		{pods.Outcome{}, "exit 0"},
		{pods.Outcome{Reason: "Completed"}, "exit 0, Completed"},
		{pods.Outcome{Code: 137, Reason: "OOMKilled"}, "exit 137, OOMKilled"},
		{pods.Outcome{Code: 143, Signal: 15, Reason: "Error"}, "exit 143, signal 15, Error"},
	} {
		if got := tt.outcome.String(); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.outcome, got, tt.want)
		}
	}
}
