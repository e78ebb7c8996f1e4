package follow

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"mktail/emit"
	"mktail/tail/checkpoint"
	"mktail/tail/kube"
	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/position"
	"mktail/tail/report"
)

// follower reads the log of one container of one pod, through all its instances, in one goroutine.
//
// The end of a stream says nothing about the container: load balancers and restarting kubelets end the streams of
// live ones. So after each the pod is asked how it stands. An instance that has ended is read until a read brings
// nothing new, by way of "previous" if a newer one has taken its place. The cursor makes the reads of an instance
// overlap without a repeat. What can't be read is reported as a gap.
type Follower struct {
	c         *Cluster
	uid       types.UID
	ns, pod   string
	node      string
	container string
	logUID    string // in the name of the folder of its log

	// The scope's goroutine tells news through these; told is its own.
	told    pods.Status
	updates chan pods.Status               // holds the newest one that run has not seen
	deleted chan struct{}                  // closed when the pod is no more
	ended   chan struct{}                  // closed when run has returned
	current atomic.Pointer[string]         // ID of the newest instance that it told of; nil: nothing new
	stream  atomic.Pointer[kube.LogStream] // that is being read
	stop    context.Context                // has ended when Run is to return
	cancel  context.CancelFunc             // ends stop

	checked checked // check's

	mu    sync.Mutex // held by run but while it waits: what is under it can be looked at then
	place place

	// The rest is run's.
	out     *emit.Stream
	now     pods.Status // what is known of the container
	stale   bool        // a stream has ended since now was learnt
	gone    bool        // the pod is no more
	begin   beginning
	born    time.Time // since when all is wanted: when the pod was made, if that was after mktail looked, or when an earlier run looked
	running bool      // whether the instance that was read last ran then
	opened  string    // ID of the instance whose stream was opened last to be followed
	cleanly time.Time // when the last stream ended, if it was followed and did so cleanly; else zero
	atOnce  bool      // that one had brought nothing and ended at once: the kubelet had nothing to wait for
	whole   string    // ID of the instance whose stream ended cleanly when it ended itself
	broken  bool      // the last stream ended with an error and brought nothing
	placed  bool      // it has one of the cluster's streams; see cluster.enter
	kept    bool      // which it keeps between its streams, because one was open
	vain    int       // reads in a row that brought nothing
	fresh   int       // reads that brought something and ended cleanly, of an instance that was not followed
	asked   int64     // when the log was first asked for, in Unix nanoseconds; 0: it was not
	unsure  bool      // a read has ended with an error, and none that brought nothing since then without one
	refused time.Time // since when the kubelet has given no log of an instance that has ended; zero: it has
	bridge  bridge
	leap    uint64       // hash of the line at which the last stream that leapt was left
	rest    logline.Line // what stood after the last newline of the last stream, held back; see hold
	bytes   int64        // that were handed to the output, newlines too; counted for LimitBytes alone
	health  report.Reporter
	quote   string // what the kubelet said last
	stamp   []byte // of the record in work
	here    bool   // come has said that the container is
	tried   func() // is called when a stream was open, or could not be opened; again, it does nothing
}

// place is what was reached in a container's log.
type place struct {
	at     pods.Instance    // that is being read, or was last; no ID: none was
	done   string           // ID of the newest instance that was read to its end
	cursor *position.Cursor // in at
	ahead  *position.Cursor // in the current instance, as far as it may have been read in place of at; else nil
	sure   string           // ID of the instance that is known not to be mistaken for a later one
	doubt  doubt            // of what was read in at
}

// beginning is where the log begins of a container that ran before mktail looked: there since and tail count.
type beginning struct {
	id       string    // of the instance that ran; empty: none did
	restarts int       // before it
	looked   time.Time // when mktail looked
	opened   time.Time // when a stream was first open; zero: none was
}

// Target is the container that is followed.
type Target struct {
	UID       types.UID // of the pod
	Namespace string
	Pod       string
	Node      string
	LogUID    string // of the pod in the folder of its logs; see kube.ContainerLog
	Container string
	Source    emit.Source // of its records
}

// Key is what the container is known by in the state file.
func (t *Target) Key(cluster string) checkpoint.Key {
	return checkpoint.Key{Cluster: cluster, UID: string(t.UID), Container: t.Container}
}

