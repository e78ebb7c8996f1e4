package pods

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Instance is one life of a container, from its start to its end.
type Instance struct {
	ID       string // as the runtime has it; empty: there is no instance
	Restarts int    // of the container before it
	Previous bool   // its log is served as "previous"
	Running  bool
	Started  int64 // in Unix seconds by the node's clock; 0: unknown
	Finished int64 // likewise; 0 also while it runs
}

// endedInstance returns the instance that ended so; without an ID if t is nil.
func endedInstance(t *corev1.ContainerStateTerminated, restarts int) Instance {
	if t == nil {
		return Instance{}
	}
	return Instance{ID: t.ContainerID, Restarts: restarts, Started: unix(t.StartedAt), Finished: unix(t.FinishedAt)}
}

// Begin returns when the instance began, or up to a second later, in Unix nanoseconds; the present time if that is unknown.
func (in Instance) Begin() int64 { return roundUp(in.Started) }

// End returns when the instance ended, or up to a second later, in Unix nanoseconds; the present time if that is unknown.
func (in Instance) End() int64 { return roundUp(in.Finished) }

// roundUp returns the end of a second, since the API knows no fractions; the present time for 0.
func roundUp(seconds int64) int64 {
	if seconds == 0 {
		return time.Now().UnixNano()
	}
	return time.Unix(seconds+1, 0).UnixNano()
}

// unix returns a time in Unix seconds; 0 for none.
func unix(t metav1.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
