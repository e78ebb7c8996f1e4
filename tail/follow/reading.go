package follow

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"

	"mktail/tail/kube"
	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/position"
	"mktail/tail/report"
)

// read reads the log of an instance over one connection to its end.
func (f *Follower) read(ctx context.Context, in pods.Instance, mode mode) result {
	if !f.slot.held {
		var waited, ok bool
		f.mu.idle(func() { waited, ok = f.slot.acquire(ctx, f.inbox.deleted, f.streamTried) })
		if !ok {
			return result{} // ctx has ended, or the pod
		}
		if waited {
			due, err := f.stillDue(ctx, in)
			if err != nil {
				f.slot.release()
				return result{err: err}
			}
			if !due || f.known.gone || !f.slot.held { // see awaitMirror
				f.slot.release()
				return result{fresh: true}
			}
		}
	}
	if mode == live && f.last.followed == in.ID && f.last.mode != catchingUp {
		f.c.Stats.Reconnects.Add(1)
		f.notify(report.Reconnect)
	}
	f.last.mode = mode
	fresh, err := f.connect(ctx, in, mode)
	if !f.slot.kept {
		f.slot.release()
	}
	return resultOf(fresh, err)
}

// stillDue reports whether an instance is still the one that is to be read, after a wait that may have been long.
func (f *Follower) stillDue(ctx context.Context, in pods.Instance) (bool, error) {
	f.known.stale = true
	if err := f.refresh(ctx); err != nil {
		return false, err
	}
	now, _ := f.due()
	return now.ID == in.ID && now.Previous == in.Previous, nil
}

// mode says what a stream is opened for.
type mode int

const (
	toEnd      mode = iota // to read what there is
	live                   // to read on until the instance ends
	catchingUp             // to read what there is before a live stream is opened
	polled                 // to read what there is, of an instance that runs on a node that does not follow logs
	comparing              // to see whether the log is the one that was read last
)

// mode returns the mode in which an instance is read.
func (f *Follower) mode(in pods.Instance) mode {
	switch {
	case !f.c.Options.Follow || !in.Running:
		return toEnd
	case f.poll.on:
		return polled
	case f.reads.window.lines != 0:
		return catchingUp
	}
	return live
}

// reading is a log stream that is read, from its opening to its end.
type reading struct {
	f    *Follower
	in   pods.Instance
	mode mode

	body   *kube.LogStream
	lines  *logline.Scanner
	times  logline.Stamps
	lag    lagDetector
	out    sink
	begins bool        // no line has come yet, and the first may be a part of one: see kubeletWords
	fresh  bool        // something came that was not seen before
	failed error       // of the output, while the stream waited
	late   atomic.Bool // it was ended by bound

	stamping  stamping
	begun     int           // how much of the line that comes next has come, of a live stream
	begunAt   int64         // when its first bytes came, in Unix nanoseconds by our clock
	waits     []wait        // where in it the stream waited for more; see ends
	explained bool          // the jump to it was looked into
	held      *logline.Line // the first line, until the next one tells what it is; nil: none is
	opened    time.Time     // when the answer began
	waiting   time.Time     // since when it waits for more
	followed  bool          // it was seen to wait for more
	repeated  int64         // when the last line came that was seen before, in Unix nanoseconds; 0: none has

	reopened bool    // lines were read before
	emptied  bool    // the log held nothing just before: what was read last need not come
	asked    int64   // so many of the last lines were asked for
	newest   int64   // greatest stamp of those that were read
	count    int64   // of the lines that have come
	first    lineKey // of them
	last     uint64  // hash of the last of them
	news     int64   // of them, those that were not seen before
	reached  bool    // one of them is the window's goal
	torn     bool    // it ended within a line
	excess   bool    // more than that came before any that was seen
	patience patience
}

