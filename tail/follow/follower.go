package follow

import (
	"context"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"mktail/emit"
	"mktail/tail/checkpoint"
	"mktail/tail/kube"
	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/position"
	"mktail/tail/report"
)

// Follower reads the log of one container of one pod, through all its instances, in one goroutine: that of Run.
//
// The end of a stream says nothing about the container: load balancers and restarting kubelets end the streams of
// live ones. So after each the pod is asked how it stands. An instance that has ended is read until a read brings
// nothing new, by way of "previous" if a newer one has taken its place. The cursor makes the reads of an instance
// overlap without a repeat. What can't be read is reported as a gap.
type Follower struct {
	Target
	c       *Cluster
	inbox   inbox
	life    life
	stream  atomic.Pointer[kube.LogStream] // that is being read
	checked checked                        // Suspect's
	resting atomic.Bool                    // nothing is to be read at the moment
	wasRead atomic.Bool                    // AwaitRead has seen the log's end read
	givenUp atomic.Bool                    // AwaitRead has given the log up
	unread  unread

	mu    lock // guards place and what it is compared with
	place place

	// The rest is Run's.
	out         *emit.Stream
	known       known
	begin       beginning
	reads       reads
	last        lastStream
	slot        slot
	backfill    backfill
	poll        polling
	rest        logline.Line // what stood after the last newline of the last stream, held back; see hold
	aheadRest   logline.Line // what rest was when place.ahead was set apart
	bytes       int64        // that were handed to the output, newlines too; counted for LimitBytes alone
	health      report.Reporter
	quote       string // the last message of the kubelet
	stamp       []byte // of the record in work
	current     bool   // what there is now was read, or a stream is open that brings it
	announced   bool   // announceStart has reported that the container is there
	streamTried func() // is called when a stream was open, or could not be opened; again, it does nothing
}

// Target is the container that is followed.
type Target struct {
	UID       types.UID // of the pod
	Identity  string    // of the pod; see pods.Identity
	Namespace string
	Pod       string
	Node      string
	LogUID    string // of the pod in the folder of its logs; see kube.ContainerLog
	Container string
}

// Key is what the container is known by in the state file.
func (t *Target) Key(cluster string) checkpoint.Key {
	return checkpoint.Key{Cluster: cluster, Pod: t.Identity, Container: t.Container}
}

// static reports whether the pod is a static one, of which the API has but a mirror.
func (t *Target) static() bool { return pods.Static(t.UID, t.Identity) }

// life is how a follower ends.
type life struct {
	reading context.Context    // has ended when Run is to return
	cancel  context.CancelFunc // ends reading
	ended   chan struct{}      // closed when nothing more is read
	dropped atomic.Bool        // Cancel was called
}

// known is what the follower knows of its container.
type known struct {
	pods.Status
	stale bool // a stream has ended since, so that the API is to be asked
	gone  bool // the pod was deleted
}

// place is what was reached in a container's log.
type place struct {
	begun     bool             // an instance was taken up
	at        pods.Instance    // that is being read, or was last, if begun
	done      pods.ContainerID // the newest instance that was read to its end
	cursor    *position.Cursor // in at
	ahead     *position.Cursor // in a later instance, as far as that may have been read in place of at; nil: it was not
	aheadOf   pods.ContainerID // that instance
	sure      pods.ContainerID // the instance that is known not to be mistaken for a later one
	suspected suspectedGap     // in what was read of at
	head      uint64           // hash of the line that at's log began with when it held what was read last; 0: unknown
	reported  uint64           // hash of the line that was read last when a gap was reported before anything came after it; 0: none was
	rotated   []string         // names of the rotated files that were listed last, in the order in which they were made

	unstamped *position.Unstamped // in at, in place of cursor, if its lines have no stamps; else nil
}

// started reports whether any line was read of the instance.
func (p *place) started() bool {
	return p.cursor.Started() || p.unstamped != nil && p.unstamped.Started()
}

// caughtUp reports whether the last stream came as far as was read before.
func (p *place) caughtUp() bool {
	if p.unstamped != nil {
		return p.unstamped.CaughtUp()
	}
	return p.cursor.CaughtUp()
}

// in reports whether the place is in this instance.
func (p *place) in(in pods.Instance) bool { return p.begun && p.at.Same(in) }

// beginning is where the log begins of a container that ran before mktail looked: there since and tail count.
type beginning struct {
	preexisting pods.InstanceKey // the instance that ran; the zero value: none did
	firstSeen   time.Time        // when mktail looked
	opened      time.Time        // when a stream was first open; zero: none was
	resumed     bool             // another follower has looked, of an earlier run or this one: what came since then is wanted
	untailed    bool             // when the log was first asked for, tail left nothing out
	createdAt   time.Time        // since when all is wanted: when the pod was made, if that was after mktail looked, or when an earlier run looked
}

// isAt reports whether the log begins within this instance.
func (b *beginning) isAt(k pods.InstanceKey) bool {
	return b.preexisting.ID != "" && b.preexisting.ID == k.ID
}

