package tail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kubeletError is what the kubelet says in place of a log.
type kubeletError string

func (e kubeletError) Error() string { return string(e) }

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
func (f *follower) read(ctx context.Context, in instance, follow bool) (fresh bool, err error) {
	f.mu.Unlock()
	waited, ok := f.c.enter(ctx, f.deleted, f.tried)
	f.mu.Lock()
	if !ok {
		return false, nil // ctx has ended, or the pod
	}
	defer f.c.exit()
	if waited { // perhaps for long: see whether this is still what is to be read
		f.stale = true
		if err := f.refresh(ctx); err != nil {
			return false, err
		}
		if now, _ := f.due(); now.id != in.id || now.previous != in.previous || f.gone {
			return true, nil
		}
	}
	if follow && f.opened == in.id {
		f.c.stats.reconnects.Add(1)
		f.notify(Reconnect, nil)
	}
	return f.connect(ctx, in, follow, false)
}

// connect opens a log stream and reads it to its end. With probe it ends where the stream proves to be another log's
// than the one that was read last. The results are read's.
func (f *follower) connect(ctx context.Context, in instance, follow, probe bool) (fresh bool, err error) {
	f.cleanly = time.Time{}
	o := f.options(in, follow)
	pace := newPace()
	body := newStream(ctx)
	body.aside = probe
	defer body.Close()
	defer f.stream.Store(f.stream.Swap(body))
	f.mu.Unlock()
	err = body.open(f.c, f.ns, f.pod, o, f.tried)
	f.mu.Lock()
	if err != nil {
		return false, err
	}
	if f.replaced(ctx) {
		return false, nil
	}
	if !f.broken { // else only a line, or a stream that ends well, shows that there is more than an answer
		f.health.ok()
	}
	defer func() {
		if f.broken = err != nil && !fresh; err == nil {
			f.health.ok()
			if follow {
				f.cleanly = time.Now()
			}
		}
	}()
	if follow {
		f.opened = in.id
	}
	if f.begin.opened.IsZero() {
		f.begin.opened = time.Now()
		f.notify(ContainerOpen, nil)
	}
	f.tried()
	if f.rotates() && !probe && !f.place.cursor.started() { // what comes before the file that is open now?
		if err := f.mend(ctx, in); err != nil && !errors.Is(err, errNoDisk) {
			return false, err
		}
	}

	lines := newLines(body, f.c.o.MaxLine+stampRoom+1, f.c.buffers) // one more, to see that the text is cut
	defer lines.close()
	begins := o.SinceTime != nil || o.SinceSeconds != nil // and may do so within a line: see kubeletWords
	out := sink{f: f, restarts: in.restarts}
	var times stamps
	var failed error
	body.watch(func() {
		if failed = out.settle(); failed != nil {
			body.cancel()
		}
		pace.leave(f.place.cursor)
		f.mu.Unlock()
	}, func() {
		f.mu.Lock()
		pace.arrive()
	})
	for {
		l, ok := lines.take()
		if !ok {
			err := lines.fill()
			if failed != nil {
				return fresh, failed
			}
			if err != nil {
				if err := out.settle(); err != nil {
					return fresh, err
				}
				changed, said := f.hold(lines.rest())
				if err == io.EOF {
					err = said
				}
				return fresh || changed, err
			}
			continue
		}
		ns, text, ok := times.split(l.text)
		if !ok {
			if begins && !kubeletWords.Match(l.text) { // the rest of a long line that began before the time asked for
				f.c.log.Debug().Msgf("%s: the log begins within a line", f.name())
			} else {
				f.quoteKubelet(l.text)
			}
			begins = false
			continue
		}
		begins = false
		if follow && pace.leaps(f.place.cursor, ns, len(text)) {
			if err := out.settle(); err != nil {
				return fresh, err
			}
			if err := f.leapt(ctx, in, &pace, ns, f.hash(ns, l, text)); err != nil {
				return fresh, err
			}
		}
		if !fresh && !probe && f.later(in, ns) {
			f.giveUp(ctx, in, restartsMissed)
			return false, errOver
		}
		v := f.add(ns, l, text)
		if v == astray {
			if probe {
				return fresh, errAstray
			}
			if err := f.strayed(ctx, in, ns); err != nil {
				return fresh, err
			}
			v = f.add(ns, l, text)
		}
		if v == repeat {
			continue
		}
		if !fresh {
			fresh = true
			f.rest = line{} // it was no end, if this follows
			f.health.ok()
		}
		if err := out.put(ns, l.text[:len(l.text)-len(text)-1], text, l.cut); err != nil {
			return fresh, err
		}
	}
}

// add asks the cursor about a line that splitStamp has split into ns and text.
func (f *follower) add(ns int64, l line, text []byte) verdict {
	return f.place.cursor.add(ns, f.hash(ns, l, text))
}

// hash is what the cursor knows a line by.
func (f *follower) hash(ns int64, l line, text []byte) uint64 {
	kept := min(len(text), f.c.o.MaxLine)
	return hashLine(ns, text[:kept], l.cut+len(text)-kept)
}

