package pods

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Status is what the API last said of one container.
type Status struct {
	Current  Instance       // whose log the kubelet serves; without an ID: no instance has begun
	Previous Instance       // the one before, whose log it serves as "previous"; without an ID: there is none
	State    ContainerState // 0: the kubelet has not reported the container yet
	Final    bool           // no further instance will begin
	Ended    bool           // the container has ended, and the restart policy starts it again only if the pod's sandbox is made again
	Deleting Seconds        // when the deletion of the pod began; 0: it did not

	kind containerKind
}

// ContainerState is a set of states of containers. The zero value is the set of all.
type ContainerState int

// The states of containers, as the API has them.
const (
	Running ContainerState = 1 << iota
	Waiting
	Terminated
)

// Has reports whether s contains a state.
func (s ContainerState) Has(state ContainerState) bool { return s == 0 || s&state != 0 }

// containerKind is the list of the pod in which a container stands. addStatuses knows the order.
type containerKind int

const (
	appContainer containerKind = iota
	initContainer
	ephemeralContainer
)

// newStatus chooses the instances as the kubelet does when it is asked for a log (pkg/kubelet/kubelet_pods.go,
// validateContainerLogStatus).
func newStatus(c corev1.ContainerStatus) Status {
	restarts := int(c.RestartCount)
	last := c.LastTerminationState.Terminated
	var s Status
	switch {
	case c.State.Running != nil:
		s.State = Running
		s.Current = Instance{ID: ContainerID(c.ContainerID), Restarts: restarts, Running: true, Started: seconds(c.State.Running.StartedAt)}
		s.Previous = endedInstance(last, restarts-1)
	case c.State.Terminated != nil && c.State.Terminated.ContainerID != "":
		s.State = Terminated
		s.Current = endedInstance(c.State.Terminated, restarts)
		s.Previous = endedInstance(last, restarts-1)
	default: // waiting, perhaps to be started again; also one that ended without ever having begun
		s.State = Waiting
		s.Current = endedInstance(last, restarts)
	}
	s.Previous.Previous = true
	return s
}

// OnlyPrevious returns the status with only the instance left that the kubelet serves as "previous": it is Current, and final.
func (s Status) OnlyPrevious() Status {
	if s.State != Waiting {
		s.Current = s.Previous
	}
	s.Current.Previous, s.Previous, s.Final = true, Instance{}, true
	return s
}

// endedForGood reports whether a container has ended and its restart policy does not start it again. A container's own policy
// comes before the pod's; an init container that has succeeded is not started again whatever the pod's policy is, and an
// ephemeral one never is.
func endedForGood(p *corev1.Pod, kind containerKind, c corev1.ContainerStatus) bool {
	if c.State.Terminated == nil {
		return false
	}
	policy := p.Spec.RestartPolicy
	switch {
	case kind == ephemeralContainer:
		policy = corev1.RestartPolicyNever
	case kind == initContainer && policy == corev1.RestartPolicyAlways:
		policy = corev1.RestartPolicyOnFailure
	}
	for _, own := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		if own.Name == c.Name && own.RestartPolicy != nil {
			policy = corev1.RestartPolicy(*own.RestartPolicy)
		}
	}
	return policy == corev1.RestartPolicyNever || policy == corev1.RestartPolicyOnFailure && c.State.Terminated.ExitCode == 0
}
