package tail

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"mktail/tail/checkpoint"
	"mktail/tail/follow"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// reconcile brings the followers in line with a list of all pods.
func (w *podWatch) reconcile(ctx context.Context, all []listed) {
	present := make(map[string]bool, len(all))
	undecided := make(map[types.UID]bool)
	for _, l := range all {
		present[l.identity] = true
		undecided[l.uid] = l.pod == nil && l.undecided != nil
		switch {
		case l.pod != nil:
			w.syncFollowers(ctx, l.pod, true)
		case l.undecided == nil:
			w.podUnselected(l.identity, l.uid)
		}
	}
	for _, st := range w.pods.present() {
		if !present[st.identity] {
			w.vanished(ctx, st)
		}
	}
	for uid := range w.undecided.reported {
		if !undecided[uid] {
			w.reportDecided(uid)
		}
	}
}

// syncFollowers tells the followers of a selected pod's containers what the API says of them, and starts those that are missing.
// listed says that the API was just found to answer, which is worth another try to those that wait for one.
func (w *podWatch) syncFollowers(ctx context.Context, p *pods.Pod, listed bool) {
	if w.pods.mirroredAnew(p) && !p.Started() { // it goes on when its node has told of its containers
		return
	}
	st := w.podFound(p)
	if st != nil {
		st.inquiry++ // it is there
		for _, f := range w.pods.orphans(st, p) {
			w.running.Go(func() {
				if f.ReportGone(ctx); ctx.Err() == nil {
					w.c.o.State.Drop(f.Key())
				}
			})
		}
	}
	w.reportWaits(st, p)
	for _, name := range p.Order {
		status := p.Containers[name]
		if !w.c.o.SelectsContainer(p, name) {
			continue
		}
		if w.c.o.Previous {
			status = status.OnlyPrevious()
		}
		var f *follow.Follower
		retired := false
		if st != nil {
			f, retired = st.followers[name], slices.Contains(st.retired, name)
		}
		switch {
		case retired:
		case f != nil:
			f.Update(status, listed)
		case status.Current.ID != "" && (w.c.o.States.Has(status.State) || w.c.o.States.Has(pods.Terminated) && status.Previous.ID != ""):
			w.start(ctx, st, p, name, status)
		default:
			w.preexisting.note(w, status)
		}
	}
	w.reportState(st, p)
	w.podEnded(st, p)
}

// recent is how long a watch may tell old news after it was opened, and how long ago an instance may have begun for the first event of it to
// be the news.
const recent = 4 * time.Second

// start starts the follower of a container.
func (w *podWatch) start(ctx context.Context, st *podState, p *pods.Pod, container string, status pods.Status) {
	target := follow.Target{
		UID: p.UID, Identity: p.Identity, Namespace: p.Namespace, Pod: p.Name, Node: p.Node, LogUID: p.LogUID, Container: container,
	}
	looked := cmp.Or(w.since, w.began)
	where := follow.Start{Source: w.c.source(p, container), Dropped: st.dropped[container]}
	switch {
	case w.ran(status.Current):
		where.Preexisting, where.Done = status.Current, status.Previous.ID // what had ended before mktail looked is not asked for
	case w.ran(status.Previous): // and was not to be followed while it was the current one
		where.Preexisting = status.Previous
	case p.Created.After(looked) && pods.Static(p.UID, p.Identity): // which is when its mirror was made
		where.Since = looked
	case p.Created.After(looked):
		where.Since = p.Created
	}
	if !w.listedAt.IsZero() {
		where.Old = time.Since(w.opened) < recent || time.Since(status.Current.Started.Time()) > recent
	}
	key := target.Key(w.c.name)
	if last, ok := w.c.o.State.Claim(key, string(p.UID)); ok {
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
		w.running.Go(func() {
			f.Run(ctx)
			if ctx.Err() == nil {
				w.tell(func() { w.retire(st, container, f) })
			}
		})
	}
}

// retire forgets a follower that has ended for good, but for its place.
func (w *podWatch) retire(st *podState, container string, f *follow.Follower) {
	if w.pods.retire(st, container, f) {
		w.c.o.State.Finish(f.Key())
	}
}

// key is what a container of a pod is known by in the state file.
func (w *podWatch) key(st *podState, container string) checkpoint.Key {
	return checkpoint.Key{Cluster: w.c.name, Pod: st.identity, Container: container}
}