// connect opens a log stream and reads it to its end. fresh reports whether something came that was not seen before. The
// error is nil if the stream ended cleanly; it may be an outcome.
func (f *Follower) connect(ctx context.Context, in pods.Instance, mode mode) (fresh bool, err error) {
	was := f.reads.ending
	f.reads.cleanEOFAt, f.last.opened, f.last.atOnce, f.last.began = time.Time{}, false, false, time.Now()
	r := &reading{f: f, in: in, mode: mode, body: f.c.Kube.NewLog(ctx), lag: newLagDetector(), out: sink{f: f, restarts: in.Restarts}}
	defer r.body.Close()
	defer f.stream.Store(f.stream.Swap(r.body))
	defer func() {
		if r.count == 0 && !fresh && isGone(err) {
			f.noteRefused(was)
		}
	}()
	if mode != comparing {
		if err := f.prepare(ctx, in); err != nil {
			return false, err
		}
	}
	defer r.bound()()
	r.patience.of = r.body
	defer r.patience.stop()
	if err := r.open(); err != nil {
		return false, r.timedOut(err)
	}
	if f.replaced(ctx) {
		return false, nil
	}
	r.opened = time.Now()
	if mode != comparing && r.opened.Sub(f.last.began) > moment/2 { // it waited, perhaps for a connection
		if due, err := f.stillDue(ctx, in); err == nil && !due && !f.known.gone {
			return false, otherInstance
		}
	}
	var ended time.Time
	if err = r.begin(ctx); err == nil {
		r.lines = logline.NewScanner(r.body, f.c.Options.MaxLine+logline.StampRoom+1, f.c.Pool) // one more, to see that the text is cut
		err = r.missedInTime(r.timedOut(r.toEnd(ctx)))
		ended = time.Now()
		r.lines.Close()
		f.resolve(ctx) // while the log may still be there
		if r.reopened && mode != comparing {
			err = r.assess(ctx, err)
		}
	}
	f.last.atOnce = r.endedAtOnce(err)
	if f.last.broken = err != nil && !r.fresh; err == nil {
		f.health.OK()
		if mode == live {
			r.noteCleanEnd(ended)
		}
	}
	return r.fresh, err
}

// open sends the request and waits for the answer to begin.
func (r *reading) open() (err error) {
	f := r.f
	r.reopened, r.emptied, r.newest = f.place.cursor.Started(), f.justEmptied(), f.place.cursor.Newest()
	var o *corev1.PodLogOptions
	o, r.asked = f.options(r.in, r.mode)
	r.begins = o.SinceTime != nil || o.SinceSeconds != nil
	over := kube.Auto
	if r.mode == comparing { // another stream waits for what this one brings, and must not hold it up on a shared connection
		over = kube.Own
	}
	f.mu.idle(func() {
		err = r.body.Open(kube.LogRequest{Namespace: f.Namespace, Pod: f.Pod, Options: o, Over: over, Waiting: f.streamTried})
	})
	return err
}

// begin notes that the answer has begun, and sees to what comes before it.
func (r *reading) begin(ctx context.Context) error {
	f := r.f
	if !f.last.broken { // else only a line, or a clean end, shows that the log can be read again
		f.health.OK()
	}
	f.last.opened = true
	if r.mode == live {
		f.last.followed, f.current = r.in.ID, true
		f.reads.toEnd = false // or the stream would not have been opened
	}
	if f.begin.opened.IsZero() {
		f.begin.opened = time.Now()
		f.notify(report.ContainerOpen)
	}
	f.streamTried()
	f.slot.kept = true
	failed := f.backfill.isOf(r.in) && f.backfill.tries > 0
	unknown := !f.place.cursor.Started() || f.place.cursor.Loose() && !f.backfill.isOf(r.in)
	if f.rotates() && r.mode != comparing && (failed || unknown) && !f.backfill.hasHead() { // what comes before the file that is open now?
		if err := f.makeSureOfFiles(ctx, r.in); err != nil {
			return err
		}
		if err := f.backfillRotated(ctx, r.in); err != nil && !errors.Is(err, kube.ErrNoFiles) {
			return err
		}
		if failed && f.place.cursor.Started() { // what was compared with the files is to be compared with the stream
			f.place.cursor.Reopen(r.asked != wholeLog)
			f.place.cursor.Pass()
		}
	}
	r.body.OnWait(func() {
		if r.failed = r.out.settle(); r.failed != nil {
			r.body.Cancel()
		}
		r.lag.settle(f.place.cursor)
		r.noteWait()
		r.waiting = time.Now()
		r.patience.limit(r)
		f.mu.Unlock() // as idle does
	}, func() {
		r.patience.stop()
		f.mu.Lock()
		r.lag.arrive()
		r.noteWaited()
		r.noteFollowed()
	})
	return nil
}

