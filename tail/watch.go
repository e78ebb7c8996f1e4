package tail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/watch"

	"mktail/tail/kube"
	"mktail/tail/pods"
	"mktail/tail/report"
)

const (
	pageSize = 500
	// A watch is reopened after this long and up to twice that, as client-go's own reflectors do.
	watchLife = 5 * time.Minute
	// pollEvery is how often at least pods are listed while something to read is waited for that can't be watched.
	pollEvery = time.Second
)

// podWatch is what is watched in one go: the pods of one namespace of a cluster, or of all. It lists and watches them
// in one goroutine, which alone starts and ends their followers.
type podWatch struct {
	listWatch
	namespace string // empty: all
	part      string // its name in messages
	labels    labels.Selector

	byName      byName
	tried       bool        // to list pods
	succeeded   bool        // in that, at least once; see startup.tried
	inOneGo     atomic.Bool // lists are not read by pages: one did not go on after a page
	began       time.Time
	since       time.Time // what has come after it is new, though the first list has it; zero: nothing is
	listedAt    time.Time // when pods were first listed: what begins after that is new; zero: not yet
	opened      time.Time // when the last watch was opened
	preexisting preexisting
	pods        podStates
	undecided   undecided
	services    pods.Services
	watches     []*objects // beside pods
	jobs        jobs
	rollouts    rollouts
	stale       bool          // the pods are to be listed again
	found       []bool        // of the owners asked for, those that have pods
	asking      chan struct{} // a place for each pod that the server is asked about; see vanished
	swept       time.Time     // when sweep last had it asked
	inbox       chan func()   // what the watch's goroutine is to do with what others have found out
	over        chan struct{} // closed when it does so no more
	deleted     chan struct{} // closed when the namespace was deleted
	running     sync.WaitGroup
	health      report.Reporter
}

func newPodWatch(c *cluster, namespace string) *podWatch {
	w := &podWatch{
		listWatch: listWatch{c: c}, namespace: namespace, part: "namespace " + namespace, began: time.Now(), since: c.o.State.Since(c.name, namespace),
		pods: podStates{all: make(map[string]*podState)}, found: make([]bool, len(c.o.Owners)), health: c.health.Reporter(namespace),
		asking: make(chan struct{}, maxAsked), swept: time.Now(), inbox: make(chan func()), over: make(chan struct{}), deleted: make(chan struct{}),
	}
	for _, name := range c.o.PodNames() {
		w.byName.names, w.byName.pods = append(w.byName.names, name), append(w.byName.pods, c.health.Reporter(namespace))
	}
	if namespace == "" {
		w.part = "all namespaces"
	}
	var err error
	if w.labels, err = labels.Parse(c.o.Labels); err != nil { // the server will tell
		w.labels = labels.Everything()
	}
	w.watched = w.part + ": pods"
	w.watchesJobs()
	w.watchesRollouts()
	return w
}

// run returns when ctx has ended, the namespace was deleted, the server has refused the selection, or without Follow when all was read;
// and all followers have ended.
func (w *podWatch) run(ctx context.Context) {
	defer w.running.Wait()
	defer close(w.over)
	var retry kube.Backoff
	for {
		if w.isDeleted() {
			w.end(ctx)
			return
		}
		watched, err := w.look(ctx)
		failed := err
		switch {
		case ctx.Err() != nil:
			return
		case w.isDeleted():
			continue
		case !w.c.o.Follow && (err == nil || w.version != ""): // pods could be listed
			if w.awaitDecisions(ctx); w.patience() == 0 {
				return
			}
			w.version, err = "", nil // they can't be watched, or not for so long
		case w.fallsBack(err):
			w.c.watchEach(ctx, w, err)
			return
		case err == pods.ErrReselected:
			w.version = ""
			continue
		}
		if watched {
			retry.Reset()
			if err == nil { // a clean end is no failure
				continue
			}
		}
		delay := w.delay(retry.Delay(err, w.c.o.Jitter))
		if w.byName.used && err == nil {
			retry.Reset()
			delay = getEvery
		}
		if left := w.patience(); left > 0 {
			delay = min(delay, left, pollEvery)
		}
		if err != nil {
			w.c.stats.Errors.Add(1)
			w.health.Fail(w.part, err)
		}
		w.c.startup.tried(w, failed) // after its failure was told of
		if err != nil && (errors.Is(err, kube.ErrRefused) || !w.c.o.Follow && (retry.Hopeless(err) || errors.Is(err, context.DeadlineExceeded))) {
			return
		}
		if !w.wait(ctx, delay) {
			return
		}
	}
}

// wait waits before the next try, and does meanwhile what is in the inbox. False: ctx has ended.
func (w *podWatch) wait(ctx context.Context, delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case do := <-w.inbox:
			do()
		case <-w.deleted:
			return true
		case <-timer.C:
			return true
		}
	}
}

// lastEvents is how long events of the pods of a deleted namespace are waited for.
const lastEvents = 2 * time.Second

func (w *podWatch) isDeleted() bool {
	select {
	case <-w.deleted:
		return true
	default:
		return false
	}
}

// heard notes when the server last told about the pods, unless their namespace is gone, and perhaps another has its name by now.
func (w *podWatch) heard(at time.Time) {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	if !w.isDeleted() {
		w.c.o.State.Heard(w.c.name, w.namespace, at)
	}
}

// end sees to the end of what there was in a deleted namespace.
func (w *podWatch) end(ctx context.Context) {
	w.health.OK()
	w.c.startup.tried(w, nil)
	for uid := range w.undecided.byPod {
		w.undecided.remove(uid)
	}
	for _, st := range w.pods.present() {
		w.podDeleted(ctx, st)
	}
	for uid := range w.undecided.reported {
		w.reportDecided(uid)
	}
}

