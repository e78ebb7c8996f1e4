package tail

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"mktail/tail/checkpoint"
	"mktail/tail/follow"
	"mktail/tail/kube"
	"mktail/tail/pods"
)

// refused reports whether err is about what was asked for, and no passing thing: it came from the API itself, at first.
func (w *podWatch) refused(err error) bool {
	return w.listedAt.IsZero() && (apierrors.IsBadRequest(err) || apierrors.IsInvalid(err)) && !apierrors.IsUnexpectedServerError(err)
}

// list reads all pods, by pages, and lets those go that are no longer there.
func (w *podWatch) list(ctx context.Context) error {
	var hidden error
	if w.c.owners.HasServices() {
		var err error
		switch w.services, _, err = w.c.owners.Services(ctx, w.namespace); {
		case apierrors.IsForbidden(err):
			hidden = err
		case err != nil:
			return fmt.Errorf("looking for services: %w", err)
		}
	}
	looks := make([]*objectsLook, len(w.watches))
	for i, o := range w.watches {
		looks[i] = o.first(ctx)
		o.lookedEarly(looks[i])
	}
	begun := time.Now()
	all, version, err := w.pages(ctx)
	if w.c.cannotAct(err) {
		err = fmt.Errorf("acting as %s (--as, or the kubeconfig): %w", w.c.actsAs, err)
	}
	if err != nil || w.isDeleted() { // those may be of another namespace of that name
		return err
	}
	w.listed(version)  // not before: else the next look would not list again
	if hidden != nil { // reported only now: if not even pods can be listed that is reported, and perhaps single namespaces are tried
		w.c.owners.WarnServices(hidden)
	}
	w.health.OK()
	w.c.health.Up()
	for i, o := range w.watches {
		o.looked(ctx, looks[i])
	}
	w.stale = false // all that is known by now was before the pods were listed
	ended, news := len(w.jobs.ended), len(w.rollouts.news)
	w.rollouts.held = true
	w.decideListed(ctx, all)
	w.reconcile(ctx, all)
	if !w.c.o.Follow {
		for _, o := range w.watches {
			o.lookAgain(ctx)
		}
	}
	w.jobsEnded(ended)
	if w.reportRollouts(news); !w.stale { // what came meanwhile needs no other list
		w.reportRollouts(len(w.rollouts.news))
	}
	w.rollouts.held = false
	w.heard(begun)
	if w.listedAt.IsZero() {
		w.listedAt = begun
		w.running.Go(func() { w.lost(ctx) })
	}
	return nil
}

// listed is a pod of a list.
type listed struct {
	uid       types.UID
	identity  string      // see pods.Identity
	pod       *pods.Pod   // if it is selected
	undecided *corev1.Pod // if its owners are to be looked up first
}

// pages reads all pods, and returns them and where a watch goes on.
func (w *podWatch) pages(ctx context.Context) (all []listed, version string, err error) {
	answered := false
	version, err = w.eachPod(ctx, w.options(), func() { all = nil }, func(p *corev1.Pod) error {
		answered = true
		one := listed{uid: p.UID, identity: pods.Identity(p)}
		selected, known := w.selects(p)
		if selected {
			one.pod = w.c.trim(p)
		} else {
			w.noteUnselected(p)
		}
		if !known {
			kept := *p // without the rest of the page
			one.undecided = &kept
		}
		all = append(all, one)
		return nil
	})
	if w.refused(err) && !answered {
		err = fmt.Errorf("%w: %w", kube.ErrRefused, err)
	}
	return all, version, err
}

