package pods

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"mktail/discover/glob"
)

// JobResource is that of Jobs.
var JobResource = intermediateKinds[jobKind].resource

// Job is what the end of a run needs to know of a Job. Its conditions decide when it has ended, and how: only its controller knows how
// many pods must succeed, and how many may fail, at which index, with which exit codes.
type Job struct {
	UID             types.UID
	Namespace, Name string
	Ended           bool   // it is Complete or Failed
	Failure         string // why it is Failed
	Suspended       bool   // it has no pods, and makes none
	Deleting        bool

	Created time.Time
	CronJob types.UID // that has made it; empty: none has
}

// NewJob takes from the API's object what is needed.
func NewJob(j *batchv1.Job) Job {
	job := Job{UID: j.UID, Namespace: j.Namespace, Name: j.Name, Suspended: j.Spec.Suspend != nil && *j.Spec.Suspend, Deleting: j.DeletionTimestamp != nil, Created: j.CreationTimestamp.Time}
	for _, ref := range j.OwnerReferences {
		if kind, ok := kindOf(ref); ok && kind.GroupKind() == cronJobKind {
			job.CronJob = ref.UID
		}
	}
	for _, c := range j.Status.Conditions {
		switch {
		case c.Status != corev1.ConditionTrue:
		case c.Type == batchv1.JobComplete:
			job.Ended = true
		case c.Type == batchv1.JobFailed:
			job.Ended, job.Failure = true, "failed"
			if c.Reason != "" {
				job.Failure = c.Reason
			}
			if c.Message != "" {
				job.Failure += ": " + c.Message
			}
		}
	}
	return job
}

// Reference is how a pod of the Job names it as an owner.
func (j Job) Reference() metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: batchv1.SchemeGroupVersion.String(), Kind: jobKind.Kind, Name: j.Name, UID: j.UID}
}

// jobOf returns the Job that a pod belongs to; the zero value if there is none.
func jobOf(p *corev1.Pod) Job {
	for _, ref := range p.OwnerReferences {
		if kind, ok := kindOf(ref); ok && kind.GroupKind() == jobKind {
			return Job{UID: ref.UID, Namespace: p.Namespace, Name: ref.Name}
		}
	}
	return Job{}
}

// IsJob reports whether the owner is a Job, or a CronJob, which owns Jobs.
func (o Owner) IsJob() bool {
	kind, ok := wellKnown(o.Kind)
	return ok && (kind == jobKind || kind == cronJobKind)
}

// endlessKinds are the well-known kinds whose pods are replaced when they end.
var endlessKinds = []schema.GroupKind{deploymentKind, statefulSetKind, daemonSetKind, replicaSetKind, controllerKind, serviceKind}

// Endless reports whether the owner's pods are replaced when they end, as far as its kind is known: it does not end itself.
func (o Owner) Endless() bool {
	kind, ok := wellKnown(o.Kind)
	return ok && slices.Contains(endlessKinds, kind)
}

// Jobs returns the Jobs and CronJobs that are asked for, as KIND/NAME.
func (s *Selection) Jobs() (names []string) {
	for _, o := range s.Owners {
		if o.IsJob() {
			names = append(names, o.String())
		}
	}
	return names
}

// HasJobs reports whether Jobs are asked for.
func (o *Owners) HasJobs() bool { return slices.ContainsFunc(o.asked, Owner.IsJob) }

// JobNames returns the names of the Jobs that are asked for, if they are given by their exact names; none: others may be meant.
func (o *Owners) JobNames() (names []string) {
	for _, owner := range o.asked {
		switch kind, _ := wellKnown(owner.Kind); {
		case !owner.IsJob():
		case kind != jobKind || glob.Is(owner.Name):
			return nil
		default:
			names = append(names, owner.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// MatchingJob returns which of the Jobs and CronJobs asked for a Job belongs to, by what is known. refs are the Job's own owners, which
// are kept; nil: they are not known here.
func (o *Owners) MatchingJob(job Job, refs []metav1.OwnerReference) (found []string) {
	ref := job.Reference()
	if refs != nil && o.matters(jobKind) {
		o.mu.Lock()
		o.keep(refKey(job.Namespace, ref), refs)
		o.mu.Unlock()
	}
	all, _ := o.ancestors(job.Namespace, owners{ref}, 0)
	for _, owner := range o.asked {
		kind, _ := wellKnown(owner.Kind)
		if owner.IsJob() && slices.ContainsFunc(all, func(a ancestor) bool { return a.kind == kind && glob.Match(owner.Name, a.name) }) {
			found = append(found, owner.String())
		}
	}
	return found
}

// Named reports whether a Job is asked for by its own name, and not only as one of a CronJob.
func (o *Owners) Named(job Job) bool {
	return slices.ContainsFunc(o.asked, func(owner Owner) bool {
		kind, _ := wellKnown(owner.Kind)
		return kind == jobKind && glob.Match(owner.Name, job.Name)
	})
}

// History returns which of the Jobs of CronJobs are history: they have ended, and the CronJob has one that has not, or a newer one.
func History(jobs []Job) map[types.UID]bool {
	current := make(map[types.UID]Job) // by CronJob: one that has not ended, else the newest
	for _, j := range jobs {
		c, ok := current[j.CronJob]
		switch {
		case j.CronJob == "", j.Deleting && !j.Ended:
		case !ok, c.Ended && !j.Ended, c.Ended == j.Ended && cmp.Or(j.Created.Compare(c.Created), cmp.Compare(j.Name, c.Name)) > 0:
			current[j.CronJob] = j
		}
	}
	history := make(map[types.UID]bool)
	for _, j := range jobs {
		if j.CronJob != "" && j.Ended && current[j.CronJob].UID != j.UID {
			history[j.UID] = true
		}
	}
	return history
}

// AskedJobs lists the Jobs and CronJobs that are asked for.
func (o *Owners) AskedJobs() string { return o.askedThat(Owner.IsJob) }

// WarnPolled logs that objects, which were asked for so, can't be listed, because err forbids it, and are asked for by their names every so
// often, once.
func (o *Owners) WarnPolled(objects, asked string, err error, every time.Duration) {
	o.warnOnce(fmt.Sprintf("%s cannot be listed (for %s), and are asked for by name every %s instead", objects, asked, every), err)
}

// WarnJobs logs that Jobs can't be read, because err forbids it, once.
func (o *Owners) WarnJobs(err error) {
	o.warnOnce(fmt.Sprintf("jobs cannot be read (for %s), and their pods decide instead", o.AskedJobs()), err)
}
