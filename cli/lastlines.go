package cli

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"

	"mktail/emit"
)

// What is kept of a container: so many lines, which have so many bytes at most, each of which so many. Where there are many containers it
// is less of each, down to a minimum.
const (
	lastLinesCount    = 1000
	lastLinesBytes    = 128 << 10
	minLastLinesBytes = 1 << 10
	lastLineBytes     = 16 << 10
)

// lastLines are the last lines of a container. Its memory is at most three times their share. Many goroutines may use it.
type lastLines struct {
	share *atomic.Int64 // how many bytes of lines are kept; nil or 0: lastLinesBytes

	mu   sync.Mutex
	text []byte // each line with its stamp before it, and a newline
}

// addRecord adds the line of a record, or the lines that were joined to it.
func (l *lastLines) addRecord(r *emit.Record) {
	if !r.Joined {
		l.add(r.Stamp, r.Line, r.Truncated)
		return
	}
	for line := range bytes.SplitSeq(r.Line, []byte{'\n'}) {
		l.add(r.Stamp, line, r.Truncated)
	}
}

// add adds a line, of which it keeps a copy.
func (l *lastLines) add(stamp, line []byte, truncated bool) {
	most := l.most()
	if limit := lastLineBytes * most / lastLinesBytes; len(line) > limit {
		line, truncated = emit.Cut(line, limit), true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(append(append(l.text, stamp...), ' '), line...)
	if truncated {
		l.text = append(l.text, "…"...)
	}
	l.text = append(l.text, '\n')
	if len(l.text) > 2*most {
		l.text = append(l.text[:0], l.end()...)
	}
}

// most returns how many bytes of lines are kept.
func (l *lastLines) most() int {
	if l.share != nil {
		if share := int(l.share.Load()); share > 0 {
			return share
		}
	}
	return lastLinesBytes
}

// end returns the last lines, of their share at most; of a last line that is longer, the beginning. Called with mu held.
func (l *lastLines) end() []byte {
	most := l.most()
	if len(l.text) <= most {
		return l.text
	}
	end := l.text[len(l.text)-most-1:] // from the newline before the first line, if that is a whole one
	if end = end[bytes.IndexByte(end, '\n')+1:]; len(end) > 0 {
		return end
	}
	last := bytes.TrimSuffix(l.text, []byte("\n"))
	last = last[bytes.LastIndexByte(last, '\n')+1:]
	return append(bytes.Clone(emit.Cut(last, most-len("…\n"))), "…\n"...)
}

// trim gives back memory that is not needed, and returns how many bytes are kept.
func (l *lastLines) trim() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = bytes.Clone(l.end())
	return len(l.text)
}

// last returns the last lines, with their newlines.
func (l *lastLines) last() [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Collect(bytes.Lines(bytes.Clone(l.end())))
	return all[max(0, len(all)-lastLinesCount):]
}