// decideListed has the owners of listed pods looked up that are not known yet, and waits a while for that. What is not known then
// the pods wait for beside the watch.
func (w *podWatch) decideListed(ctx context.Context, all []listed) {
	w.c.owners.Expect(len(all))
	present := make(map[types.UID]bool, len(all))
	for _, l := range all {
		present[l.uid] = true
		if l.undecided != nil {
			w.decideLater(ctx, l.undecided)
		}
	}
	for uid := range w.undecided.byPod {
		if !present[uid] {
			w.undecided.remove(uid)
		}
	}
	w.awaitOwners(ctx)
	for i, l := range all {
		if l.undecided == nil {
			continue
		}
		selected, known := w.selects(l.undecided)
		if selected {
			all[i].pod = w.c.trim(l.undecided)
		}
		if known {
			all[i].undecided = nil
			w.undecided.remove(l.uid)
		}
		if !selected && !known {
			w.reportUndecided(l.undecided)
		}
	}
}

// errEndless is the error of a list that does not end: no API server gives one.
var errEndless = errors.New("the list of pods has no end: its pages repeat, or are empty")

// maxEmptyPages is how many pages in a row may have no pods.
const maxEmptyPages = 100

// eachPod lists the pods with these options, by pages, and calls do with each until that fails. anew is called before the first
// pod, and again if what came is void: the list has expired before its last page, and is read in one go. So are lists after one
// that has failed within, until one of them fails, too. It returns where a watch goes on.
func (w *podWatch) eachPod(ctx context.Context, o metav1.ListOptions, anew func(), do func(p *corev1.Pod) error) (version string, err error) {
	anew()
	if o.Limit = pageSize; w.inOneGo.Load() {
		o.Limit = 0
	}
	seen, empty := make(map[types.UID]bool), 0
	for {
		page, err := w.listPods(ctx, o)
		continued := o.Continue != "" && o.Limit > 0
		switch {
		case expired(err) && continued: // to go on with the rest as it is now would miss changes of what came
			o.Limit, o.Continue = 0, ""
			anew()
			clear(seen)
			continue
		case err != nil:
			w.inOneGo.Store(continued)
			return "", err
		}
		for i := range page.Items {
			p := &page.Items[i]
			if seen[p.UID] {
				return "", errEndless
			}
			seen[p.UID] = true
			if err := do(p); err != nil {
				return "", err
			}
		}
		if empty++; len(page.Items) > 0 {
			empty = 0
		}
		switch {
		case page.Continue == "":
			return page.ResourceVersion, nil
		case page.Continue == o.Continue, empty > maxEmptyPages:
			return "", errEndless
		}
		o.Continue = page.Continue
	}
}

// lost looks after the places of the last run that no pod has taken up: those whose pods are gone are forgotten, and a gap is
// reported if their ends were not seen. The others were not selected this time, and are kept. The mirror of a static pod may be
// away for a while.
func (w *podWatch) lost(ctx context.Context) {
	waiting := false
	w.lostOf(ctx, func(p checkpoint.Place) bool {
		wait := p.Static != "" && w.c.o.Follow
		waiting = waiting || wait
		return !wait
	})
	if !waiting {
		return
	}
	select {
	case <-time.After(mirrorAway):
		w.lostOf(ctx, func(checkpoint.Place) bool { return true })
	case <-ctx.Done():
	}
}

// lostOf does what lost does with the places that are due.
func (w *podWatch) lostOf(ctx context.Context, due func(checkpoint.Place) bool) {
	w.c.o.State.Unclaimed(w.c.name, w.namespace, func(p checkpoint.Place) (keep bool) {
		if !due(p) {
			return true
		}
		gone := &pods.Pod{UID: types.UID(p.UID), Namespace: p.Namespace, Name: p.Pod}
		pod, keep := follow.Lost(ctx, w.c.follow, p, w.c.source(gone, p.Container))
		if pod != nil && ended(pod) && !p.Ended && !p.Left {
			w.tell(func() { w.endedMeanwhile(ctx, pod) })
		}
		return keep
	})
}

// endedMeanwhile has a pod be read to its end that the last run had selected. If the server no longer tells of it, that is because it has
// ended since.
func (w *podWatch) endedMeanwhile(ctx context.Context, p *corev1.Pod) {
	if selected, _ := w.selects(p); selected && w.serverSelects() && w.pods.get(pods.Identity(p)) == nil {
		w.untold(ctx, p)
	}
}