// toEnd reads until the stream ends, or something is to be done before more is read. Its error may be an outcome.
func (r *reading) toEnd(ctx context.Context) error {
	f := r.f
	for {
		l, ok := r.lines.Take()
		if !ok {
			if err := r.noteBegun(ctx); err != nil {
				return err
			}
			if err := r.lines.Fill(); err != nil || r.failed != nil {
				return r.end(err)
			}
			continue
		}
		var waits []wait
		if r.begun > 0 {
			waits, r.waits, r.begun, r.explained = r.waits, r.waits[:0], 0, false
		}
		if r.stamping != stamped {
			if taken, err := r.takeUnstamped(ctx, l); err != nil {
				return err
			} else if taken {
				continue
			}
		}
		ns, text, ok := r.times.Split(l.Text)
		if !ok {
			r.noStamp(l.Text)
			continue
		}
		r.begins = false
		if r.count == 0 && r.mode != comparing {
			if err := f.joinHead(ctx, r.in, ns); err != nil {
				return err
			}
			if err := r.beginsAt(ctx, lineKey{ns, f.hash(ns, l, text)}); err != nil {
				return err
			}
		}
		if r.mode == live && r.lag.jumps(f.place.cursor, ns, len(text)) {
			if err := r.jumped(ctx, ns, f.hash(ns, l, text)); err != nil {
				return err
			}
		}
		if !r.fresh && r.mode != comparing && f.later(r.in, ns) {
			if err := f.makeSure(ctx, r.in); err != nil {
				return err
			}
		}
		if f.out.Joins() {
			if err := f.between(text); err != nil {
				return err
			}
		}
		newest, hash := f.place.cursor.Newest(), f.hash(ns, l, text)
		v := f.place.cursor.Add(ns, hash)
		if v == position.NoOverlap && f.place.cursor.Amid() && r.beginsStamp(ctx) {
			f.place.cursor.BeginStamp()
			v = f.place.cursor.Add(ns, hash)
		}
		r.note(lineKey{ns, hash})
		if v != position.Fresh {
			if r.misses(v, ns, newest) {
				return missed
			}
			r.repeated = r.lag.arrived
			continue
		}
		if !r.fresh {
			r.noteFresh()
			f.goWithout(ns)
			if f.reads.skipped != "" {
				f.gap(newest, ns, f.reads.skipped)
				f.reads.skipped = ""
			}
		}
		if len(waits) > 0 {
			f.place.cursor.Torn(r.rests(ns, l, text, waits))
		}
		r.news++
		if r.mode == live {
			f.reads.lineAt = r.lag.arrived
		}
		if err := r.out.put(ns, l.Text[:len(l.Text)-len(text)-1], text, l.Cut); err != nil {
			return err
		}
	}
}

// noteFresh notes the first line of the stream that was not seen before: what was taken for the log's end is none.
func (r *reading) noteFresh() {
	f := r.f
	r.fresh = true
	f.rest, f.reads.toEnd, f.reads.idle, f.reads.lineAt = logline.Line{}, false, 0, 0
	f.health.OK()
}

// end handles the end of the stream, and its error.
func (r *reading) end(err error) error {
	if r.failed != nil {
		return r.failed
	}
	if err := r.out.settle(); err != nil {
		return err
	}
	if r.held != nil {
		r.noStamp(r.held.Text)
	}
	rest := r.lines.Rest()
	r.torn = len(rest.Text) > 0 && restError(rest) == nil
	changed, early := r.f.hold(rest)
	r.fresh = r.fresh || changed
	if err == io.EOF {
		return early
	}
	return err
}

// jumped looks into a jump to the line with this stamp and hash. If the last stream was left at that line, it is in the file that this one
// began with, as are the lines that this one brought before it: the kubelet leaves nothing out between lines of one file.
func (r *reading) jumped(ctx context.Context, ns int64, hash uint64) error {
	if r.count > 0 && r.f.last.jumpedAt == hash {
		r.lag.explained()
		return nil
	}
	if err := r.out.settle(); err != nil {
		return err
	}
	return r.f.jumped(ctx, r.in, &r.lag, ns, hash)
}

// hash returns what the cursor knows a line by.
func (f *Follower) hash(ns int64, l logline.Line, text []byte) uint64 {
	kept := min(len(text), f.c.Options.MaxLine)
	return position.Hash(ns, text[:kept], l.Cut+len(text)-kept)
}
