package report

import (
	"time"

	"mktail/emit"
)

// Kind says what an Event is about.
type Kind string

// The kinds of events. Of a pod, found comes first; ended and gone come when all its lines were handed to the output,
// ended also when a log of it could not be read for so long that it may never be.
const (
	ClusterUp       Kind = "cluster-up"       // its pods could be listed, at first or again
	ClusterDown     Kind = "cluster-down"     // it can't be reached, or doesn't let us in
	PartUp          Kind = "part-up"          // a part of a cluster is readable again
	PartDown        Kind = "part-down"        // a part of a cluster, such as a namespace, can't be read
	PodFound        Kind = "pod-found"        // a pod is selected
	PodEnded        Kind = "pod-ended"        // none of its containers runs, or will again
	PodGone         Kind = "pod-gone"         // it was deleted, or is selected no longer
	PodUndecided    Kind = "pod-undecided"    // whether it is selected is not known, as its owners are being looked up, and may not be for long
	PodDecided      Kind = "pod-decided"      // that is known now, and if it is selected, PodFound was reported; or it is gone
	ContainerWaits  Kind = "container-waits"  // it waits to be started, or no longer; without Container, the pod waits for a node
	PodState        Kind = "pod-state"        // what the API says of a pod has changed; only on request
	ContainerOpen   Kind = "container-open"   // the first stream of its log is open
	ContainerClosed Kind = "container-closed" // nothing more is read of it
	Reconnect       Kind = "reconnect"        // a stream is opened again
	GapFound        Kind = "gap"              // lines may be missing
	Ready           Kind = "ready"            // every cluster was tried, and the streams of what runs there; again when that holds of one that was away at first

	// Of Jobs that are asked for, if Options.Jobs. JobEnded comes when all its pods that are there were found; these may be read yet.
	JobFound      Kind = "job-found"      // a Job is selected, or a pod of it
	JobEnded      Kind = "job-ended"      // it is Complete, or Failed
	JobGone       Kind = "job-gone"       // it was deleted
	Rollout       Kind = "rollout"        // a Deployment, StatefulSet or DaemonSet was found, or its rollout has changed, if Options.Rollouts or NewestRevision
	RolloutGone   Kind = "rollout-gone"   // it was deleted
	JobsForbidden Kind = "jobs-forbidden" // Jobs of a namespace, or with none of the cluster, can't be read: their pods are told of as any pods are
)

// Event is something that happens in a run beside lines. Fields that its kind has no use for are empty.
type Event struct {
	Kind                               Kind
	Cluster, Namespace, Pod, Container string
	UID                                string    // of the pod
	Job, JobUID                        string    // of JobFound, JobEnded and JobGone, and of PodFound if the pod belongs to such a Job
	Workload                           string    // of Rollout and RolloutGone: the object, as KIND/NAME
	Owners                             []string  // of JobFound and Rollout: the owners asked for that the object belongs to, as KIND/NAME; of PodFound, those that its Job belongs to
	Part                               string    // of a cluster, as messages call it
	Containers                         []string  // of a pod that is found, those to be followed
	Failures                           []string  // of a pod or Job that has ended or is gone, what failed of it, a phrase each; none: nothing; of PodState, what has failed since
	Unread                             []string  // of a pod that has ended, its containers that could not be read to the end, each with a reason
	Exits                              []Exit    // of PodEnded
	Reason                             string    // of ClusterDown, PartDown and ContainerWaits; of the last, empty: it waits no longer; of Rollout, what it waits for, empty: it is complete
	Forbidden                          bool      // of PartDown and PartUp: the credentials don't allow it; then Namespace is where, if that is one
	State                              []string  // of PodState, what the API says of the pod, a line each
	Gap                                *emit.Gap // of GapFound
	Cause                              GapCause  // of GapFound
}

// Exit is how a container has ended.
type Exit struct {
	Container string
	Code      int
	At        time.Time
}
