package follow

import (
	"context"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"mktail/tail/kube"
	"mktail/tail/pods"
)

// inbox is how the watch's goroutine tells a follower the news. told is its own.
type inbox struct {
	told    pods.Status
	updates chan pods.Status                 // holds the newest one that Run has not seen
	deleted chan struct{}                    // closed when the pod was deleted
	current atomic.Pointer[pods.ContainerID] // of the newest instance that was told of; nil: nothing new

	deleting   atomic.Bool // the deletion of the pod has begun
	unmirrored atomic.Bool // the mirror of the static pod was deleted
}

func (b *inbox) init(st pods.Status) {
	b.told, b.updates, b.deleted = st, make(chan pods.Status, 1), make(chan struct{})
	b.deleting.Store(st.Deleting > 0)
}

// Update tells the follower what the API says of its container. It doesn't wait. With wake it cuts short a wait
// between tries even if nothing is new.
func (f *Follower) Update(st pods.Status, wake bool) {
	box := &f.inbox
	if st == box.told && !wake {
		return
	}
	box.told = st
	box.current.Store(&st.Current.ID)
	box.deleting.Store(st.Deleting > 0)
	select {
	case <-box.updates: // an older one
	default:
	}
	box.updates <- st
}

// Wake cuts short a wait between tries: the API answers again.
func (f *Follower) Wake() { f.Update(f.inbox.told, true) }

// PodDeleted tells the follower that its pod was deleted: it reads to the end of what is there. Call Linger then.
func (f *Follower) PodDeleted() { close(f.inbox.deleted) }

// MirrorDeleted tells the follower that the mirror of its static pod was deleted. With the next one another follower goes on.
func (f *Follower) MirrorDeleted() { f.inbox.unmirrored.Store(true) }

// idleEnd is how long the stream of a deleted pod may be silent before it is taken for finished.
const idleEnd = 30 * time.Second

// Linger sees to the end of the follower of a deleted pod: its stream may have much to bring yet, but the stream of
// a node that has vanished would never end. So one that is silent for long is cut off. It returns when the follower is Done, or
// ctx has ended.
func (f *Follower) Linger(ctx context.Context) {
	tick := time.NewTicker(idleEnd / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.life.ended:
			return
		case <-tick.C:
			if s := f.stream.Load(); s != nil && s.Idle() > idleEnd {
				s.Cancel()
			}
		}
	}
}

// wait returns when there is news or the timer fires. False: ctx has ended.
func (f *Follower) wait(ctx context.Context, timer <-chan time.Time) bool {
	var news *pods.Status
	gone := false
	f.mu.idle(func() {
		select {
		case <-ctx.Done():
		case <-f.inbox.deleted:
			gone = true
		case st := <-f.inbox.updates:
			news = &st
		case <-timer:
		}
	})
	if ctx.Err() != nil {
		return false
	}
	f.known.gone = f.known.gone || gone
	if news != nil {
		f.learn(*news)
	}
	return true
}

// waitResting is wait while nothing is to be read.
func (f *Follower) waitResting(ctx context.Context, timer <-chan time.Time) bool {
	f.resting.Store(true)
	defer f.resting.Store(false)
	return f.wait(ctx, timer)
}

// refresh asks the API for the state of the container, unless that is known.
func (f *Follower) refresh(ctx context.Context) error {
	select {
	case <-f.inbox.deleted: // of which the last update comes first
		f.known.gone = true
	default:
	}
	f.takeUpdate()
	f.noteReadToEnd()
	if f.known.gone || !f.known.stale || !f.c.Options.Follow {
		return nil
	}
	p, err := f.ask(ctx)
	for f.static() && kube.IsPodGone(err) && !f.known.gone && f.awaitMirror(ctx) {
		p, err = f.ask(ctx)
	}
	defer f.noteReadToEnd()
	switch {
	case kube.IsPodGone(err), err == nil && pods.Identity(p) != f.Identity:
		f.known.gone = true
		f.noteReadToEnd() // before that takes a moment
		f.awaitLastNews(ctx)
		return nil
	case apierrors.IsForbidden(err): // who may watch need not be allowed to get or to list
	case err != nil:
		if !f.reads.unmirrored { // else the API was there when the stream ended
			f.reads.cleanEOFAt = time.Time{}
		}
		return err
	default:
		if st, ok := f.statusIn(p); ok {
			f.known.Status = st
		}
	}
	f.known.stale, f.reads.unmirrored = false, false
	return nil
}

// awaitMirror waits a while for the node of a static pod to make another mirror, or the watch to tell that the pod is gone, too. An
// instance that ended as the mirror went keeps nobody waiting. False: ctx has ended.
func (f *Follower) awaitMirror(ctx context.Context) bool {
	if e := &f.reads.ending; e.mirrored && time.Now().Before(e.limit()) {
		e.unmirrored = true
	}
	timer := time.After(kube.Settled)
	if !f.reads.unmirrored {
		return f.wait(ctx, timer)
	}
	f.slot.release()
	return f.waitResting(ctx, timer)
}

// takeUpdate takes the newest update, if there is one.
func (f *Follower) takeUpdate() {
	select {
	case st := <-f.inbox.updates:
		f.learn(st)
	default:
	}
}

// awaitLastNews waits a moment for the watch to report, too, that the pod was deleted, and the last status of its container.
func (f *Follower) awaitLastNews(ctx context.Context) {
	f.mu.idle(func() {
		select {
		case <-f.inbox.deleted:
		case <-time.After(moment / 2):
		case <-ctx.Done():
		}
	})
	f.takeUpdate()
}

// learn takes what the watch tells, unless it is older than what is known: a watch that comes back begins with the past.
// A kubelet that has lost its containers, as with a new disk, may count their restarts from 0 again.
func (f *Follower) learn(st pods.Status) {
	was, is := f.known.Current, st.Current
	if is.Restarts >= was.Restarts || is.ID != was.ID && is.Started > was.Started {
		f.known.Status = st
	}
}

// ask gets the pod of that name from the API; it may be another than the follower's.
func (f *Follower) ask(ctx context.Context) (p *corev1.Pod, err error) {
	f.mu.idle(func() { p, err = f.c.Kube.GetPodInTurn(ctx, f.Namespace, f.Pod) })
	if answered := err == nil || kube.IsPodGone(err) || apierrors.IsForbidden(err); answered && f.health.ClusterWide() {
		f.health.OK()
	}
	return p, err
}

// statusIn returns what a pod says of the container. Not ok: it says nothing, or is another pod of that name.
func (f *Follower) statusIn(p *corev1.Pod) (st pods.Status, ok bool) {
	st = pods.New(p, false).Containers[f.Container]
	return st, st.State != 0 && pods.Identity(p) == f.Identity
}

// replaced reports whether the pod was deleted while its log was being opened and another of that name is there: then
// the log is the other's. (Pods of a StatefulSet keep their names.)
func (f *Follower) replaced(ctx context.Context) bool {
	select {
	case <-f.inbox.deleted:
	default:
		if !f.known.gone {
			return false
		}
	}
	p, err := f.ask(ctx)
	return err == nil && pods.Identity(p) != f.Identity
}
