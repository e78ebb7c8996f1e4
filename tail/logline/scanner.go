// Package logline reads the bytes of logs: it splits streams into lines, lines into time and text, and puts together the
// pieces in which container runtimes write long lines. It knows nothing of containers, clusters or HTTP.
//
// Nothing here has a limit on the length of a line, and nothing keeps more of a line than its caller asks for: what is
// left out at the end of a line is counted in Cut. Texts belong to their scanner and are valid until its next call, so
// that a line is not copied on its way to the output. A scanner is used by one goroutine at a time.
package logline

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// Line is one line of a log, without its newline. Its text belongs to the scanner and is valid until the next Fill.
type Line struct {
	Text []byte
	Cut  int // bytes left out at the end of Text because the line was too long
}

// Scanner splits a stream into lines: call Take until it has no line, then Fill, and Rest after an error of Fill. Its buffer
// grows with what the stream brings at once, and shrinks again.
type Scanner struct {
	r    io.Reader
	max  int
	pool *Pool

	small, buf []byte  // buf is small, or a larger one
	large      *[]byte // the pool's buffer that buf is; nil: buf is not the pool's
	start, end int     // of what was read and not yet taken
	scanned    int     // no newline stands before this
	cut        int     // bytes of the current line that were left out
	got        int     // by the last read
	full       int     // reads in a row that filled buf
}

// NewScanner makes a scanner of r that keeps at most max bytes of each line. The caller closes the scanner; r stays the caller's.
func NewScanner(r io.Reader, max int, b *Pool) *Scanner {
	small := make([]byte, smallBuffer)
	return &Scanner{r: r, max: max, pool: b, small: small, buf: small}
}

// Close gives the buffer back to the pool. No line that was taken is valid afterwards.
func (l *Scanner) Close() { l.swap(nil, nil) }

// enlarge puts the next larger buffer in the place of buf, if there is one to be had.
func (l *Scanner) enlarge() {
	if len(l.buf) < middleBuffer {
		l.swap(make([]byte, middleBuffer), nil)
	} else if large := l.pool.get(); large != nil {
		l.swap(*large, large)
	}
}

// swap puts another buffer in the place of buf, which is given back if it is a large one.
func (l *Scanner) swap(buf []byte, large *[]byte) {
	copy(buf, l.buf[:l.end])
	if l.large != nil {
		l.pool.put(l.large)
	}
	l.buf, l.large = buf, large
}

// Take returns the next whole line, if one has been read.
func (l *Scanner) Take() (Line, bool) {
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
	return Line{}, false
}

// Begun returns what has come of a line that has not ended.
func (l *Scanner) Begun() Line { return l.limit(l.buf[l.start:l.end]) }

// Rest returns what stands after the last newline, and drops it from the scanner.
func (l *Scanner) Rest() Line {
	rest := l.limit(l.buf[l.start:l.end])
	l.start, l.end, l.scanned, l.cut = 0, 0, 0, 0
	return rest
}

func (l *Scanner) limit(text []byte) Line {
	if len(text) <= l.max {
		return Line{text, l.cut}
	}
	return Line{text[:l.max], l.cut + len(text) - l.max}
}

// Fill reads from the stream once. Call it when Take has no line. An error that comes with bytes is returned by the next call.
func (l *Scanner) Fill() error {
	if l.start > 0 {
		l.end = copy(l.buf, l.buf[l.start:l.end])
		l.start, l.scanned = 0, l.end
	}
	switch {
	case l.end == 0 && len(l.buf) > smallBuffer && l.got < smallBuffer/2: // little comes now
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

// Trim cuts text to at most max bytes, between characters if it is UTF-8.
func Trim(text []byte, max int) []byte {
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
