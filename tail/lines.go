package tail

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// line is one line of a log. Its text belongs to the reader and is valid until the next fill.
type line struct {
	text []byte
	cut  int // bytes left out at the end because the line was too long
}

// lines splits a stream into lines. It has no limit on a line's length, but keeps only the first max bytes of it.
type lines struct {
	r       io.Reader
	max     int
	buffers *buffers

	small, buf []byte  // buf is small, or a larger one
	large      *[]byte // that buf is; nil: it is none of buffers
	start, end int     // of what was read and not yet taken
	scanned    int     // no newline stands before this
	cut        int     // bytes of the current line that were left out
	got        int     // by the last read
	full       int     // reads in a row that filled buf
}

// newLines reads lines of at most max bytes from r. The caller closes it.
func newLines(r io.Reader, max int, b *buffers) *lines {
	small := make([]byte, smallBuffer)
	return &lines{r: r, max: max, buffers: b, small: small, buf: small}
}

// close gives the buffer back. No line that was taken is valid any more.
func (l *lines) close() { l.swap(nil, nil) }

// enlarge puts the next larger buffer in the place of buf, if there is one to be had.
func (l *lines) enlarge() {
	if len(l.buf) < middleBuffer {
		l.swap(make([]byte, middleBuffer), nil)
	} else if large := l.buffers.get(); large != nil {
		l.swap(*large, large)
	}
}

// swap puts another buffer in the place of buf, which is given back if it is a large one.
func (l *lines) swap(buf []byte, large *[]byte) {
	copy(buf, l.buf[:l.end])
	if l.large != nil {
		l.buffers.put(l.large)
	}
	l.buf, l.large = buf, large
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
	switch {
	case l.end == 0 && len(l.buf) > smallBuffer && l.got < smallBuffer/2: // it has little to say now
		l.swap(l.small, nil)
	case l.end == 0 && len(l.buf) > largeBuffer: // a giant line has gone
		l.swap(l.small, nil)
	case l.end == len(l.buf): // a long line
		l.swap(make([]byte, 2*len(l.buf)), nil)
	}
	n, err := l.r.Read(l.buf[l.end:])
	l.end, l.got = l.end+n, n
	if l.full++; l.end < len(l.buf) {
		l.full = 0
	}
	if l.full >= busyReads && len(l.buf) < largeBuffer { // ask for more at once
		l.enlarge()
		l.full = 0
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
