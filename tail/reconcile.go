package tail

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"mktail/tail/follow"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// reconcile brings the followers in line with a list of all pods: those that are selected, and by UID those that are listed, or
// known to live on all the same. All others are gone.
func (w *podWatch) reconcile(ctx context.Context, selected []*pods.Pod, living map[types.UID]bool) {
	wanted := make(map[types.UID]bool, len(selected))
	for _, p := range selected {
		wanted[p.UID] = true
		w.syncFollowers(ctx, p, true)
	}
	for _, st := range w.pods.present() {
		switch {
		case wanted[st.uid]:
		case living[st.uid]:
			w.podUnselected(st.uid)
		case st.selected: // else nothing was asked about it
			w.podDeleted(ctx, st.uid)
		}
	}
}

// syncFollowers tells the followers of a selected pod's containers what the API says of them, and starts those that are missing.
// listed says that the API was just found to answer, which is worth another try to those that wait for one.
func (w *podWatch) syncFollowers(ctx context.Context, p *pods.Pod, listed bool) {
	st := w.podFound(p)
	for _, name := range p.Order {
		status := p.Containers[name]
		if !w.c.o.SelectsContainer(p, name) {
			continue
		}
		if w.c.o.Previous {
			status = status.OnlyPrevious()
		}
		var f *follow.Follower
		if st != nil {
			f = st.followers[name]
		}
		switch {
		case f != nil:
			f.Update(status, listed)
		case status.Current.ID != "" && (w.c.o.States.Has(status.State) || w.c.o.States.Has(pods.Terminated) && status.Previous.ID != ""):
			w.start(ctx, st, p, name, status)
		default:
			w.preexisting.note(w, status)
		}
	}
	w.podEnded(st, p)
}

// recent is how long ago an instance may have begun for the first event of it to be the news. An older one may be told by a watch
// that comes back.
const recent = 4 * time.Second

// start starts the follower of a container.
func (w *podWatch) start(ctx context.Context, st *podState, p *pods.Pod, container string, status pods.Status) {
	target := follow.Target{
		UID: p.UID, Namespace: p.Namespace, Pod: p.Name, Node: p.Node, LogUID: p.LogUID, Container: container,
	}
	where := follow.Start{Source: w.c.source(p, container), Dropped: st.dropped[container]}
	switch {
	case w.ran(status.Current):
		where.Preexisting, where.Done = status.Current, status.Previous.ID // what had ended before mktail looked is not asked for
	case w.ran(status.Previous): // and was not to be followed while it was the current one
		where.Preexisting = status.Previous
	case p.Created.After(cmp.Or(w.since, w.began)):
		where.Since = p.Created
	}
	if !w.listedAt.IsZero() { // a watch that comes back tells old news
		where.Old = time.Since(status.Current.Started.Time()) > recent
	}
	key := target.Key(w.c.name)
	if last, ok := w.c.o.State.Claim(key); ok {
		where.Last = &last
	}
	if where.Dropped == nil {
		w.c.stats.Containers.Add(1)
	}
	if w.listedAt.IsZero() {
		where.Tried = w.c.startup.follower()
	}
	f := follow.New(ctx, w.c.follow, target, status, where)
	w.c.o.State.Track(key, f.Place)
	switch unwanted := w.c.o.Unwanted; {
	case unwanted != nil && unwanted(where.Source):
		f.Skip()
		w.pods.put(st, container, f)
	case f.Begin(ctx):
		w.pods.put(st, container, f)
		w.running.Go(func() { f.Run(ctx) })
	}
}

// podFound returns the state of a selected pod, and reports that it was found, once; nil: none of its containers is to be followed.
func (w *podWatch) podFound(p *pods.Pod) *podState {
	if st := w.pods.get(p.UID); st != nil && st.selected {
		return st
	}
	var containers []string
	for name := range p.Containers {
		if w.c.o.SelectsContainer(p, name) {
			containers = append(containers, name)
		}
	}
	if len(containers) == 0 {
		return nil
	}
	slices.Sort(containers)
	st := w.pods.obtain(p)
	st.selected, st.ended = true, nil
	w.c.o.notify(report.Event{Kind: report.PodFound, Cluster: w.c.name, Namespace: p.Namespace, Pod: p.Name, UID: string(p.UID), Containers: containers})
	return st
}

// podEnded reports that a pod has ended, if it has, when its followers have. st is nil if none of its containers is followed.
func (w *podWatch) podEnded(st *podState, p *pods.Pod) {
	if st == nil || !p.Ended || st.ended != nil {
		return
	}
	ended := make(chan struct{})
	st.ended = ended
	w.afterFollowers(st, func() {
		defer close(ended)
		w.c.o.notify(report.Event{Kind: report.PodEnded, Cluster: w.c.name, Namespace: p.Namespace, Pod: p.Name, UID: string(p.UID), Failures: p.Failures})
	})
}

// podGone reports that a pod is gone, if it was found, when its followers have ended: it was deleted, or is no longer selected.
func (w *podWatch) podGone(st *podState, deleted bool) {
	if !st.selected {
		return
	}
	st.selected = false
	gone := report.Event{Kind: report.PodGone, Cluster: w.c.name, Namespace: st.namespace, Pod: st.name, UID: string(st.uid)}
	ended := st.ended
	if deleted && ended == nil {
		gone.Failures = []string{"deleted before it ended"}
	}
	w.afterFollowers(st, func() {
		if ended != nil {
			<-ended
		}
		w.c.o.notify(gone)
	})
}

// afterFollowers does something when the followers that a pod has now have ended.
func (w *podWatch) afterFollowers(st *podState, do func()) {
	var ended []<-chan struct{}
	for _, f := range st.followers {
		ended = append(ended, f.Done())
	}
	w.running.Go(func() {
		for _, done := range ended {
			<-done
		}
		do()
	})
}

// podUnselected ends the followers of a pod that lives on but is no longer selected. It keeps where they were: the pod may be selected
// again.
func (w *podWatch) podUnselected(uid types.UID) {
	st := w.pods.get(uid)
	if st == nil {
		return
	}
	w.podGone(st, false)
	for _, f := range st.followers {
		f.Cancel()
		w.c.o.State.Leave(f.Key())
	}
	if w.pods.drop(st); len(st.dropped) == 0 {
		w.pods.remove(st)
	}
}

// podDeleted has the followers of a deleted pod read to the end of what is there, and forgets the pod when they have.
func (w *podWatch) podDeleted(ctx context.Context, uid types.UID) {
	st := w.pods.get(uid)
	if st == nil {
		return
	}
	w.podGone(st, true)
	var reading sync.WaitGroup
	for _, f := range st.followers {
		f.PodDeleted()
		reading.Go(func() {
			f.Linger(ctx)
			<-f.Done()
			if ctx.Err() == nil {
				w.c.o.State.Drop(f.Key())
			}
		})
	}
	for _, f := range st.dropped {
		w.c.o.State.Drop(f.Key())
	}
	w.pods.leave(st)
	w.running.Go(func() {
		reading.Wait()
		w.pods.remove(st)
	})
}
