package tail

import "mktail/emit"

// EventKind says what an Event is about.
type EventKind string

// The kinds of events. Of a pod, found comes first; ended and gone come when all its lines were handed to the output.
const (
	ClusterUp       EventKind = "cluster-up"       // its pods could be listed, at first or again
	ClusterDown     EventKind = "cluster-down"     // it can't be reached, or doesn't let us in
	PartUp          EventKind = "part-up"          // a part of a cluster is readable again
	PartDown        EventKind = "part-down"        // a part of a cluster, such as a namespace, can't be read
	PodFound        EventKind = "pod-found"        // a pod is selected
	PodEnded        EventKind = "pod-ended"        // none of its containers runs, or will again
	PodGone         EventKind = "pod-gone"         // it was deleted, or is selected no longer
	ContainerOpen   EventKind = "container-open"   // the first stream of its log is open
	ContainerClosed EventKind = "container-closed" // nothing more is read of it
	Reconnect       EventKind = "reconnect"        // a stream is opened again
	GapFound        EventKind = "gap"              // lines may be missing
	Ready           EventKind = "ready"            // every cluster was tried, and the streams of what runs there: once in a run
)

// Event is something that happens in a run beside lines. What its kind has no use for is empty.
type Event struct {
	Kind                               EventKind
	Cluster, Namespace, Pod, Container string
	UID                                string    // of the pod
	Part                               string    // of a cluster, as messages call it
	Containers                         []string  // of a pod that is found, those to be followed
	Failures                           []string  // of a pod that has ended or is gone, what failed of it, a phrase each; none: nothing
	Reason                             string    // of ClusterDown and PartDown
	Gap                                *emit.Gap // of GapFound
}

// notify tells who wants to know.
func (o *Options) notify(e Event) {
	if o.Notify != nil {
		o.Notify(e)
	}
}

// notify tells of something that happens to a follower.
func (f *follower) notify(kind EventKind, gap *emit.Gap) {
	f.c.o.notify(Event{
		Kind: kind, Cluster: f.c.name, Namespace: f.ns, Pod: f.pod, UID: string(f.uid), Container: f.container, Gap: gap,
	})
}
