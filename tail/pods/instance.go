package pods

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ContainerID is the runtime's ID of a container's instance, such as containerd://0123…; empty: none, or unknown.
type ContainerID string

// InstanceKey names an instance among those of a container: by its ID, or, if the API no longer knows that, by how often the
// container was restarted before it.
type InstanceKey struct {
	ID       ContainerID
	Restarts int
}

// Same reports whether both name the same instance. A kubelet that has lost its containers may count their restarts from 0 again, so
// that IDs decide where there is one.
func (k InstanceKey) Same(other InstanceKey) bool {
	if k.ID != "" || other.ID != "" {
		return k.ID == other.ID
	}
	return k.Restarts == other.Restarts
}

// Instance is one life of a container, from its start to its end.
type Instance struct {
	ID       ContainerID // empty: there is no such instance, or it is one that the API no longer knows
	Restarts int         // that came before it
	Previous bool        // the kubelet serves its log as "previous"
	Running  bool
	Started  Seconds
	Finished Seconds
	Outcome  Outcome // if it has ended, and the API knows how
}

// Outcome is how an instance has ended.
type Outcome struct {
	Code   int32
	Signal int32  // that ended it, where the runtime tells; 0: none
	Reason string // the API's word for it, such as Completed, Error or OOMKilled; empty: unknown
}

// String returns the outcome as messages have it, such as "exit 1, Error".
func (o Outcome) String() string {
	text := fmt.Sprintf("exit %d", o.Code)
	if o.Signal != 0 {
		text += fmt.Sprintf(", signal %d", o.Signal)
	}
	if o.Reason != "" {
		text += ", " + o.Reason
	}
	return text
}

// endedInstance returns the instance that ended so; without an ID if t is nil.
func endedInstance(t *corev1.ContainerStateTerminated, restarts int) Instance {
	if t == nil {
		return Instance{}
	}
	return Instance{
		ID: ContainerID(t.ContainerID), Restarts: restarts, Started: seconds(t.StartedAt), Finished: seconds(t.FinishedAt),
		Outcome: Outcome{t.ExitCode, t.Signal, t.Reason},
	}
}

// Key names the instance.
func (in Instance) Key() InstanceKey { return InstanceKey{in.ID, in.Restarts} }

// Same reports whether both are the same instance, whatever else is known of it.
func (in Instance) Same(other Instance) bool { return in.Key().Same(other.Key()) }

// Begin returns when the instance began, in Unix nanoseconds, or a little after; the present time if that is unknown.
func (in Instance) Begin() int64 { return in.Started.end() }

// End returns when the instance ended, in Unix nanoseconds, or a little after; the present time if that is unknown.
func (in Instance) End() int64 { return in.Finished.end() }

// Seconds is a time in whole Unix seconds by a node's clock, which is all that the API tells; 0: unknown. The stamps of lines are in
// Unix nanoseconds, an int64.
type Seconds int64

// Nano returns the beginning of the second in Unix nanoseconds; 0 of an unknown time.
func (s Seconds) Nano() int64 { return int64(s) * int64(time.Second) }

// Time returns the beginning of the second.
func (s Seconds) Time() time.Time { return time.Unix(int64(s), 0) }

// end returns the end of the second in Unix nanoseconds; of an unknown time, the present.
func (s Seconds) end() int64 {
	if s == 0 {
		return time.Now().UnixNano()
	}
	return (s + 1).Nano()
}

func seconds(t metav1.Time) Seconds {
	if t.IsZero() {
		return 0
	}
	return Seconds(t.Unix())
}