// podFound returns the state of a selected pod, and reports that it was found, once; nil: none of its containers is to be followed.
func (w *podWatch) podFound(p *pods.Pod) *podState {
	switch st := w.pods.get(p.Identity); {
	case st == nil:
	case st.uid != p.UID: // another mirror's
		w.podGone(st, false)
	case st.selected:
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
	st.selected, st.ended, st.waits = true, nil, nil
	job, owners := w.jobOf(p)
	w.c.o.notify(report.Event{Kind: report.PodFound, Cluster: w.c.name, Namespace: p.Namespace, Pod: p.Name, UID: string(p.UID), Containers: containers, Job: job.Name, JobUID: string(job.UID), Owners: owners})
	return st
}

// podEnded reports that a pod has ended, if it has, when its followers have, or have waited for long enough for logs that can't be
// read. st is nil if none of its containers is followed.
func (w *podWatch) podEnded(st *podState, p *pods.Pod) {
	if st == nil || !p.Ended || st.ended != nil {
		return
	}
	ended := make(chan struct{})
	st.ended = ended
	event := report.Event{Kind: report.PodEnded, Cluster: w.c.name, Namespace: p.Namespace, Pod: p.Name, UID: string(p.UID), Failures: p.Failures}
	for name, exit := range p.Exits {
		event.Exits = append(event.Exits, report.Exit{Container: name, Code: exit.Code, At: exit.At})
	}
	var reading []func() (unread string)
	for _, container := range slices.Sorted(maps.Keys(st.followers)) {
		f, last := st.followers[container], p.Containers[container].Current.ID
		reading = append(reading, func() string {
			if why := f.AwaitEnd(last); why != "" {
				return container + ": " + why
			}
			return ""
		})
	}
	w.running.Go(func() {
		for _, read := range reading {
			if unread := read(); unread != "" {
				event.Unread = append(event.Unread, unread)
			}
		}
		w.c.o.notify(event)
		close(ended)
		w.tell(func() {
			if st.ended == ended {
				st.ended = closed // one channel for all, as such pods may be there for long
			}
		})
	})
}

// closed is a channel that is closed.
var closed = make(chan struct{})

func init() { close(closed) }

// podGone reports that a pod is gone, if it was found, when its followers have ended: it was deleted, or is no longer selected.
func (w *podWatch) podGone(st *podState, deleted bool) {
	if !st.selected {
		return
	}
	st.selected = false
	gone := report.Event{Kind: report.PodGone, Cluster: w.c.name, Namespace: st.namespace, Pod: st.name, UID: string(st.uid)}
	ended := st.ended
	w.afterFollowers(st, func() {
		switch {
		case ended != nil:
			<-ended
		case deleted && !w.pods.replaced(st):
			gone.Failures = []string{"deleted before it ended"}
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

// podUnselected ends the followers of a pod that lives on but is no longer selected, if it was. It keeps where they were: the pod may be
// selected again.
func (w *podWatch) podUnselected(identity string, uid types.UID) {
	if st := w.pods.get(identity); st != nil {
		w.podGone(st, false)
	}
	st := w.pods.seen(identity, uid)
	if st == nil {
		return
	}
	for _, f := range st.followers {
		f.Cancel()
	}
	w.pods.drop(st)
	for _, f := range st.dropped {
		w.c.o.State.Leave(f.Key())
	}
	for _, container := range st.retired {
		w.c.o.State.Leave(w.key(st, container))
	}
	if len(st.dropped)+len(st.retired) == 0 {
		w.pods.forget(st, func() {})
	}
}

// mirrorAway is how long the mirror of a static pod may be away before the pod is taken for deleted, too. The kubelet looks every minute or
// so whether it is to make another.
const mirrorAway = 5 * time.Minute

// mirroredAgain waits until a static pod has another mirror, or had none for mirrorAway in which the cluster was there. Where the server
// selects, the watch may not tell of it.
func (w *podWatch) mirroredAgain(ctx context.Context, st *podState) bool {
	for away := time.Duration(0); away < mirrorAway; {
		select {
		case <-time.After(time.Minute):
		case <-ctx.Done():
			return false
		}
		if w.pods.replaced(st) {
			return true
		}
		if w.c.health.Down() { // then no mirror can be made
			continue
		}
		away += time.Minute
		if !w.serverSelects() {
			continue
		}
		if p, ok := w.find(ctx, st); ok && p != nil {
			w.tell(func() {
				if !w.pods.replaced(st) {
					w.untold(ctx, p)
				}
			})
		}
	}
	return w.pods.replaced(st)
}

// podDeleted has the followers of a deleted pod read to the end of what is there, and forgets the pod when they have. Those of a static
// pod go on until that is known to be gone.
func (w *podWatch) podDeleted(ctx context.Context, st *podState) {
	w.podGone(st, true)
	var keys []checkpoint.Key
	followers := slices.Collect(maps.Values(st.followers))
	for _, f := range slices.AppendSeq(slices.Clone(followers), maps.Values(st.dropped)) {
		keys = append(keys, f.Key())
	}
	for _, container := range st.retired {
		keys = append(keys, w.key(st, container))
	}
	tell := func() {
		for _, f := range followers {
			f.PodDeleted()
		}
	}
	await := st.static() && w.c.o.Follow
	if await {
		for _, f := range followers {
			f.MirrorDeleted()
		}
	} else {
		tell()
	}
	w.pods.leave(st)
	w.running.Go(func() {
		if await {
			if w.mirroredAgain(ctx, st) {
				return
			}
			tell()
		}
		var reading sync.WaitGroup
		for _, f := range followers {
			reading.Go(func() {
				f.Linger(ctx)
				<-f.Done()
			})
		}
		reading.Wait()
		if ctx.Err() != nil { // the next run goes on there
			return
		}
		w.pods.forget(st, func() {
			for _, key := range keys {
				w.c.o.State.Drop(key)
			}
		})
	})
}
