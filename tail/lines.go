package tail

import (
	"bytes"
	"io"
	"unicode/utf8"
)

const (
	smallBuffer = 4 << 10  // of a stream that has little to say
	largeBuffer = 64 << 10 // of a stream that fills it
)

// line is one line of a log. Its text belongs to the reader and is valid until the next fill.
type line struct {
	text []byte
	cut  int // bytes left out at the end because the line was too long
}

// lines splits a stream into lines. It has no limit on a line's length, but keeps only the first max bytes of it.
type lines struct {
	r   io.Reader
	max int

	buf        []byte
	start, end int // of what was read and not yet taken
	scanned    int // no newline stands before this
	cut        int // bytes of the current line that were left out
}

func newLines(r io.Reader, max int) *lines {
	return &lines{r: r, max: max, buf: make([]byte, smallBuffer)}
}

// take returns the next whole line, if one has been read.
func (l *lines) take() (line, bool) {
	if i := bytes.IndexByte(l.buf[l.scanned:l.end], '\n'); i >= 0 {
		end := l.scanned + i
		taken := l.limit(l.buf[l.start:end])
		l.start, l.scanned, l.cut = end+1, end+1, 0
		return taken, true
	}
	if over := l.end - l.start - l.max; over > 0 {
		l.cut += over
		l.end -= over
	}
	l.scanned = l.end
	return line{}, false
}

// rest returns what stands after the last newline, and forgets it.
func (l *lines) rest() line {
	rest := l.limit(l.buf[l.start:l.end])
	l.start, l.end, l.scanned, l.cut = 0, 0, 0, 0
	return rest
}

func (l *lines) limit(text []byte) line {
	if len(text) <= l.max {
		return line{text, l.cut}
	}
	return line{text[:l.max], l.cut + len(text) - l.max}
}

// fill reads once, after take has found no whole line.
func (l *lines) fill() error {
	if l.start > 0 {
		l.end = copy(l.buf, l.buf[l.start:l.end])
		l.start, l.scanned = 0, l.end
	}
	switch room := len(l.buf) - l.end; {
	case l.end == 0 && len(l.buf) > largeBuffer: // a giant line has gone
		l.buf = make([]byte, largeBuffer)
	case room == 0:
		l.buf = append(make([]byte, 0, 2*len(l.buf)), l.buf...)[:2*len(l.buf)]
	}
	n, err := l.r.Read(l.buf[l.end:])
	l.end += n
	if l.end == len(l.buf) && len(l.buf) < largeBuffer { // busy: ask for more at once
		l.buf = append(make([]byte, 0, largeBuffer), l.buf...)[:largeBuffer]
	}
	if n > 0 {
		return nil // an error comes again with the next read
	}
	return err
}

// trimText cuts text to at most max bytes, between characters.
func trimText(text []byte, max int) []byte {
	if len(text) <= max {
		return text
	}
	for n := max; n > 0 && n > max-utf8.UTFMax; n-- {
		if utf8.RuneStart(text[n]) {
			return text[:n]
		}
	}
	return text[:max]
}
