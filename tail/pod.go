package tail

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// pod is what tailing needs of a pod; the rest of the object is let go.
type pod struct {
	uid        types.UID
	ns, name   string
	node       string
	containers map[string]status
}

// status is what the API last told of one container.
type status struct {
	id       string // of the instance whose log the kubelet serves; empty: none has begun
	previous string // of the instance before, whose log is served as "previous"; may be empty
	running  bool
	final    bool // no further instance will come
}

func trim(p *corev1.Pod) *pod {
	t := &pod{uid: p.UID, ns: p.Namespace, name: p.Name, node: p.Spec.NodeName, containers: make(map[string]status)}
	over := p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses} {
		for _, c := range list {
			s := statusOf(c)
			s.final = !s.running && over
			t.containers[c.Name] = s
		}
	}
	return t
}

// statusOf chooses the instance as the kubelet does when it is asked for a log (kubelet_pods.go,
// validateContainerLogStatus).
func statusOf(c corev1.ContainerStatus) status {
	last := ""
	if t := c.LastTerminationState.Terminated; t != nil {
		last = t.ContainerID
	}
	switch {
	case c.State.Running != nil:
		return status{id: c.ContainerID, previous: last, running: true}
	case c.State.Terminated != nil && c.State.Terminated.ContainerID != "":
		return status{id: c.State.Terminated.ContainerID, previous: last}
	default: // waiting, perhaps to be started again; also one that ended without ever having begun
		return status{id: last}
	}
}
