package follow

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"time"

	"mktail/tail/kube"
	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/position"
	"mktail/tail/report"
)

// errOver says that an instance was found to have ended, and was read to its end.
var errOver = errors.New("the container has been restarted")

// errLeapt says that a stream may have left lines out.
var errLeapt = errors.New("the stream has left lines out")

// errOther says that a stream is that of another instance than was thought.
var errOther = errors.New("the container has been restarted meanwhile")

// errAstray says that a stream brought new lines without any of those that were seen last.
var errAstray = errors.New("the log does not hold what was read last")

// read reads the log of an instance over one connection to its end. fresh tells whether something came that was not
// seen before. The error is nil if the stream ended as if all had been said.
func (f *Follower) read(ctx context.Context, in pods.Instance, follow bool) (fresh bool, err error) {
	if f.c.Options.Follow && !f.placed { // else it has its place already
		f.mu.Unlock()
		waited, ok := f.c.enter(ctx, f.deleted, f.tried)
		f.mu.Lock()
		if !ok {
			return false, nil // ctx has ended, or the pod
		}
		f.placed = true
		if waited { // perhaps for long: see whether this is still what is to be read
			f.stale = true
			if err := f.refresh(ctx); err != nil {
				f.vacate()
				return false, err
			}
			if now, _ := f.due(); now.ID != in.ID || now.Previous != in.Previous || f.gone {
				f.vacate()
				return true, nil
			}
		}
	}
	if follow && f.opened == in.ID {
		f.c.Stats.Reconnects.Add(1)
		f.notify(report.Reconnect, nil)
	}
	if fresh, err = f.connect(ctx, in, follow, false); !f.kept {
		f.vacate()
	}
	return fresh, err
}

// reading is a log stream that is read, from its opening to its end.
type reading struct {
	f             *Follower
	in            pods.Instance
	follow, probe bool // see connect

	body   *kube.LogStream
	lines  *logline.Scanner
	times  logline.Stamps
	pace   pace
	out    sink
	begins bool  // no line has come yet, and the first may be a part of one: see kubeletWords
	fresh  bool  // something came that was not seen before
	failed error // of the output, while the stream waited
}

// connect opens a log stream and reads it to its end. With probe it ends where the stream proves to be another log's
// than the one that was read last. The results are read's.
func (f *Follower) connect(ctx context.Context, in pods.Instance, follow, probe bool) (fresh bool, err error) {
	f.cleanly = time.Time{}
	r := &reading{f: f, in: in, follow: follow, probe: probe, body: f.c.Kube.NewLog(ctx), pace: newPace(), out: sink{f: f, restarts: in.Restarts}}
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
		f.resolve(ctx) // while the log may be there
	}
	if f.broken = err != nil && !r.fresh; err == nil {
		f.health.OK()
		if follow {
			f.cleanly = time.Now()
			f.atOnce = !r.fresh && f.cleanly.Sub(opened) < position.Slack/2
		}
	}
	return r.fresh, err
}

// open sends the request and waits for the answer to begin.
func (r *reading) open() error {
	f := r.f
	o := f.options(r.in, r.follow)
	r.begins = o.SinceTime != nil || o.SinceSeconds != nil
	f.mu.Unlock()
	defer f.mu.Lock()
	over := kube.Auto
	if r.probe { // another stream waits for what this one brings, and must not hold it up on a shared connection
		over = kube.Own
	}
	return r.body.Open(kube.LogRequest{Namespace: f.ns, Pod: f.pod, Options: o, Over: over, Waiting: f.tried})
}

// begin notes that the answer has begun, and sees to what comes before it.
func (r *reading) begin(ctx context.Context) error {
	f := r.f
	if !f.broken { // else only a line, or a stream that ends well, shows that there is more than an answer
		f.health.OK()
	}
	if r.follow {
		f.opened = r.in.ID
		f.whole = "" // or the stream would not have been opened
	}
	if f.begin.opened.IsZero() {
		f.begin.opened = time.Now()
		f.notify(report.ContainerOpen, nil)
	}
	f.tried()
	f.kept = true
	failed := f.bridge.id == r.in.ID && f.bridge.tries > 0
	if f.rotates() && !r.probe && (failed || !f.place.cursor.Started()) { // what comes before the file that is open now?
		if err := f.mend(ctx, r.in); err != nil && !errors.Is(err, kube.ErrNoFiles) {
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
		r.pace.leave(f.place.cursor)
		f.mu.Unlock()
	}, func() {
		f.mu.Lock()
		r.pace.arrive()
	})
	return nil
}