// Start says where the reading of a container begins.
type Start struct {
	Preexisting pods.Instance     // that ran before mktail looked: since and tail count for it; no ID: none did
	Done        string            // ID of the instance that is not to be asked for, nor any before it; empty: all are
	Since       time.Time         // since when all is wanted: when the pod was made, if that was after mktail looked; zero: unknown
	Old         bool              // the status may be old: the API is to be asked before anything is read
	Last        *checkpoint.Place // that was reached in the last run; nil: none was
	Dropped     *Follower         // of the same container, that this one goes on from; it has been cancelled. nil: there is none
	Tried       func()            // is called when a stream was open, or could not be opened, perhaps more than once; nil: nobody wants to know
}

// New makes a follower of a container with this status. With Dropped it waits for that one's end. The caller calls Begin and Run,
// or Skip.
func New(c *Cluster, t Target, st pods.Status, start Start) *Follower {
	f := &Follower{
		c: c, uid: t.UID, ns: t.Namespace, pod: t.Pod, node: t.Node, container: t.Container, logUID: t.LogUID,
		told: st, updates: make(chan pods.Status, 1), deleted: make(chan struct{}), ended: make(chan struct{}),
		out:    c.Out.Stream(t.Source),
		now:    st,
		place:  place{cursor: new(position.Cursor), done: start.Done},
		begin:  beginning{id: start.Preexisting.ID, restarts: start.Preexisting.Restarts, looked: time.Now()},
		born:   start.Since,
		stale:  start.Old,
		health: c.Health.Reporter(),
		tried:  start.Tried,
	}
	if f.tried == nil {
		f.tried = func() {}
	}
	f.stop, f.cancel = context.WithCancel(context.Background())
	if start.Last != nil {
		f.resume(*start.Last)
	}
	if d := start.Dropped; d != nil {
		<-d.ended
		last, _ := d.Place()
		f.place, f.begin, f.bytes = placeOf(last), d.begin, d.bytes
	}
	return f
}

// Begin comes before Run, and announces the container. A run that doesn't follow waits here for one of the cluster's streams,
// which is the follower's until Run returns, so that few containers at once are read, in the order of Begin. Not ok: ctx has
// ended first, and Run must not be called.
func (f *Follower) Begin(ctx context.Context) (ok bool) {
	if !f.c.Options.Follow {
		select {
		case f.c.streams <- struct{}{}:
			f.placed, f.kept = true, true
		case <-ctx.Done():
			return false
		}
	}
	f.announceStart()
	return true
}

// Skip takes the place of Run where nobody wants the log.
func (f *Follower) Skip() {
	f.cancel()
	f.tried()
	close(f.ended)
}

// Cancel has Run return soon: the container is no longer wanted.
func (f *Follower) Cancel() { f.cancel() }

// PodDeleted tells the follower that its pod is no more: it reads to the end of what is there. Call Linger then.
func (f *Follower) PodDeleted() { close(f.deleted) }

// Done is closed when Run has returned.
func (f *Follower) Done() <-chan struct{} { return f.ended }

// Busy reports whether lines may be on their way that were written before now.
func (f *Follower) Busy() bool {
	if s := f.stream.Load(); s != nil {
		return s.Idle() < position.Slack
	}
	waits := f.mu.TryLock()
	if waits {
		f.mu.Unlock()
	}
	return !waits
}

// Update tells the follower what the API says of its container. It doesn't wait. With wake it cuts short a wait
// between tries even if nothing is new.
func (f *Follower) Update(st pods.Status, wake bool) {
	if st == f.told && !wake {
		return
	}
	f.told = st
	f.current.Store(&st.Current.ID)
	select {
	case <-f.updates: // an older one
	default:
	}
	f.updates <- st
}

// Wake cuts short a wait between tries: the API answers again.
func (f *Follower) Wake() { f.Update(f.told, true) }

// Run reads the log. It returns when the container has ended for good or its pod is gone, and all was read that can be; when the
// output has failed or ended; when the follower was cancelled; or when ctx has ended.
//
// Its frames stay small, and those of what it calls to read: most followers of a run wait there, each on a stack of its own.
func (f *Follower) Run(ctx context.Context) {
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.stop, cancel)()
	f.readAll(following)
	f.notify(report.ContainerClosed, nil)
	f.announceEnd(ctx)
	f.vacate()
	if f.c.Options.Follow && ctx.Err() == nil { // it has ended, or was dropped: its problem is nobody's now
		f.health.OK()
	}
}

