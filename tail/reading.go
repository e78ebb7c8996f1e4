package tail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"time"

	"mktail/emit"
)

// kubeletError is what the kubelet says in place of a log.
type kubeletError string

func (e kubeletError) Error() string { return string(e) }

// errOutput says that the output has failed: nobody reads on.
var errOutput = errors.New("writing the output")

// read reads the log over one connection to its end. fresh tells whether something came that was not seen before.
// The error is nil if the stream ended as if all had been said.
func (f *follower) read(ctx context.Context, id string, follow, previous bool) (fresh bool, err error) {
	waited, ok := f.c.enter(ctx, f.deleted)
	if !ok {
		if ctx.Err() == nil {
			f.c.log.Warn().Msgf("%s: its pod was deleted while it waited for a stream (--max-streams)", f.name())
		}
		return false, nil
	}
	defer f.c.exit()
	if waited { // perhaps for long: see whether this is still what is to be read
		f.stale = true
		if err := f.refresh(ctx); err != nil {
			return false, err
		}
		if now, prev := f.due(); now != id || prev != previous || f.gone {
			return true, nil
		}
	}
	if follow && f.opened == id {
		f.c.stats.reconnects.Add(1)
	}
	o := f.options(id, follow, previous)
	body, err := f.c.open(ctx, f.ns, f.pod, o)
	if err != nil {
		return false, err
	}
	defer body.Close()
	if f.replaced(ctx) {
		return false, nil
	}
	if !f.broken { // else only a line, or a stream that ends well, shows that there is more than an answer
		f.health.ok()
	}
	defer func() {
		if f.broken = err != nil && !fresh; err == nil {
			f.health.ok()
		}
	}()
	f.stream.Store(body)
	defer f.stream.Store(nil)
	if follow {
		f.opened = id
	}
	if f.begin.opened.IsZero() {
		f.begin.opened = time.Now()
	}

	in := newLines(body, f.c.o.MaxLine+stampRoom)
	begins := o.SinceTime != nil || o.SinceSeconds != nil // and may do so within a line: see kubeletWords
	var count, size int64
	settle := func() error {
		f.c.stats.lines.Add(count)
		f.c.stats.bytes.Add(size)
		count, size = 0, 0
		if f.out.Flush() != nil {
			return errOutput
		}
		return nil
	}
	for {
		l, ok := in.take()
		if !ok {
			if err := settle(); err != nil {
				return fresh, err
			}
			if err := in.fill(); err != nil {
				changed, said := f.hold(in.rest())
				if err == io.EOF {
					err = said
				}
				return fresh || changed, err
			}
			continue
		}
		ns, text, ok := splitStamp(l.text)
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
		if !f.cursor.add(ns, l) {
			continue
		}
		if !fresh {
			fresh = true
			f.health.ok()
		}
		count++
		size += int64(len(text) + l.cut)
		if f.emit(ns, l, text) != nil {
			return fresh, errOutput
		}
	}
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

// emit hands a line, that splitStamp has split into ns and text, to the output.
func (f *follower) emit(ns int64, l line, text []byte) error {
	stamp := l.text[:len(l.text)-len(text)-1]
	if len(stamp) != len(stampLayout) || stamp[len(stamp)-1] != 'Z' {
		f.stamp = appendStamp(f.stamp[:0], ns)
		stamp = f.stamp
	}
	r := emit.Record{Stamp: stamp, Line: text}
	if l.cut > 0 || len(text) > f.c.o.MaxLine {
		r.Line, r.Truncated = trimText(text, f.c.o.MaxLine), true
	}
	return f.out.Add(r)
}

// hold keeps the unterminated end of a stream back: if the stream broke it is half a line, that the next stream
// brings whole. It is a line only if nothing more can come. changed tells whether it is another one than before.
// An end without a stamp is said by the kubelet in place of the log ("unable to retrieve container logs for …", when
// it can't reach the runtime) and is an error.
func (f *follower) hold(rest line) (changed bool, said error) {
	was := f.rest
	f.rest = line{}
	if _, _, ok := splitStamp(rest.text); ok {
		f.rest = line{bytes.Clone(rest.text), rest.cut}
	} else if len(rest.text) > 0 && (rest.text[0] < '0' || rest.text[0] > '9') { // else a stamp begins
		said = kubeletError(trimText(rest.text, mostQuoted))
	}
	return was.cut != f.rest.cut || !bytes.Equal(was.text, f.rest.text), said
}

// endLine takes the unterminated end for a line: nothing more comes.
func (f *follower) endLine() {
	l := f.rest
	f.rest = line{}
	ns, text, ok := splitStamp(l.text)
	if ok && f.cursor.add(ns, l) {
		f.c.stats.lines.Add(1)
		f.c.stats.bytes.Add(int64(len(text) + l.cut))
		f.emit(ns, l, text)
		f.out.Flush()
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
