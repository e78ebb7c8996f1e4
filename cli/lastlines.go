package cli

import (
	"bytes"
	"slices"
	"sync"

	"mktail/emit"
)

// What is kept of a container: so many lines, which have so many bytes at most, each of which so many.
const (
	lastLinesCount = 1000
	lastLinesBytes = 128 << 10
	lastLineBytes  = 16 << 10
)

// lastLines are the last lines of a container. Its memory is at most twice lastLinesBytes and a line. Many goroutines may use it.
type lastLines struct {
	mu   sync.Mutex
	text []byte // each line with its stamp before it, and a newline
}

// add adds a line, of which it keeps a copy.
func (l *lastLines) add(stamp, line []byte, truncated bool) {
	if len(line) > lastLineBytes {
		line, truncated = emit.Cut(line, lastLineBytes), true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(append(append(l.text, stamp...), ' '), line...)
	if truncated {
		l.text = append(l.text, "…"...)
	}
	l.text = append(l.text, '\n')
	if len(l.text) > 2*lastLinesBytes {
		l.text = append(l.text[:0], l.end()...)
	}
}

// end returns the last lines, of lastLinesBytes at most. Called with mu held.
func (l *lastLines) end() []byte {
	if len(l.text) <= lastLinesBytes {
		return l.text
	}
	end := l.text[len(l.text)-lastLinesBytes-1:] // from the newline before the first line, if that is a whole one
	return end[bytes.IndexByte(end, '\n')+1:]
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
