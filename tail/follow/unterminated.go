package follow

import (
	"bytes"
	"io"
	"regexp"

	"mktail/tail/kube"
	"mktail/tail/logline"
	"mktail/tail/position"
)

// unstamped takes a line without a stamp.
func (r *reading) unstamped(text []byte) {
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
	if _, _, ok := logline.SplitStamp(rest.Text); ok {
		held = logline.Line{Text: bytes.Clone(rest.Text), Cut: rest.Cut}
	} else if logline.BeginsStamp(rest.Text) {
		err = io.ErrUnexpectedEOF
	} else if len(rest.Text) > 0 {
		err = kube.KubeletError(logline.Trim(rest.Text, maxQuoted))
	}
	if c := f.place.cursor; c.Started() && !c.CaughtUp() || f.reads.toEnd { // a piece of what was seen before
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
