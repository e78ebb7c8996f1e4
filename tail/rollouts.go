package tail

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"mktail/tail/pods"
	"mktail/tail/report"
)

// rollouts are the Deployments, StatefulSets and DaemonSets that are asked for in the namespace of a podWatch, or in all, and what of
// their revisions is known. The goroutine of that uses it alone.
type rollouts struct {
	newest bool // only pods of the newest revisions are followed
	kinds  []*rolloutKind
	news   []report.Event // that were not reported yet
	held   bool           // the pods are being listed, which comes before
}

// rolloutKind are those of one kind.
type rolloutKind struct {
	*pods.WorkloadKind
	w     *podWatch
	asked []string                 // as KIND/NAME
	known map[string]pods.Workload // by namespace and name

	// revisions are the newest of those whose status does not name them, by UID; only the goroutine that asks uses it.
	revisions map[types.UID]foundRevision
}

// foundRevision is a revision that was looked up.
type foundRevision struct {
	generation int64 // of the workload
	annotation string
	label      string
}

// watchesRollouts has the workloads watched that are asked for, if anybody wants to know of their revisions.
func (w *podWatch) watchesRollouts() {
	c := w.c
	if w.rollouts.newest = c.o.NewestRevision; !c.o.NewestRevision && !c.o.Rollouts {
		return
	}
	for _, kind := range pods.WorkloadKinds {
		asked, names := c.owners.Workloads(kind)
		if len(asked) == 0 {
			continue
		}
		k := &rolloutKind{WorkloadKind: kind, w: w, asked: asked, known: make(map[string]pods.Workload), revisions: make(map[types.UID]foundRevision)}
		w.rollouts.kinds = append(w.rollouts.kinds, k)
		o := &objects{
			w: w, resource: kind.Resource, again: make(chan struct{}, 1), health: c.health.Reporter(""), newList: kind.NewList, newOne: kind.New,
			part: fmt.Sprintf("%s in %s (for %s)", kind.Resource.Resource, w.part, strings.Join(asked, ", ")), names: exact(names), early: true,
			listed: k.listed, seen: k.seen,
			polled: func(err error) { c.owners.WarnPolled(kind.Resource.Resource, strings.Join(asked, ", "), err, getEvery) },
		}
		if w.rollouts.newest && kind.NewRevisions != nil {
			o.revision = k.revision
		}
		w.watches = append(w.watches, o)
	}
}

// revision looks up the newest revision of a workload whose status does not name it. What was found holds until the controller has seen
// another change. Empty: it is not known yet, or not wanted.
func (k *rolloutKind) revision(ctx context.Context, o runtime.Object) (string, error) {
	is, observed := k.NewWorkload(o)
	m, ok := o.(metav1.Object)
	if !ok || !observed || is.Unrolled || !k.wanted(is) {
		return "", nil
	}
	now := foundRevision{generation: m.GetGeneration(), annotation: m.GetAnnotations()[pods.RevisionAnnotation]}
	if was := k.revisions[is.UID]; was.label != "" && was.generation == now.generation && was.annotation == now.annotation {
		return was.label, nil
	}
	options, err := k.RevisionOptions(o)
	if err != nil {
		return "", err
	}
	list := k.NewRevisions()
	if err := k.w.c.kube.ListObjects(ctx, k.Revisions, is.Namespace, options, list); err != nil {
		return "", err
	}
	revisions, err := meta.ExtractList(list)
	if err != nil {
		return "", err
	}
	now.label = k.Newest(is, revisions) // empty: it has none, as a Deployment that was made paused; its status changes after it has one
	k.revisions[is.UID] = now
	return now.label, nil
}

// wanted reports whether a workload is asked for.
func (k *rolloutKind) wanted(is pods.Workload) bool {
	return len(k.w.c.owners.MatchingWorkload(k.WorkloadKind, is.Name)) > 0 && k.w.c.o.SelectsNamespace(is.Namespace)
}

