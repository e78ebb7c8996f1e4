// Package pods knows what the API says of pods and their containers, and which of them a run follows. It knows nothing of
// logs.
//
// New keeps of a pod what following its logs needs. A Selection decides by the pod alone whether a pod and its containers are
// followed; Owners asks the API server whose a pod is, and which pods services select. A Selection and a Pod are not changed
// after they were made, and may be read by many goroutines; Owners may be used by many, and may block for as long as the
// server takes to answer.
//
// The API knows times in whole seconds, by the clock of the node or of the API server: Begin and End of an Instance round
// them up.
package pods

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// Pod is what following the logs of a pod needs to know of it. The rest of the API's object is not kept.
type Pod struct {
	UID             types.UID
	Identity        string // see Identity
	Namespace, Name string
	Node            string // empty: the pod is not scheduled yet
	Created         time.Time
	LogUID          string            // UID in the name of the folder of the pod's logs on its node
	Containers      map[string]Status // by name; an ephemeral one is here from when the kubelet reports it
	Order           []string          // names of Containers: init, then regular, then ephemeral ones, each as the pod lists them
	Ended           bool              // the phase is Succeeded or Failed: no container runs, or will run again
	Failures        []string          // why it failed, if it has ended: a text for each container, else one for the pod
	Exits           map[string]Exit   // by name of the container, if it has ended
	Job             Job               // that it belongs to: only UID and names; the zero value if there is none
	Waits           map[string]string // why containers wait to be started; see waits
	State           *State            // nil: not wanted
	Details         *Details          // nil: not wanted

	defaultContainer string // the one that kubectl chooses if it is given none
}

// Details are what only some outputs show of a pod. They are most of what is kept of it. The maps belong to the API's object.
type Details struct {
	Labels, Annotations map[string]string
	Images              map[string]string // by container, as the pod's spec names them
}

// defaultContainerAnnotation is where a pod names the container that kubectl chooses.
const defaultContainerAnnotation = "kubectl.kubernetes.io/default-container"

// Identity returns what a pod is known by: its UID, which nothing else has. The API has but a mirror of a static pod, which another takes
// the place of when it is deleted, with another UID; such a pod is known by the UID that its node has for it, and its name.
func Identity(p *corev1.Pod) string {
	if uid := p.Annotations[corev1.MirrorPodAnnotationKey]; uid != "" {
		return uid + "/" + p.Namespace + "/" + p.Name
	}
	return string(p.UID)
}

// Static reports whether a pod is a static one, by its UID and identity.
func Static(uid types.UID, identity string) bool { return identity != string(uid) }

// New takes from p what following its logs needs, and with details its labels, annotations and images. It keeps nothing else
// of p.
func New(p *corev1.Pod, details bool) *Pod {
	t := &Pod{UID: p.UID, Identity: Identity(p), Namespace: p.Namespace, Name: p.Name, Node: p.Spec.NodeName, Created: p.CreationTimestamp.Time, Job: jobOf(p), Containers: make(map[string]Status)}
	if t.LogUID = p.Annotations[corev1.MirrorPodAnnotationKey]; t.LogUID == "" {
		t.LogUID = string(p.UID)
	}
	if len(p.Spec.Containers) > 0 {
		t.defaultContainer = p.Spec.Containers[0].Name
	}
	if t.Ended = p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed; t.Ended {
		t.Failures, t.Exits = failures(p), exits(p)
	}
	if !t.Ended {
		t.Waits = waits(p)
	}
	t.addStatuses(p)
	t.addSpecs(p)
	if details {
		t.Details = newDetails(p)
	}
	return t
}

// Started reports whether the kubelet has told of any container that it has, or had, an instance.
func (t *Pod) Started() bool {
	for _, s := range t.Containers {
		if s.Current.ID != "" {
			return true
		}
	}
	return false
}

// addStatuses adds the containers that the kubelet reports.
func (t *Pod) addStatuses(p *corev1.Pod) {
	var deleting Seconds
	if at := p.DeletionTimestamp; at != nil { // which is when the grace period ends
		deleting = Seconds(at.Unix() - ptr.Deref(p.DeletionGracePeriodSeconds, 0))
	}
	for kind, list := range [][]corev1.ContainerStatus{p.Status.ContainerStatuses, p.Status.InitContainerStatuses, p.Status.EphemeralContainerStatuses} {
		for _, c := range list {
			s := newStatus(c)
			s.kind = containerKind(kind)
			s.Ended = endedForGood(p, s.kind, c)
			s.Final = !s.Current.Running && t.Ended
			s.Deleting = deleting
			t.Containers[c.Name] = s
			if c.Name == p.Annotations[defaultContainerAnnotation] {
				t.defaultContainer = c.Name
			}
		}
	}
}

// addSpecs adds the init and regular containers that the kubelet doesn't report yet, and sets the order of all.
func (t *Pod) addSpecs(p *corev1.Pod) {
	for _, of := range []struct {
		kind containerKind
		list []corev1.Container
	}{{initContainer, p.Spec.InitContainers}, {appContainer, p.Spec.Containers}} {
		for _, c := range of.list {
			t.Order = append(t.Order, c.Name)
			if _, reported := t.Containers[c.Name]; !reported {
				t.Containers[c.Name] = Status{kind: of.kind}
			}
		}
	}
	for _, c := range p.Spec.EphemeralContainers {
		if _, reported := t.Containers[c.Name]; reported {
			t.Order = append(t.Order, c.Name)
		}
	}
}

func newDetails(p *corev1.Pod) *Details {
	d := &Details{Labels: p.Labels, Annotations: p.Annotations, Images: make(map[string]string)}
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		d.Images[c.Name] = c.Image
	}
	for _, c := range p.Spec.EphemeralContainers {
		d.Images[c.Name] = c.Image
	}
	return d
}

// Ending reports whether nothing but last lines is written in a pod for now: it is being deleted, or none of its containers
// runs.
func Ending(p *corev1.Pod) bool {
	runs := func(c corev1.ContainerStatus) bool { return c.State.Running != nil }
	st := &p.Status
	return p.DeletionTimestamp != nil || !slices.ContainsFunc(slices.Concat(st.InitContainerStatuses, st.ContainerStatuses, st.EphemeralContainerStatuses), runs)
}