// readAll reads all instances.
func (f *Follower) readAll(ctx context.Context) {
	defer close(f.ended)
	defer func() {
		if ctx.Err() == nil {
			f.tried()
		}
	}()
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.out.Flush()
	if f.c.Options.Follow { // else the next container is not to begin before this one's end is announced
		defer f.vacate()
	}
	var retry kube.Backoff
	for {
		in, ok := f.await(ctx, &retry)
		if !ok {
			return
		}
		begun := time.Now()
		if f.asked == 0 {
			f.asked = begun.UnixNano()
		}
		fresh, err := f.read(ctx, in, f.c.Options.Follow && in.Running)
		f.stale = true
		if fresh || time.Since(begun) > kube.Settled {
			retry.Reset()
		}
		if !f.goesOn(ctx, &retry, in, fresh, err) {
			return
		}
	}
}

// await returns the instance that is to be read next, when there is one. Not ok: there will be none, or ctx has ended.
func (f *Follower) await(ctx context.Context, retry *kube.Backoff) (in pods.Instance, ok bool) {
	for {
		if err := f.refresh(ctx); err != nil {
			if !f.again(ctx, retry, err, false) {
				return in, false
			}
			continue
		}
		if ctx.Err() != nil {
			return in, false
		}
		if f.gone && f.stale {
			f.bury(ctx)
			return in, false
		}
		if in, ok = f.due(); ok {
			// It is not to wait for what ailed another, or itself while it ran: soon it may be no more.
			if in.ID != f.place.at.ID || in.Running != f.running {
				retry.Reset()
			}
			f.running = in.Running
			f.announceStart()
			return in, f.enter(ctx, in)
		}
		if f.gone || f.now.Final || !f.c.Options.Follow {
			f.endLine()
			return in, false
		}
		if f.now.Ended {
			f.vacate()
			f.mu.Unlock()
			f.announceEnd(ctx)
			f.mu.Lock()
		}
		if !f.wait(ctx, nil) {
			return in, false
		}
	}
}

// goesOn takes the results of a read, and tells when there may be more to read, perhaps after a while. Else there is
// nothing, or nobody wants it.
func (f *Follower) goesOn(ctx context.Context, retry *kube.Backoff, in pods.Instance, fresh bool, err error) bool {
	if f.over(ctx) || errors.Is(err, errOutput) {
		return false
	}
	if errors.Is(err, errAll) {
		f.health.OK()
		return false
	}
	follow := f.c.Options.Follow && in.Running
	logGone := f.logGone(err, in)
	switch {
	case errors.Is(err, errBridged), errors.Is(err, errLeapt), errors.Is(err, errOther):
	case errors.Is(err, errOver):
		f.finish(in)
		f.stale = true
	case logGone && f.c.Options.Follow && !follow:
		f.c.Stats.Errors.Add(1)
		f.c.Log.Debug().Msgf("%s: %s", f.name(), kube.Describe(err))
		f.giveUp(ctx, in, report.LogUnavailable)
	case err == nil && !follow && (f.readWhole(ctx, in, fresh) || fresh && f.fresh == 1 && !f.c.Options.Follow && f.atEnd(ctx, in)):
		if in.Running { // all that there is now
			if !f.c.Options.Resumable { // else the next run brings the line when it is whole
				f.endLine()
			}
			f.health.OK()
			return false
		}
		f.finish(in)
	case err == nil && !f.c.Options.Follow && (fresh || f.vain == 1): // don't wait: as a rule, nothing more comes
	default: // a clean end, too, may have come early: see whether there is more
		f.unsure = f.unsure || err != nil
		return f.again(ctx, retry, err, true)
	}
	return true
}

// over tells whether nothing more is to be read: then what was not read is no gap.
func (f *Follower) over(ctx context.Context) bool { return ctx.Err() != nil || f.c.Out.Ended() }

