package tail

import (
	"context"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"mktail/tail/kube"
	"mktail/tail/report"
)

// ownersWait is how long a list waits for owners that are looked up. What is not known by then does not hold up the other pods.
const ownersWait = 5 * time.Second

// undecided are the pods of which it is not known whether they belong to the owners that are asked for. The zero value has none.
type undecided struct {
	lookups map[string]*lookup    // by the owners
	byPod   map[types.UID]*lookup // that a pod waits for

	reported map[types.UID]report.Event // of pods that PodUndecided was reported of: what is to be reported when they are decided
}

// lookup is the lookup of the owners that some pods have in common.
type lookup struct {
	owners string
	pods   map[types.UID]*corev1.Pod // that wait for it, as they were last
	tried  chan struct{}             // closed after the first try
	over   bool                      // all has been looked up; what was forgotten since is looked up again
	cancel context.CancelFunc
}

// ownersOf names the owners of a pod.
func ownersOf(p *corev1.Pod) string {
	names := p.Namespace
	for _, ref := range p.OwnerReferences {
		names += "\x00" + string(ref.UID) + "/" + ref.APIVersion + "/" + ref.Kind + "/" + ref.Name
	}
	return names
}

// decideLater has the owners of a pod looked up, beside the watch, and the pod updated when they are known.
func (w *podWatch) decideLater(ctx context.Context, p *corev1.Pod) {
	u, owners := &w.undecided, ownersOf(p)
	if was := u.byPod[p.UID]; was != nil && was.owners != owners {
		w.undecided.remove(p.UID)
	}
	l := u.lookups[owners]
	if l != nil && l.over { // what it has learned was forgotten before the pod was decided
		u.end(l)
		l = nil
	}
	if l == nil {
		looking, cancel := context.WithCancel(ctx)
		l = &lookup{owners: owners, pods: make(map[types.UID]*corev1.Pod), tried: make(chan struct{}), cancel: cancel}
		if u.lookups == nil {
			u.lookups, u.byPod = make(map[string]*lookup), make(map[types.UID]*lookup)
		}
		u.lookups[owners] = l
		ns, refs := p.Namespace, p.OwnerReferences
		w.running.Go(func() { w.lookUp(looking, l, ns, refs, func() { w.decide(ctx, l) }) })
	}
	kept := *p // for p may be one of a list
	kept.ManagedFields = nil
	l.pods[p.UID], u.byPod[p.UID] = &kept, l
}

// reportUndecided reports that it is not known whether a pod is selected, once: that may be so for long, and what is decided by all pods is
// to wait for it.
func (w *podWatch) reportUndecided(p *corev1.Pod) {
	u := &w.undecided
	if _, reported := u.reported[p.UID]; reported {
		return
	}
	e := report.Event{Kind: report.PodUndecided, Cluster: w.c.name, Namespace: p.Namespace, Pod: p.Name, UID: string(p.UID)}
	w.c.o.notify(e)
	if u.reported == nil {
		u.reported = make(map[types.UID]report.Event)
	}
	e.Kind = report.PodDecided
	u.reported[p.UID] = e
}

// reportDecided reports that it is known whether a pod is selected, or that it is gone, if that is news. If it is selected, it was reported
// as found.
func (w *podWatch) reportDecided(uid types.UID) {
	if e, reported := w.undecided.reported[uid]; reported {
		delete(w.undecided.reported, uid)
		w.c.o.notify(e)
	}
}

// remove notes that a pod need not wait for its owners, or not any longer.
func (u *undecided) remove(uid types.UID) {
	l := u.byPod[uid]
	if l == nil {
		return
	}
	delete(u.byPod, uid)
	if delete(l.pods, uid); len(l.pods) == 0 {
		u.end(l)
	}
}

// end ends a lookup.
func (u *undecided) end(l *lookup) {
	for uid := range l.pods {
		delete(u.byPod, uid)
	}
	delete(u.lookups, l.owners)
	l.cancel()
}

// lookUp looks owners up until that succeeds, or ctx has ended, or without Follow it is hopeless. Whenever more is known, and after
// each try, the watch's goroutine calls decide.
func (w *podWatch) lookUp(ctx context.Context, l *lookup, ns string, refs []metav1.OwnerReference, decide func()) {
	tried := sync.OnceFunc(func() { close(l.tried) })
	health := w.c.health.Reporter("")
	learned := func() { w.tell(decide) }
	if !w.c.o.Follow { // the pods are read in the order of the list
		learned = func() {}
	}
	var retry kube.Backoff
	for {
		err := w.c.owners.LookUp(ctx, ns, refs, learned)
		tried()
		if err == nil || ctx.Err() != nil {
			health.OK()
			w.tell(func() {
				l.over = true
				decide()
			})
			return
		}
		delay := retry.Delay(err, w.c.o.Jitter)
		w.c.stats.Errors.Add(1)
		w.c.log.Debug().Msgf("%s: %s", w.c.name, kube.Describe(err))
		hopeless := !w.c.o.Follow && retry.Hopeless(err)
		if hopeless || retry.Failures >= maxFailed { // of this alone: the cluster need not be away
			health.Enter(report.Problem{Part: "owners of pods in namespace " + ns, Trouble: report.Failing}, err)
		}
		w.tell(decide)
		if hopeless {
			w.tell(func() { w.undecided.end(l) })
			return
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
}

// decide updates the pods that wait for owners, of which more may be known by now.
func (w *podWatch) decide(ctx context.Context, l *lookup) {
	if w.undecided.lookups[l.owners] == l { // else none waits
		for _, p := range maps.Clone(l.pods) {
			w.update(ctx, p)
		}
	}
}

// awaitOwners returns when the owners that are looked up were asked for once, or ownersWait has passed.
func (w *podWatch) awaitOwners(ctx context.Context) {
	timer := time.NewTimer(ownersWait)
	defer timer.Stop()
	for _, l := range w.undecided.lookups {
		for tried := false; !tried; {
			select {
			case <-l.tried:
				tried = true
			case do := <-w.inbox:
				do()
			case <-timer.C:
				return
			case <-ctx.Done():
				return
			}
		}
	}
}

// awaitDecisions returns when no pod is undecided any more.
func (w *podWatch) awaitDecisions(ctx context.Context) {
	for len(w.undecided.lookups) > 0 {
		select {
		case do := <-w.inbox:
			do()
		case <-ctx.Done():
			return
		}
	}
}