// strayed is called when the first new line of a stream came at ns without any of the lines that were seen last. If
// nil, the stream is to be read on: lines may have rotated away, which was reported.
func (f *follower) strayed(ctx context.Context, in instance, ns int64) error {
	cursor, was := f.place.cursor, in
	if !in.previous { // or has it been restarted, and the API doesn't tell yet?
		in.previous = true
		_, err := f.connect(ctx, in, false, true)
		switch {
		case cursor.overlap && err == nil:
			return errOver
		case err != nil && !cursor.overlap && (errors.Is(err, errAstray) || apierrors.IsBadRequest(err) || errors.As(err, new(kubeletError))):
		case err != nil:
			return err
		}
	}
	f.stale = true
	if err := f.refresh(ctx); err != nil {
		return err
	}
	if !was.previous && f.now.current.id != was.id { // it has, and the API tells by now
		return errOther
	}
	return f.missing(ctx, in, ns)
}

// missing is called when the log does not hold what comes between the line seen last and one of ns: it is in rotated
// files, or there is nothing, or it is reported as a gap. The results are strayed's.
func (f *follower) missing(ctx context.Context, in instance, ns int64) error {
	cursor := f.place.cursor
	if f.rotates() {
		switch err := f.mend(ctx, in); {
		case err == nil && !f.bridge.lost:
			f.c.log.Debug().Msgf("%s: nothing lies between %s and %s", f.name(), gapTime(cursor.newest), gapTime(ns))
			cursor.loosen()
			return nil
		case err != nil && !errors.Is(err, errNoDisk):
			return err
		}
	}
	f.bridge.lost = false
	f.gap(cursor.newest, ns, rotated)
	cursor.loosen()
	return nil
}

// cutoff is the time before which no line is to come of what ran when mktail looked; 0: all are.
func (f *follower) cutoff() int64 {
	switch o := f.c.o; {
	case !o.SinceTime.IsZero():
		return o.SinceTime.UnixNano()
	case o.Since == 0:
		return 0
	default:
		return f.begin.looked.Add(-o.Since).UnixNano()
	}
}

// later tells whether a line of ns, that came as one of the previous instance, is later than the start of the next one:
// then the container has been restarted once more, and the kubelet serves that one as previous.
func (f *follower) later(in instance, ns int64) bool {
	next := f.now.current
	return in.previous && next.id != in.id && next.started > 0 && ns >= next.begin()
}

// options says from where the log is to be read.
func (f *follower) options(in instance, follow bool) *corev1.PodLogOptions {
	o := &corev1.PodLogOptions{Container: f.container, Follow: follow, Previous: in.previous, Timestamps: true}
	ask, cursor := f.c.o, f.place.cursor
	ago := func(d time.Duration) *int64 {
		seconds := int64((d + time.Since(f.begin.looked) + time.Second - 1) / time.Second)
		return &seconds
	}
	switch {
	case cursor.started():
		since := metav1.NewTime(cursor.since())
		o.SinceTime = &since
		cursor.reopen()
	case in.id != f.begin.id:
	case ask.Tail >= 0 && !f.begin.opened.IsZero() && (ask.Tail == 0 || time.Since(f.begin.opened) > settled):
		// No line was to come when the stream was opened, or none was there: all since then are wanted.
		o.SinceSeconds = ago(0)
	default:
		if ask.Tail >= 0 {
			o.TailLines = &ask.Tail
		}
		switch {
		case !ask.SinceTime.IsZero():
			since := metav1.NewTime(ask.SinceTime)
			o.SinceTime = &since
		case ask.Since > 0:
			o.SinceSeconds = ago(ask.Since)
		}
		cursor.partial = o.TailLines != nil
		cursor.cutoff = f.cutoff()
	}
	return o
}

// kubeletWords begin what the kubelet says of itself. Other text without a stamp at the beginning of a log is the end
// of a line of over 16 KiB: the runtime stamps its pieces, and the kubelet leaves those out that are too old.
var kubeletWords = regexp.MustCompile(`^(failed|unable|error|rpc error|context|container|Error)\b`)

// replaced tells whether the pod was deleted while its log was being opened and another of that name is there: then
// the log is the other's. (Pods of a StatefulSet keep their names.)
func (f *follower) replaced(ctx context.Context) bool {
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
// it can't reach the runtime) and is an error.
func (f *follower) hold(rest line) (changed bool, said error) {
	var held line
	if _, _, ok := splitStamp(rest.text); ok {
		held = line{bytes.Clone(rest.text), rest.cut}
	} else if len(rest.text) > 0 && (rest.text[0] < '0' || rest.text[0] > '9') { // else a stamp begins
		said = kubeletError(trimText(rest.text, mostQuoted))
	}
	if c := f.place.cursor; c.started() && !c.caughtUp() || f.whole == f.place.at.id { // a piece of what was seen before
		return false, said
	}
	changed = held.cut != f.rest.cut || !bytes.Equal(held.text, f.rest.text)
	f.rest = held
	return changed, said
}

// endLine takes the unterminated end for a line: nothing more comes.
func (f *follower) endLine() {
	l := f.rest
	f.rest = line{}
	ns, text, ok := splitStamp(l.text)
	if ok && f.add(ns, l, text) != repeat {
		out := sink{f: f, restarts: f.place.at.restarts, unended: true}
		out.put(ns, nil, text, l.cut)
		out.settle()
	}
}

// mostQuoted is how much of the kubelet's words is passed on.
const mostQuoted = 300

// quoteKubelet passes on a line without a stamp: it is no line of the container, but the kubelet that says why it
// can't go on ("failed to create fsnotify watcher: …").
func (f *follower) quoteKubelet(text []byte) {
	f.c.stats.errors.Add(1)
	if said := string(trimText(text, mostQuoted)); said != f.quote {
		f.quote = said
		f.c.log.Warn().Msgf("%s: the kubelet says: %s", f.name(), said)
	}
}