// again waits before the next try, after a failure or, with nil, after a stream that ended too early. It says what
// fails when that is no passing thing. reading tells that it was the log, not the API that was asked for the pod: then
// the cluster need not be away. False: give up.
func (f *Follower) again(ctx context.Context, retry *kube.Backoff, err error, reading bool) bool {
	if ctx.Err() != nil { // which is no trouble
		return false
	}
	delay := retry.Delay(err, f.c.Jitter)
	if err != nil {
		f.c.Stats.Errors.Add(1)
		f.c.Log.Debug().Msgf("%s: %s", f.name(), kube.Describe(err))
		hopeless := !f.c.Options.Follow && retry.Hopeless(err) && !errors.As(err, new(diskError)) // which ends by itself
		switch t := report.TroubleOf(err); {
		case t == report.Forbidden:
			f.health.Enter(report.Problem{Part: "logs in namespace " + f.ns, Trouble: report.Forbidden}, err)
		case !hopeless && retry.Failures < 3:
		case reading && t == report.Connecting:
			f.health.Enter(report.Problem{Part: "logs on node " + f.node, Trouble: report.Failing}, err)
		default:
			f.health.Fail("logs on node "+f.node, err)
		}
		if hopeless {
			return false
		}
	}
	f.tried()
	return f.wait(ctx, time.After(delay))
}

// wait returns when there is news or the timer fires. False: ctx has ended.
func (f *Follower) wait(ctx context.Context, timer <-chan time.Time) bool {
	f.mu.Unlock()
	var news *pods.Status
	gone := false
	select {
	case <-ctx.Done():
	case <-f.deleted:
		gone = true
	case st := <-f.updates:
		news = &st
	case <-timer:
	}
	f.mu.Lock()
	if ctx.Err() != nil {
		return false
	}
	f.gone = f.gone || gone
	if news != nil {
		f.learn(*news)
	}
	return true
}

// refresh asks the API for the state of the container, unless that is known.
func (f *Follower) refresh(ctx context.Context) error {
	select {
	case <-f.deleted: // of which the last update comes first
		f.gone = true
	default:
	}
	select {
	case st := <-f.updates:
		f.learn(st)
	default:
	}
	defer f.witness()
	if f.gone || !f.stale || !f.c.Options.Follow {
		return nil
	}
	p, err := f.ask(ctx)
	switch {
	case kube.IsPodGone(err), err == nil && p.UID != f.uid:
		f.awaitLastNews(ctx)
		f.gone = true
		return nil
	case apierrors.IsForbidden(err): // who may list and watch need not be allowed to get
	case err != nil:
		f.cleanly = time.Time{}
		return err
	default:
		if st := pods.New(p, false).Containers[f.container]; st.State != 0 {
			f.now = st
		}
	}
	f.stale = false
	if f.health.ClusterWide() {
		f.health.OK()
	}
	return nil
}

// awaitLastNews waits a moment for the watch to tell, too, that the pod is gone, and how its container stood then.
func (f *Follower) awaitLastNews(ctx context.Context) {
	f.mu.Unlock()
	select {
	case <-f.deleted:
	case <-time.After(position.Slack / 2):
	case <-ctx.Done():
	}
	f.mu.Lock()
	select {
	case st := <-f.updates:
		f.learn(st)
	default:
	}
}

// learn takes what the watch tells, unless it is older than what is known: a watch that comes back begins with the past.
// A kubelet that has lost its containers, as with a new disk, may count their restarts anew.
func (f *Follower) learn(st pods.Status) {
	was, is := f.now.Current, st.Current
	if is.Restarts >= was.Restarts || is.ID != was.ID && is.Started > was.Started {
		f.now = st
	}
}

// ask gets the pod of that name from the API; it may be another than the follower's.
func (f *Follower) ask(ctx context.Context) (*corev1.Pod, error) {
	f.mu.Unlock()
	defer f.mu.Lock()
	return f.c.Kube.GetPod(ctx, f.ns, f.pod)
}

func (f *Follower) name() string {
	return f.c.Name + ": " + f.ns + "/" + f.pod + "/" + f.container
}

// idleEnd is how long the stream of a deleted pod may be silent before it is taken for finished.
const idleEnd = 30 * time.Second

// Linger sees to the end of the follower of a deleted pod: its stream may have much to bring yet, but the stream of
// a node that has vanished would never end. So one that is silent for long is cut off.
func (f *Follower) Linger(ctx context.Context) {
	tick := time.NewTicker(idleEnd / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.ended:
			return
		case <-tick.C:
			if s := f.stream.Load(); s != nil && s.Idle() > idleEnd {
				s.Cancel()
			}
		}
	}
}
