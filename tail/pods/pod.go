package pods

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// pod is what tailing needs of a pod; the rest of the object is let go.
type Pod struct {
	UID             types.UID
	Namespace, Name string
	Node            string
	Created         time.Time
	LogUID          string // by which the kubelet calls the folder of its logs
	Default         string // the container that kubectl chooses if it is given none
	Containers      map[string]Status
	Order           []string // of the containers: init, then regular, then ephemeral ones, each as the pod lists them
	Ended           bool     // none of the containers runs, or will again
	Failures        []string // of what is over
	Details         *Details // nil: nobody wants it
}

// details are what only some outputs show of a pod. It is most of what is kept of it.
type Details struct {
	Labels, Annotations map[string]string
	Images              map[string]string // of the containers, as the pod names them
}

// containerKind says in which list of the pod a container stands.
type containerKind int

const (
	appContainer containerKind = iota
	initContainer
	ephemeralContainer
)

// defaultContainerAnnotation is the annotation by which a pod names the container that matters.
const DefaultContainerAnnotation = "kubectl.kubernetes.io/default-container"

// status is what the API last told of one container.
type Status struct {
	Current  Instance       // whose log the kubelet serves; none has begun if it has no ID
	Previous Instance       // the one before, whose log is served as "previous"; may have no ID
	State    ContainerState // 0: the API has told nothing of it yet
	kind     containerKind
	Final    bool  // no further instance will come
	Ended    bool  // none will, unless the pod is set up anew
	Deleting int64 // when the pod's deletion began, in Unix seconds; 0: it did not
}

// instance is one life of a container, from its start to its end.
type Instance struct {
	ID       string
	Restarts int // that came before it
	Previous bool
	Running  bool
	Started  int64 // in Unix seconds by the node's clock; 0: unknown
	Finished int64 // likewise
}

// New takes from a pod what tailing needs, with its labels, annotations and images if details are wanted. Nothing of p is kept
// but these.
func New(p *corev1.Pod, details bool) *Pod {
	t := &Pod{UID: p.UID, Namespace: p.Namespace, Name: p.Name, Node: p.Spec.NodeName, Containers: make(map[string]Status)}
	t.Created = p.CreationTimestamp.Time
	if t.LogUID = string(p.UID); p.Annotations["kubernetes.io/config.hash"] != "" { // a static pod, whose object only mirrors it
		t.LogUID = p.Annotations["kubernetes.io/config.hash"]
	}
	if len(p.Spec.Containers) > 0 {
		t.Default = p.Spec.Containers[0].Name
	}
	if t.Ended = p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed; t.Ended {
		t.Failures = failures(p)
	}
	for kind, list := range [][]corev1.ContainerStatus{p.Status.ContainerStatuses, p.Status.InitContainerStatuses, p.Status.EphemeralContainerStatuses} {
		for _, c := range list {
			s := statusOf(c)
			s.kind = containerKind(kind)
			s.Ended = ended(p, s.kind, c)
			if c.Name == p.Annotations[DefaultContainerAnnotation] {
				t.Default = c.Name
			}
			s.Final = !s.Current.Running && t.Ended
			if at := p.DeletionTimestamp; at != nil { // which is when the grace period ends
				s.Deleting = at.Unix() - ptr.Deref(p.DeletionGracePeriodSeconds, 0)
			}
			t.Containers[c.Name] = s
		}
	}
	for _, of := range []struct {
		kind containerKind
		list []corev1.Container
	}{{initContainer, p.Spec.InitContainers}, {appContainer, p.Spec.Containers}} {
		for _, c := range of.list {
			t.Order = append(t.Order, c.Name)
			if _, told := t.Containers[c.Name]; !told { // the kubelet tells nothing of it yet
				t.Containers[c.Name] = Status{kind: of.kind}
			}
		}
	}
	for _, c := range p.Spec.EphemeralContainers {
		if _, told := t.Containers[c.Name]; told {
			t.Order = append(t.Order, c.Name)
		}
	}
	if details {
		t.Details = newDetails(p)
	}
	return t
}

func newDetails(p *corev1.Pod) *Details {
	d := &Details{Labels: p.Labels, Annotations: p.Annotations, Images: make(map[string]string)}
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for _, c := range list {
			d.Images[c.Name] = c.Image
		}
	}
	for _, c := range p.Spec.EphemeralContainers {
		d.Images[c.Name] = c.Image
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
func statusOf(c corev1.ContainerStatus) Status {
	restarts := int(c.RestartCount)
	ended := func(t *corev1.ContainerStateTerminated, restarts int) Instance {
		if t == nil {
			return Instance{}
		}
		return Instance{ID: t.ContainerID, Restarts: restarts, Started: unix(t.StartedAt), Finished: unix(t.FinishedAt)}
	}
	last := c.LastTerminationState.Terminated
	var s Status
	switch {
	case c.State.Running != nil:
		s.State = Running
		s.Current = Instance{ID: c.ContainerID, Restarts: restarts, Running: true, Started: unix(c.State.Running.StartedAt)}
		s.Previous = ended(last, restarts-1)
	case c.State.Terminated != nil && c.State.Terminated.ContainerID != "":
		s.State = Terminated
		s.Current = ended(c.State.Terminated, restarts)
		s.Previous = ended(last, restarts-1)
	default: // waiting, perhaps to be started again; also one that ended without ever having begun
		s.State = Waiting
		s.Current = ended(last, restarts)
	}
	s.Previous.Previous = true
	return s
}

// onlyPrevious is the status of which nothing but the instance is left that is served as "previous".
func (s Status) OnlyPrevious() Status {
	if s.State != Waiting {
		s.Current = s.Previous
	}
	s.Current.Previous, s.Previous, s.Final = true, Instance{}, true
	return s
}

// Begin returns when the instance began, in Unix nanoseconds, or a little after.
func (in Instance) Begin() int64 { return roundUp(in.Started) }

// End returns when the instance ended, in Unix nanoseconds, or a little after.
func (in Instance) End() int64 { return roundUp(in.Finished) }

// roundUp gives the end of a second, since the API knows no fractions; the present time for an unknown one.
func roundUp(seconds int64) int64 {
	if seconds == 0 {
		return time.Now().UnixNano()
	}
	return time.Unix(seconds+1, 0).UnixNano()
}

func unix(t metav1.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
