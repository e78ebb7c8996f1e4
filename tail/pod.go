package tail

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// pod is what tailing needs of a pod; the rest of the object is let go.
type pod struct {
	uid        types.UID
	ns, name   string
	node       string
	created    time.Time
	logUID     string // by which the kubelet calls the folder of its logs
	standard   string // the container that kubectl chooses if it is given none
	containers map[string]status
	order      []string // of the containers: init, then regular, then ephemeral ones, each as the pod lists them
	over       bool     // none of the containers runs, or will again
	failures   []string // of what is over
	more       *details // nil: nobody wants it
}

// details are what only some outputs show of a pod. It is most of what is kept of it.
type details struct {
	labels, annotations map[string]string
	images              map[string]string // of the containers, as the pod names them
}

// containerKind says in which list of the pod a container stands.
type containerKind int

const (
	appContainer containerKind = iota
	initContainer
	ephemeralContainer
)

// standardContainer is the annotation by which a pod names the container that matters.
const standardContainer = "kubectl.kubernetes.io/default-container"

// status is what the API last told of one container.
type status struct {
	current  instance       // whose log the kubelet serves; none has begun if it has no ID
	previous instance       // the one before, whose log is served as "previous"; may have no ID
	state    ContainerState // 0: the API has told nothing of it yet
	kind     containerKind
	final    bool  // no further instance will come
	ended    bool  // none will, unless the pod is set up anew
	deleting int64 // when the pod's deletion began, in Unix seconds; 0: it did not
}

// instance is one life of a container, from its start to its end.
type instance struct {
	id       string
	restarts int // that came before it
	previous bool
	running  bool
	started  int64 // in Unix seconds by the node's clock; 0: unknown
	finished int64 // likewise
}

// New takes from a pod what tailing needs, with its labels, annotations and images if details are wanted. Nothing of p is kept
// but these.
func newPod(p *corev1.Pod, details bool) *pod {
	t := &pod{uid: p.UID, ns: p.Namespace, name: p.Name, node: p.Spec.NodeName, containers: make(map[string]status)}
	t.created = p.CreationTimestamp.Time
	if t.logUID = string(p.UID); p.Annotations["kubernetes.io/config.hash"] != "" { // a static pod, whose object only mirrors it
		t.logUID = p.Annotations["kubernetes.io/config.hash"]
	}
	if len(p.Spec.Containers) > 0 {
		t.standard = p.Spec.Containers[0].Name
	}
	if t.over = p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed; t.over {
		t.failures = failures(p)
	}
	for kind, list := range [][]corev1.ContainerStatus{p.Status.ContainerStatuses, p.Status.InitContainerStatuses, p.Status.EphemeralContainerStatuses} {
		for _, c := range list {
			s := statusOf(c)
			s.kind = containerKind(kind)
			s.ended = ended(p, s.kind, c)
			if c.Name == p.Annotations[standardContainer] {
				t.standard = c.Name
			}
			s.final = !s.current.running && t.over
			if at := p.DeletionTimestamp; at != nil { // which is when the grace period ends
				s.deleting = at.Unix() - ptr.Deref(p.DeletionGracePeriodSeconds, 0)
			}
			t.containers[c.Name] = s
		}
	}
	for _, of := range []struct {
		kind containerKind
		list []corev1.Container
	}{{initContainer, p.Spec.InitContainers}, {appContainer, p.Spec.Containers}} {
		for _, c := range of.list {
			t.order = append(t.order, c.Name)
			if _, told := t.containers[c.Name]; !told { // the kubelet tells nothing of it yet
				t.containers[c.Name] = status{kind: of.kind}
			}
		}
	}
	for _, c := range p.Spec.EphemeralContainers {
		if _, told := t.containers[c.Name]; told {
			t.order = append(t.order, c.Name)
		}
	}
	if details {
		t.more = newDetails(p)
	}
	return t
}

func newDetails(p *corev1.Pod) *details {
	d := &details{labels: p.Labels, annotations: p.Annotations, images: make(map[string]string)}
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for _, c := range list {
			d.images[c.Name] = c.Image
		}
	}
	for _, c := range p.Spec.EphemeralContainers {
		d.images[c.Name] = c.Image
	}
	return d
}

// ended tells whether a container has ended and, by the pod's policy, is not started again.
func ended(p *corev1.Pod, kind containerKind, c corev1.ContainerStatus) bool {
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

// statusOf chooses the instance as the kubelet does when it is asked for a log (kubelet_pods.go,
// validateContainerLogStatus).
func statusOf(c corev1.ContainerStatus) status {
	restarts := int(c.RestartCount)
	ended := func(t *corev1.ContainerStateTerminated, restarts int) instance {
		if t == nil {
			return instance{}
		}
		return instance{id: t.ContainerID, restarts: restarts, started: unix(t.StartedAt), finished: unix(t.FinishedAt)}
	}
	last := c.LastTerminationState.Terminated
	var s status
	switch {
	case c.State.Running != nil:
		s.state = Running
		s.current = instance{id: c.ContainerID, restarts: restarts, running: true, started: unix(c.State.Running.StartedAt)}
		s.previous = ended(last, restarts-1)
	case c.State.Terminated != nil && c.State.Terminated.ContainerID != "":
		s.state = Terminated
		s.current = ended(c.State.Terminated, restarts)
		s.previous = ended(last, restarts-1)
	default: // waiting, perhaps to be started again; also one that ended without ever having begun
		s.state = Waiting
		s.current = ended(last, restarts)
	}
	s.previous.previous = true
	return s
}

// onlyPrevious is the status of which nothing but the instance is left that is served as "previous".
func (s status) onlyPrevious() status {
	if s.state != Waiting {
		s.current = s.previous
	}
	s.current.previous, s.previous, s.final = true, instance{}, true
	return s
}

func unix(t metav1.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