// listed takes a list of the workloads.
func (k *rolloutKind) listed(look *objectsLook) {
	there := make(map[string]bool)
	for _, o := range look.all {
		if m, ok := o.Object.(metav1.Object); ok {
			there[m.GetNamespace()+"/"+m.GetName()] = true
			k.happened(o, false)
		}
	}
	for key := range k.known {
		if !there[key] {
			k.gone(key)
		}
	}
}

// seen takes an event. What is news is reported at once, unless the pods are to be listed again before.
func (k *rolloutKind) seen(o heard, deleted bool) {
	if k.happened(o, deleted); !k.w.stale && !k.w.rollouts.held {
		k.w.reportRollouts(len(k.w.rollouts.news))
	}
}

// happened takes what the API says of a workload. With another newest revision the pods are listed again, and when the rollout is complete:
// the watch of them may be late, and what that decides is to be decided with all its pods known.
func (k *rolloutKind) happened(o heard, deleted bool) {
	is, observed := k.NewWorkload(o.Object)
	key := is.Namespace + "/" + is.Name
	was, known := k.known[key]
	switch {
	case !k.wanted(is):
		return
	case deleted:
		k.gone(key)
		return
	case known && was.UID != is.UID:
		k.gone(key)
		was, known = pods.Workload{}, false
	}
	if k.NewRevisions != nil {
		is.Revision = o.revision
	}
	if !observed || is.Revision == "" { // the last one is followed until there is another
		is.Revision = was.Revision
	}
	k.known[key] = is
	r := &k.w.rollouts
	if is.Unrolled && !was.Unrolled && is.Revision == "" && r.newest {
		k.w.c.log.Info().Msgf("%s: %s %s is paused, and has no pod of its newest revision yet", k.w.c.name, is.Kind, key)
	}
	if is.Revision != was.Revision && r.newest || is.Waits == "" && (!known || was.Waits != "") {
		k.w.stale = true
	}
	switch reported := known && k.waitedFor(was); {
	case !k.waitedFor(is):
		if reported {
			r.news = append(r.news, k.event(report.RolloutGone, was))
		}
	case !reported || is.Waits != was.Waits || is.Failure != was.Failure:
		e := k.event(report.Rollout, is)
		e.Owners, e.Reason = k.w.c.owners.MatchingWorkload(k.WorkloadKind, is.Name), is.Waits
		if is.Failure != "" {
			e.Failures = []string{is.Failure}
		}
		r.news = append(r.news, e)
	}
}

// gone takes that a workload was deleted, if it was known.
func (k *rolloutKind) gone(key string) {
	is, known := k.known[key]
	delete(k.known, key)
	if known && k.waitedFor(is) {
		k.w.rollouts.news = append(k.w.rollouts.news, k.event(report.RolloutGone, is))
	}
}

// waitedFor reports whether the rollout of a workload that is asked for is waited for.
func (k *rolloutKind) waitedFor(is pods.Workload) bool {
	return k.w.waitedFor(k.w.c.owners.MatchingWorkload(k.WorkloadKind, is.Name), is.PodLabels)
}

func (k *rolloutKind) event(kind report.Kind, is pods.Workload) report.Event {
	return report.Event{Kind: kind, Cluster: k.w.c.name, Namespace: is.Namespace, Workload: is.Kind + "/" + is.Name}
}

// reportRollouts reports the first n of what has happened to workloads, when the pods of their newest revisions were found.
func (w *podWatch) reportRollouts(n int) {
	news := w.rollouts.news[:n]
	w.rollouts.news = w.rollouts.news[n:]
	for _, e := range news {
		w.c.o.notify(e)
	}
}

// leavesOut reports whether a pod that belongs to an owner that is asked for is of a revision of it that is not the newest, or not known to be.
func (r *rollouts) leavesOut(c *cluster, owner pods.Owner, p *corev1.Pod) bool {
	if !r.newest {
		return false
	}
	for _, k := range r.kinds {
		if slices.Contains(k.asked, owner.String()) {
			return !k.IsOf(p, k.known[p.Namespace+"/"+c.owners.WorkloadOf(k.WorkloadKind, p)].Revision)
		}
	}
	return false
}
