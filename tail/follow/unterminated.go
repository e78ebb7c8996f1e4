package follow

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"regexp"
	"time"

	"mktail/tail/kube"
	"mktail/tail/logline"
	"mktail/tail/position"
)

// noStamp takes a line without a stamp, of a log whose lines have stamps.
func (r *reading) noStamp(text []byte) {
	if r.begins && !kubeletWords.Match(text) { // the rest of a long line that began before the time asked for
		r.f.c.Log.Debug().Msgf("%s: the log begins within a line", r.f.name())
	} else {
		r.f.quoteKubelet(text)
	}
	r.begins = false
}

// kubeletWords are how the kubelet's own messages begin. Other text without a stamp at the beginning of a log is the end
// of a line of over 16 KiB: the runtime stamps its pieces, and the kubelet leaves those out that are too old.
var kubeletWords = regexp.MustCompile(`^(failed|unable|error|rpc error|context|container|Error)\b`)

// hold keeps the unterminated end of a stream back: if the stream broke it is half a line, that the next stream
// brings whole. It is a line only if nothing more can come. changed reports whether it differs from the one before.
// An end without a stamp is a message of the kubelet in place of the log ("unable to retrieve container logs for …", when
// it can't reach the runtime), and an error. An end within a stamp is an error, too: no log ends there.
func (f *Follower) hold(rest logline.Line) (changed bool, err error) {
	var held logline.Line
	bare := f.place.unstamped != nil && len(rest.Text) > 0 && !kubeletWords.Match(rest.Text)
	if !bare {
		err = restError(rest)
	}
	if err == nil && len(rest.Text) > 0 {
		held = logline.Line{Text: bytes.Clone(rest.Text), Cut: rest.Cut}
	}
	seen := len(f.rest.Text) + f.rest.Cut
	switch p := &f.place; {
	case err != nil, len(held.Text) == 0: // what was held back may lie in a rotated file by now
		return false, err
	case p.started() && !p.caughtUp() && !f.backfill.hasHead(), f.readToEnd() && len(held.Text)+held.Cut <= seen: // a piece of what was seen before
		return false, err
	}
	changed = held.Cut != f.rest.Cut || !bytes.Equal(held.Text, f.rest.Text)
	f.rest = held
	return changed, err
}

// restError returns the error that the unterminated end of a stream is; nil: it is part of a line, or there is none.
func restError(rest logline.Line) error {
	_, _, ok := logline.SplitStamp(rest.Text)
	switch {
	case ok || len(rest.Text) == 0:
		return nil
	case logline.BeginsStamp(rest.Text):
		return io.ErrUnexpectedEOF
	}
	return kube.KubeletError(logline.Trim(rest.Text, maxQuoted))
}

// endLine takes the unterminated end for a line: nothing more comes.
func (f *Follower) endLine() {
	f.goWithout(f.place.at.End())
	l := f.rest
	ns, text, ok := logline.SplitStamp(l.Text)
	if h := f.backfill.head; f.backfill.hasHead() { // what stands in the current file belongs to it
		l = logline.Line{Text: append(h.Text, text...), Cut: h.Cut + l.Cut}
		ns, text, ok = logline.SplitStamp(l.Text)
	}
	f.rest, f.backfill.head = logline.Line{}, logline.Line{}
	if u := f.place.unstamped; u != nil && len(l.Text) > 0 {
		ns, text = time.Now().UnixNano(), l.Text
		ok = u.Add(ns, f.hash(0, l, text)) == position.Fresh
	} else if ok {
		f.place.cursor.Loosen() // a stream that was opened since may have brought nothing
		ok = f.place.cursor.Add(ns, f.hash(ns, l, text)) != position.Repeat
	}
	if ok {
		out := sink{f: f, restarts: f.place.at.Restarts, unended: true}
		out.put(ns, nil, text, l.Cut)
		out.settle()
	}
}

// maxWaits is how many of the places in a line are kept where its stream waited for more.
const maxWaits = 64

// noteBegun notes how much of a line has begun, before more of it is read.
func (r *reading) noteBegun(ctx context.Context) error {
	if r.mode != live {
		return nil
	}
	l := r.lines.Begun()
	if r.begun == 0 {
		r.begunAt = cmp.Or(r.lag.arrived, r.opened.UnixNano())
	}
	r.begun = len(l.Text) + l.Cut
	if r.begun == 0 || r.explained {
		return nil
	}
	r.explained = true
	return r.explain(ctx, l)
}

// wait is a place in a line where its stream waited for more.
type wait struct {
	at    int   // after so many bytes
	until int64 // when more came, in Unix nanoseconds by our clock; 0: none has
}

// noteWait notes where in a line the stream waits for more.
func (r *reading) noteWait() {
	if r.begun > 0 && len(r.waits) < maxWaits {
		r.waits = append(r.waits, wait{at: r.begun})
	}
}

// noteWaited notes that more has come.
func (r *reading) noteWaited() {
	if n := len(r.waits); n > 0 && r.waits[n-1].until == 0 {
		r.waits[n-1].until = r.lag.arrived
	}
}

// rests returns what a line with this stamp may end with in another file than the one that it begins in, for Cursor.Torn: a runtime writes
// the pieces of a line as they come, so that the stream waits between them, and the log may be rotated there. The log API does not show it,
// nor the stamp of such a rest; but that is as long after the line's as the rest has come after the line's beginning, or longer if that was
// there when the stream was opened. An empty end is left out, as a line of its own may be empty, too; so are those of a line that is cut. Rotated files show more than that.
func (r *reading) rests(ns int64, l logline.Line, text []byte, waits []wait) (rests position.Rests) {
	if r.f.rotates() || len(text) > r.f.c.Options.MaxLine {
		return nil
	}
	head := len(l.Text) - len(text)
	later := r.begunAt-r.opened.UnixNano() < Jump
	for _, w := range waits {
		if head < w.at && w.at < len(l.Text) {
			rests = append(rests, position.Rest{Hash: position.Hash(0, l.Text[w.at:], 0), At: ns + w.until - r.begunAt, Later: later})
		}
	}
	return rests
}

// maxQuoted is how many bytes of a message of the kubelet are passed on.
const maxQuoted = 300

// quoteKubelet logs a line without a stamp: it is not a line of the container, but a message of the kubelet that says why it
// can't go on ("failed to create fsnotify watcher: …").
func (f *Follower) quoteKubelet(text []byte) {
	f.c.Stats.Errors.Add(1)
	if words := string(logline.Trim(text, maxQuoted)); words != f.quote {
		f.quote = words
		f.c.Log.Warn().Msgf("%s: the kubelet says: %s", f.name(), words)
	}
}