// toEnd reads until the stream ends, or something is found that is to be done before more is read. The error is read's.
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
		if r.follow && r.pace.leaps(f.place.cursor, ns, len(text)) {
			if err := r.leapt(ctx, ns, f.hash(ns, l, text)); err != nil {
				return err
			}
		}
		if !r.fresh && !r.probe && f.later(r.in, ns) {
			f.giveUp(ctx, r.in, report.RestartsMissed)
			return errOver
		}
		v := f.add(ns, l, text)
		if v == position.NoOverlap {
			if r.probe {
				return errAstray
			}
			if err := f.strayed(ctx, r.in, ns); err != nil {
				return err
			}
			v = f.add(ns, l, text)
		}
		if v == position.Repeat {
			continue
		}
		if !r.fresh {
			r.fresh = true
			f.rest = logline.Line{} // it was no end, if this follows
			f.health.OK()
			f.goWithout(ns)
		}
		if err := r.out.put(ns, l.Text[:len(l.Text)-len(text)-1], text, l.Cut); err != nil {
			return err
		}
	}
}

// end takes the end of the stream, and its error.
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

// unstamped takes a line without a stamp.
func (r *reading) unstamped(text []byte) {
	if r.begins && !kubeletWords.Match(text) { // the rest of a long line that began before the time asked for
		r.f.c.Log.Debug().Msgf("%s: the log begins within a line", r.f.name())
	} else {
		r.f.quoteKubelet(text)
	}
	r.begins = false
}

// leapt looks into a leap to the line of ns and this hash.
func (r *reading) leapt(ctx context.Context, ns int64, hash uint64) error {
	if err := r.out.settle(); err != nil {
		return err
	}
	return r.f.leapt(ctx, r.in, &r.pace, ns, hash)
}

// add asks the cursor about a line that was split into ns and text.
func (f *Follower) add(ns int64, l logline.Line, text []byte) position.Verdict {
	return f.place.cursor.Add(ns, f.hash(ns, l, text))
}

// hash is what the cursor knows a line by.
func (f *Follower) hash(ns int64, l logline.Line, text []byte) uint64 {
	kept := min(len(text), f.c.Options.MaxLine)
	return position.Hash(ns, text[:kept], l.Cut+len(text)-kept)
}

// later tells whether a line of ns, that came as one of the previous instance, is later than the start of the next one:
// then the container has been restarted once more, and the kubelet serves that one as previous.
func (f *Follower) later(in pods.Instance, ns int64) bool {
	next := f.now.Current
	return in.Previous && next.ID != in.ID && next.Started > 0 && ns >= next.Begin()
}

// kubeletWords begin what the kubelet says of itself. Other text without a stamp at the beginning of a log is the end
// of a line of over 16 KiB: the runtime stamps its pieces, and the kubelet leaves those out that are too old.
var kubeletWords = regexp.MustCompile(`^(failed|unable|error|rpc error|context|container|Error)\b`)

// replaced tells whether the pod was deleted while its log was being opened and another of that name is there: then
// the log is the other's. (Pods of a StatefulSet keep their names.)
func (f *Follower) replaced(ctx context.Context) bool {
	select {
	case <-f.deleted:
	default:
		return false
	}
	p, err := f.ask(ctx)
	return err == nil && p.UID != f.uid
}

// hold keeps the unterminated end of a stream back: if the stream broke it is half a line, that the next stream
// brings whole. It is a line only if nothing more can come. changed tells whether it is another one than before.
// An end without a stamp is said by the kubelet in place of the log ("unable to retrieve container logs for …", when
// it can't reach the runtime) and is an error. So is one within a stamp: no log ends there.
func (f *Follower) hold(rest logline.Line) (changed bool, err error) {
	var held logline.Line
	if _, _, ok := logline.SplitStamp(rest.Text); ok {
		held = logline.Line{Text: bytes.Clone(rest.Text), Cut: rest.Cut}
	} else if logline.BeginsStamp(rest.Text) {
		err = io.ErrUnexpectedEOF
	} else if len(rest.Text) > 0 {
		err = kube.KubeletError(logline.Trim(rest.Text, mostQuoted))
	}
	if c := f.place.cursor; c.Started() && !c.CaughtUp() || f.whole == f.place.at.ID { // a piece of what was seen before
		return false, err
	}
	changed = held.Cut != f.rest.Cut || !bytes.Equal(held.Text, f.rest.Text)
	f.rest = held
	return changed, err
}

// endLine takes the unterminated end for a line: nothing more comes.
func (f *Follower) endLine() {
	f.goWithout(f.place.at.End())
	l := f.rest
	f.rest = logline.Line{}
	ns, text, ok := logline.SplitStamp(l.Text)
	if ok && f.add(ns, l, text) != position.Repeat {
		out := sink{f: f, restarts: f.place.at.Restarts, unended: true}
		out.put(ns, nil, text, l.Cut)
		out.settle()
	}
}

// mostQuoted is how much of the kubelet's words is passed on.
const mostQuoted = 300

// quoteKubelet passes on a line without a stamp: it is no line of the container, but the kubelet that says why it
// can't go on ("failed to create fsnotify watcher: …").
func (f *Follower) quoteKubelet(text []byte) {
	f.c.Stats.Errors.Add(1)
	if said := string(logline.Trim(text, mostQuoted)); said != f.quote {
		f.quote = said
		f.c.Log.Warn().Msgf("%s: the kubelet says: %s", f.name(), said)
	}
}
