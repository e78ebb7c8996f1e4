package tail

import (
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"mktail/tail/pods"
	"mktail/tail/report"
)

// jobs are the Jobs that are asked for in the namespace of a podWatch, or in all. The goroutine of that uses it alone.
type jobs struct {
	*objects      // nil: no Jobs are asked for, or nobody wants to know
	hidden   bool // they can't be read
	known    map[types.UID]*job
	ended    []*job // that have ended since pods were last listed

	history map[types.UID]bool // Jobs of CronJobs that are not waited for: see pods.History; nil: Jobs were not listed yet
}

// job is a Job that JobFound was reported of.
type job struct {
	pods.Job
	since time.Time // when it was found
	seen  bool      // the API has told of it, and not only a pod
	gone  bool      // it was deleted
}

func (w *podWatch) watchesJobs() {
	c := w.c
	w.jobs.known = make(map[types.UID]*job)
	if !c.o.Jobs || !c.owners.HasJobs() {
		return
	}
	w.jobs.objects = &objects{
		w: w, resource: pods.JobResource, again: make(chan struct{}, 1), health: c.health.Reporter(""),
		newList: func() runtime.Object { return new(batchv1.JobList) }, newOne: func() runtime.Object { return new(batchv1.Job) },
		part: fmt.Sprintf("jobs in %s (for %s)", w.part, c.owners.AskedJobs()), names: c.owners.JobNames(),
		listed: w.jobsListed, polled: func(err error) { c.owners.WarnPolled("jobs", c.owners.AskedJobs(), err, getEvery) },
		denied: func(err error) {
			w.jobs.hidden = true
			c.owners.WarnJobs(err)
			c.o.notify(report.Event{Kind: report.JobsForbidden, Cluster: c.name, Namespace: w.namespace})
		},
		seen: func(o heard, deleted bool) {
			object, ok := o.Object.(*batchv1.Job)
			if !ok {
				return
			}
			w.jobSeen(object)
			if known := w.jobs.known[object.UID]; known != nil && deleted {
				w.jobGone(known)
			}
		},
	}
	w.watches = append(w.watches, w.jobs.objects)
}

// jobsListed takes a list of the Jobs.
func (w *podWatch) jobsListed(look *objectsLook) {
	w.takeHistory(look)
	there := make(map[types.UID]bool, len(look.all))
	for _, o := range look.all {
		if object, ok := o.Object.(*batchv1.Job); ok {
			there[object.UID] = true
			w.jobSeen(object)
		}
	}
	for uid, j := range w.jobs.known {
		if !there[uid] && !j.since.After(look.at) {
			w.jobGone(j)
		}
	}
}

// takeHistory takes from the first list which Jobs of CronJobs had ended before. A CronJob keeps some: how those have ended is old news.
func (w *podWatch) takeHistory(look *objectsLook) {
	if w.jobs.history != nil {
		return
	}
	var all []pods.Job
	for _, o := range look.all {
		if object, ok := o.Object.(*batchv1.Job); ok {
			all = append(all, pods.NewJob(object))
		}
	}
	w.jobs.history = pods.History(all)
	for _, j := range all {
		if w.c.owners.Named(j) {
			delete(w.jobs.history, j.UID)
		}
	}
	for uid, j := range w.jobs.known { // by its pods
		if w.jobs.history[uid] {
			w.jobGone(j)
		}
	}
}

// jobSeen takes what the API says of a Job. When one has ended the pods are listed again, before that is reported: the watch of them may
// be late, and its last pods are to be read.
func (w *podWatch) jobSeen(object *batchv1.Job) {
	is := pods.NewJob(object)
	refs := object.OwnerReferences
	if refs == nil {
		refs = []metav1.OwnerReference{}
	}
	owners := w.c.owners.MatchingJob(is, refs)
	if len(owners) == 0 || !w.c.o.SelectsNamespace(is.Namespace) || w.jobs.history[is.UID] {
		return
	}
	j := w.jobs.known[is.UID]
	if j == nil {
		switch {
		case is.Deleting && !is.Ended: // another is to take its place, as a rule
			return
		case !w.waitedFor(owners, object.Spec.Template.Labels):
			return
		}
		j = w.jobFound(is, owners)
	}
	if is.Suspended != j.Suspended && !is.Ended {
		now := "is suspended"
		if !is.Suspended {
			now = "is resumed"
		}
		w.c.log.Info().Msgf("%s: job %s/%s %s", w.c.name, is.Namespace, is.Name, now)
	}
	if is.Ended && !j.Ended {
		w.jobs.ended = append(w.jobs.ended, j)
		w.stale = true
	}
	j.Job, j.seen = is, true
}

// jobFound reports that a Job was found.
func (w *podWatch) jobFound(is pods.Job, owners []string) *job {
	j := &job{Job: pods.Job{UID: is.UID, Namespace: is.Namespace, Name: is.Name}, since: time.Now()}
	w.jobs.known[is.UID] = j
	e := w.jobEvent(report.JobFound, j)
	e.Owners = owners
	w.c.o.notify(e)
	return j
}

// jobGone takes that a Job was deleted. One that only its pods have told of was deleted before anybody looked, and is of no interest.
func (w *podWatch) jobGone(j *job) {
	delete(w.jobs.known, j.UID)
	if j.gone = true; slices.Contains(w.jobs.ended, j) { // its end comes first
		return
	}
	e := w.jobEvent(report.JobGone, j)
	if j.seen && !j.Ended {
		e.Failures = []string{"deleted before it ended"}
	}
	w.c.o.notify(e)
}

// jobsEnded reports the first n of the Jobs that have ended.
func (w *podWatch) jobsEnded(n int) {
	due := w.jobs.ended[:n]
	w.jobs.ended = w.jobs.ended[n:]
	for _, j := range due {
		e := w.jobEvent(report.JobEnded, j)
		if j.Failure != "" {
			e.Failures = []string{j.Failure}
		}
		w.c.o.notify(e)
		if j.gone {
			w.jobGone(j)
		}
	}
}

func (w *podWatch) jobEvent(kind report.Kind, j *job) report.Event {
	return report.Event{Kind: kind, Cluster: w.c.name, Namespace: j.Namespace, Job: j.Name, JobUID: string(j.UID)}
}

// jobOf returns the Job that a pod belongs to, if Jobs decide and it is asked for, and by which owners it is asked for. One that is not known
// yet is reported before its pod is, and looked for. Where Jobs can't be read only the owners are returned.
func (w *podWatch) jobOf(p *pods.Pod) (job pods.Job, owners []string) {
	if w.jobs.objects == nil || p.Job.UID == "" {
		return job, nil
	}
	if owners = w.c.owners.MatchingJob(p.Job, nil); len(owners) == 0 || w.jobs.hidden {
		return job, owners
	}
	if w.jobs.known[p.Job.UID] == nil && !w.jobs.history[p.Job.UID] {
		w.jobFound(p.Job, owners)
		w.jobs.relist()
	}
	return p.Job, owners
}