// reads counts the reads of one instance. It is reset for each.
type reads struct {
	window       window
	idle         int             // reads in a row that brought nothing
	empty        int             // those of them that ended cleanly at the log's end
	void         int             // answers in a row that had nothing at all
	emptyAt      time.Time       // when the log was found to hold nothing of what was read last, nor anything else; zero: it was not
	goal         uint64          // hash of the line at which the reading of an instance that runs on ends, without Follow; 0: not known yet
	goalAt       int64           // its stamp
	goalEqual    bool            // an earlier line may be equal to that line
	atGoal       bool            // that line has come
	fresh        int             // reads that brought something, of such an instance; from maxNewReads on those near its end
	skipped      report.GapCause // why the next stream begins after lines that were not read; empty: it does not
	begins       lineKey         // the line that the log began with when it did not hold what was read last: the next stream begins with it; no hash: it need not
	unanswered   int             // reads in a row that have brought nothing for too long, of a previous instance
	unreadSince  time.Time       // since when no read has brought anything but an error, though the instance has ended; zero: one has
	refusedSince time.Time       // since when the kubelet has given no log, though the instance has ended; zero: it has
	search       bool            // the next stream may not have all lines of a log without stamps; see realign
	ending
}

// lastStream is what the next stream is to know of those before it.
type lastStream struct {
	followed pods.ContainerID // the instance whose stream was opened last to be followed
	ran      bool             // the instance that was read last ran then
	began    time.Time        // when the last stream was asked for
	mode     mode             // of it
	opened   bool             // it was answered
	atOnce   bool             // it was to be followed, but ended at once
	broken   bool             // it ended with an error and brought nothing
	jumpedAt uint64           // hash of the line at which the last stream was left because it jumped
}

// Start says where the reading of a container begins.
type Start struct {
	Source      emit.Source       // of the records
	Preexisting pods.Instance     // that ran before mktail looked: since and tail count for it; no ID: none did
	Done        pods.ContainerID  // the instance that is not to be asked for, nor any before it; empty: all are
	Since       time.Time         // since when all is wanted: when the pod was made, if that was after mktail looked; zero: unknown
	Old         bool              // the status may be old: the API is to be asked before anything is read
	Last        *checkpoint.Place // that was reached in the last run; nil: none was
	Dropped     *Follower         // of the same container, that this one goes on from; it has been cancelled. nil: there is none
	Tried       func()            // is called when a stream was open, or could not be opened, perhaps more than once; nil: nobody wants to know
}

// New makes a follower of a container with this status. With Dropped it waits for that one's end. The caller calls Begin and Run,
// or Skip. The follower ends with ctx.
func New(ctx context.Context, c *Cluster, t Target, st pods.Status, start Start) *Follower {
	f := &Follower{
		Target: t, c: c,
		life:        life{ended: make(chan struct{})},
		out:         c.Out.Stream(start.Source),
		known:       known{Status: st, stale: start.Old},
		place:       place{cursor: new(position.Cursor), done: start.Done},
		begin:       beginning{preexisting: start.Preexisting.Key(), firstSeen: time.Now(), createdAt: start.Since},
		slot:        slot{c: c},
		health:      c.Health.Reporter(t.Namespace),
		streamTried: start.Tried,
	}
	f.inbox.init(st)
	if f.streamTried == nil {
		f.streamTried = func() {}
	}
	f.life.reading, f.life.cancel = context.WithCancel(ctx)
	f.out.OnWait(f.mu.outputWaits, func() { f.mu.outputWent(f.out.Holds, f.snapshot) })
	if start.Last != nil {
		f.resume(*start.Last)
	}
	if d := start.Dropped; d != nil {
		f.goOn(d)
	}
	return f
}

// goOn takes over the place of a follower that was cancelled, when it has ended.
func (f *Follower) goOn(from *Follower) {
	<-from.life.ended
	from.mu.Lock()
	defer from.mu.Unlock()
	f.place, f.bytes, f.last.followed = placeOf(from.snapshot()), from.bytes, from.last.followed
	if f.static() { // whose container may be another one by now, of which nobody has told
		f.reads.ending, f.rest = from.reads.ending, from.rest
	}
	created := f.begin.createdAt
	f.begin = from.begin
	f.begin.createdAt, f.begin.resumed = created, true
}

// Begin comes before Run, and announces the container. A run that doesn't follow waits here for one of the cluster's streams,
// which is the follower's until Run returns, so that few containers at once are read, in the order of Begin. Not ok: ctx has
// ended first, and Run must not be called.
func (f *Follower) Begin(ctx context.Context) (ok bool) {
	if !f.c.Options.Follow && !f.slot.reserve(ctx) {
		f.c.leave(&f.Target)
		f.out.End()
		return false
	}
	f.announceStart()
	return true
}

// Skip takes the place of Begin and Run where nobody wants the log.
func (f *Follower) Skip() {
	f.life.cancel()
	f.out.End()
	f.streamTried()
	close(f.life.ended)
}

// Cancel has Run return soon: the container is no longer wanted.
func (f *Follower) Cancel() {
	f.life.dropped.Store(true)
	f.life.cancel()
}

// Done is closed when nothing more is read: Run is about to return, or Skip was called.
func (f *Follower) Done() <-chan struct{} { return f.life.ended }

// Key is what the container is known by in the state file.
func (f *Follower) Key() checkpoint.Key { return f.Target.Key(f.c.Name) }

// name is what messages call the container.
func (f *Follower) name() string {
	return f.c.Name + ": " + f.Namespace + "/" + f.Pod + "/" + f.Container
}