// tell has the watch's goroutine do something, unless the run is over.
func (w *podWatch) tell(do func()) {
	select {
	case w.inbox <- do:
	case <-w.over:
	}
}

// patience is how long a run that doesn't follow waits yet for something to read.
func (w *podWatch) patience() time.Duration {
	if w.c.o.Follow || w.pods.following() {
		return 0
	}
	return max(0, w.c.o.Patience-time.Since(w.began))
}

// fallsBack reports whether err is about all namespaces, and single ones may be followed instead.
func (w *podWatch) fallsBack(err error) bool {
	return apierrors.IsForbidden(err) && w.namespace == "" && w.listedAt.IsZero() && !w.c.cannotAct(err)
}

// look lists the pods unless that is done, and follows what happens to them until the watch ends; without Follow, until there
// is something to read. watched reports whether the watch has not failed: it brought something, or lasted for a while. After
// several that have failed the pods are listed in their place.
func (w *podWatch) look(ctx context.Context) (watched bool, err error) {
	if w.version == "" || w.stale {
		if err := w.list(ctx); err != nil {
			return false, err
		}
		w.c.startup.tried(w, nil)
	}
	w.sweep(ctx)
	if w.byName.used {
		return false, nil
	}
	from := w.version
	opened, err := w.watch(ctx)
	if ctx.Err() != nil || !w.c.o.Follow || err == pods.ErrReselected {
		return false, err
	}
	return w.judge(from, opened, err, func() error { return w.list(ctx) })
}

// watch follows what happens to the pods from w.version on, until the watch ends, and returns when it was opened; zero: it was not.
func (w *podWatch) watch(ctx context.Context) (opened time.Time, err error) {
	life := int64((watchLife + w.c.o.Jitter(watchLife)).Seconds())
	limit := time.Duration(life)*time.Second + w.c.kube.RequestTimeout() // in case the server doesn't end it
	if !w.c.o.Follow {
		if limit = w.patience(); limit == 0 {
			return opened, nil
		}
	}
	watching, end := context.WithTimeout(ctx, limit)
	defer end()
	watching, reselect := context.WithCancelCause(watching)
	var services sync.WaitGroup
	defer services.Wait()
	defer reselect(nil)
	if w.c.owners.HasServices() {
		services.Go(func() { reselect(w.c.owners.AwaitReselection(watching, w.namespace, w.services)) })
	}
	o := w.options()
	o.ResourceVersion, o.AllowWatchBookmarks, o.TimeoutSeconds = w.version, true, &life
	events, err := w.c.kube.WatchPods(watching, w.namespace, o)
	if err != nil {
		return opened, cmp.Or(reselected(watching), err)
	}
	defer events.Stop()
	opened = time.Now()
	w.opened = opened
	if w.health.Failing() { // the API answers again: no follower need wait longer
		w.health.OK()
		for _, f := range w.pods.running() {
			f.Wake()
		}
	}
	lasting := time.NewTimer(shortWatch)
	defer lasting.Stop()
	deleted := w.deleted
	var last <-chan time.Time
	for {
		if w.stale {
			w.version = ""
			return opened, nil
		}
		select {
		case <-deleted:
			deleted, last = nil, time.After(lastEvents)
		case <-last:
			return opened, nil
		case <-lasting.C:
			w.reportWatched()
		case do := <-w.inbox:
			do()
		case event, ok := <-events.ResultChan():
			switch p, isPod := event.Object.(*corev1.Pod); {
			case !ok:
				return opened, reselected(watching)
			case event.Type == watch.Error:
				return opened, cmp.Or(reselected(watching), w.c.kube.EventError(event.Object))
			case !isPod:
				return opened, fmt.Errorf("watching pods: unexpected %T", event.Object)
			default:
				kube.Identify(p)
				if w.version = p.ResourceVersion; w.isDeleted() {
					if w.pods.get(pods.Identity(p)) != nil { // else it is of another namespace of that name, which has a watch of its own
						w.happened(ctx, event.Type, p)
					}
					continue
				}
				w.happened(ctx, event.Type, p)
				w.heard(time.Now())
			}
		}
		if !w.c.o.Follow && w.patience() == 0 {
			return opened, nil
		}
	}
}

func reselected(ctx context.Context) error {
	if context.Cause(ctx) == pods.ErrReselected {
		return pods.ErrReselected
	}
	return nil
}

// happened takes an event of the watch.
func (w *podWatch) happened(ctx context.Context, event watch.EventType, p *corev1.Pod) {
	switch event {
	case watch.Added, watch.Modified:
		w.update(ctx, p)
	case watch.Deleted:
		w.update(ctx, p)
		w.undecided.remove(p.UID)
		w.reportDecided(p.UID)
		switch st := w.pods.get(pods.Identity(p)); {
		case st == nil:
		case p.DeletionTimestamp == nil: // as a rule it has left what the server selects
			w.vanished(ctx, st)
		default:
			w.podDeleted(ctx, st)
		}
	}
}

// update takes what the API says of a pod.
func (w *podWatch) update(ctx context.Context, p *corev1.Pod) {
	st := w.pods.get(pods.Identity(p))
	if st != nil {
		st.inquiry++ // it is there
	}
	selected, known := w.selects(p)
	if known {
		w.undecided.remove(p.UID)
	} else {
		w.decideLater(ctx, p)
	}
	switch {
	case selected:
		w.syncFollowers(ctx, w.c.trim(p), false)
	case known:
		w.podUnselected(pods.Identity(p), p.UID)
	default:
		w.reportUndecided(p)
		return
	}
	w.reportDecided(p.UID)
}
