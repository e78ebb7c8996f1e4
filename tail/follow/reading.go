package follow

import (
	"context"
	"errors"
	"io"
	"time"

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
		if waited { // perhaps for long: see whether this is still what is to be read
			f.known.stale = true
			if err := f.refresh(ctx); err != nil {
				f.slot.release()
				return result{err: err}
			}
			if now, _ := f.due(); now.ID != in.ID || now.Previous != in.Previous || f.known.gone {
				f.slot.release()
				return result{fresh: true}
			}
		}
	}
	if mode == live && f.last.followed == in.ID {
		f.c.Stats.Reconnects.Add(1)
		f.notify(report.Reconnect)
	}
	fresh, err := f.connect(ctx, in, mode)
	if !f.slot.kept {
		f.slot.release()
	}
	return resultOf(fresh, err)
}

// mode says what a stream is opened for.
type mode int

const (
	toEnd     mode = iota // to read what there is
	live                  // to read on until the instance ends
	comparing             // to see whether the log is the one that was read last: it ends where that proves wrong
)

// mode returns the mode in which an instance is read.
func (f *Follower) mode(in pods.Instance) mode {
	if f.c.Options.Follow && in.Running {
		return live
	}
	return toEnd
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
	begins bool  // no line has come yet, and the first may be a part of one: see kubeletWords
	fresh  bool  // something came that was not seen before
	failed error // of the output, while the stream waited
}

// connect opens a log stream and reads it to its end. fresh reports whether something came that was not seen before. The
// error is nil if the stream ended cleanly; it may be an outcome.
func (f *Follower) connect(ctx context.Context, in pods.Instance, mode mode) (fresh bool, err error) {
	f.reads.cleanEOFAt = time.Time{}
	r := &reading{f: f, in: in, mode: mode, body: f.c.Kube.NewLog(ctx), lag: newLagDetector(), out: sink{f: f, restarts: in.Restarts}}
	defer r.body.Close()
	defer f.stream.Store(f.stream.Swap(r.body))
	if err := r.open(); err != nil {
		return false, err
	}
	if f.replaced(ctx) {
		return false, nil
	}
	opened := time.Now()
	if err = r.begin(ctx); err == nil {
		r.lines = logline.NewScanner(r.body, f.c.Options.MaxLine+logline.StampRoom+1, f.c.Pool) // one more, to see that the text is cut
		err = r.toEnd(ctx)
		r.lines.Close()
		f.resolve(ctx, f.mu.idle) // while the log may still be there
	}
	if f.last.broken = err != nil && !r.fresh; err == nil {
		f.health.OK()
		if mode == live {
			f.reads.cleanEOFAt = time.Now()
			f.reads.emptyEOF = !r.fresh && f.reads.cleanEOFAt.Sub(opened) < moment/2
		}
	}
	return r.fresh, err
}

// open sends the request and waits for the answer to begin.
func (r *reading) open() (err error) {
	f := r.f
	o := f.options(r.in, r.mode == live)
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
	if r.mode == live {
		f.last.followed = r.in.ID
		f.reads.toEnd = false // or the stream would not have been opened
	}
	if f.begin.opened.IsZero() {
		f.begin.opened = time.Now()
		f.notify(report.ContainerOpen)
	}
	f.streamTried()
	f.slot.kept = true
	failed := f.backfill.isOf(r.in) && f.backfill.tries > 0
	if f.rotates() && r.mode != comparing && (failed || !f.place.cursor.Started()) { // what comes before the file that is open now?
		if err := f.backfillRotated(ctx, r.in); err != nil && !errors.Is(err, kube.ErrNoFiles) {
			return err
		}
		if failed && f.place.cursor.Started() { // what was compared with the files is to be compared with the stream
			f.place.cursor.Reopen()
		}
	}
	r.body.OnWait(func() {
		if r.failed = r.out.settle(); r.failed != nil {
			r.body.Cancel()
		}
		r.lag.settle(f.place.cursor)
		f.mu.Unlock() // as idle does
	}, func() {
		f.mu.Lock()
		r.lag.arrive()
	})
	return nil
}

// toEnd reads until the stream ends, or something is to be done before more is read. Its error may be an outcome.
func (r *reading) toEnd(ctx context.Context) error {
	f := r.f
	for {
		l, ok := r.lines.Take()
		if !ok {
			if err := r.lines.Fill(); err != nil || r.failed != nil {
				return r.end(err)
			}
			continue
		}
		ns, text, ok := r.times.Split(l.Text)
		if !ok {
			r.unstamped(l.Text)
			continue
		}
		r.begins = false
		if r.mode == live && r.lag.jumps(f.place.cursor, ns, len(text)) {
			if err := r.jumped(ctx, ns, f.hash(ns, l, text)); err != nil {
				return err
			}
		}
		if !r.fresh && r.mode != comparing && f.later(r.in, ns) {
			f.abandon(ctx, r.in, report.RestartedTwice)
			return restarted
		}
		v := f.add(ns, l, text)
		if v == position.NoOverlap {
			if r.mode == comparing {
				return noOverlap
			}
			if err := f.noOverlap(ctx, r.in, ns); err != nil {
				return err
			}
			v = f.add(ns, l, text)
		}
		if v == position.Repeat {
			continue
		}
		if !r.fresh {
			r.fresh = true
			f.rest = logline.Line{} // it was not an end, if this line follows
			f.health.OK()
			f.goWithout(ns)
		}
		if err := r.out.put(ns, l.Text[:len(l.Text)-len(text)-1], text, l.Cut); err != nil {
			return err
		}
	}
}

// end handles the end of the stream, and its error.
func (r *reading) end(err error) error {
	if r.failed != nil {
		return r.failed
	}
	if err := r.out.settle(); err != nil {
		return err
	}
	changed, early := r.f.hold(r.lines.Rest())
	r.fresh = r.fresh || changed
	if err == io.EOF {
		return early
	}
	return err
}

// jumped looks into a jump to the line with this stamp and hash.
func (r *reading) jumped(ctx context.Context, ns int64, hash uint64) error {
	if err := r.out.settle(); err != nil {
		return err
	}
	return r.f.jumped(ctx, r.in, &r.lag, ns, hash)
}

// add asks the cursor about a line that was split into ns and text.
func (f *Follower) add(ns int64, l logline.Line, text []byte) position.Verdict {
	return f.place.cursor.Add(ns, f.hash(ns, l, text))
}

// hash returns what the cursor knows a line by.
func (f *Follower) hash(ns int64, l logline.Line, text []byte) uint64 {
	kept := min(len(text), f.c.Options.MaxLine)
	return position.Hash(ns, text[:kept], l.Cut+len(text)-kept)
}

// later reports whether a line with stamp ns, which came as one of the previous instance, is later than the start of the current one:
// then the container has been restarted once more, and the kubelet serves the later instance as previous.
func (f *Follower) later(in pods.Instance, ns int64) bool {
	next := f.known.Current
	return in.Previous && next.ID != in.ID && next.Started > 0 && ns >= next.Begin()
}
