package logline

import (
	"bytes"
	"io"
)

// CRIScanner reads the lines of a container's log files as the runtime writes them (CRI: time, stream, tags, text), in
// the form in which the kubelet serves them: it joins the pieces of a long line, whichever stream they are of. A line may
// begin in one file and end in the next.
type CRIScanner struct {
	max   int
	pool  *Pool
	lines *Scanner

	begun bool   // a line that goes on in the next piece
	ns    int64  // its stamp
	text  []byte // its text so far
	cut   int    // what its text lacks
}

// criHead is the maximum length of what a piece has before its text.
const criHead = StampRoom + len("stdout P ")

// NewCRIScanner makes a scanner that keeps at most max bytes of each line's text. The caller opens the first file.
func NewCRIScanner(max int, b *Pool) *CRIScanner { return &CRIScanner{max: max, pool: b} }

// Open starts the next file, which stays the caller's. Close the one before first.
func (c *CRIScanner) Open(r io.Reader) { c.lines = NewScanner(r, c.max+criHead, c.pool) }

// Next returns the next line: its time in Unix nanoseconds, its text, which is valid until the following call, and how many
// bytes the text lacks. Pieces that aren't of this format are skipped. The error is io.EOF at the end of the file; a line
// that has begun stays begun.
func (c *CRIScanner) Next() (ns int64, text []byte, cut int, err error) {
	for {
		l, ok := c.lines.Take()
		if !ok {
			if err := c.lines.Fill(); err != nil {
				return 0, nil, 0, err
			}
			continue
		}
		stamp, text, partial, ok := splitCRI(l.Text)
		if !ok {
			continue
		}
		if !c.begun {
			if !partial { // as nearly all are
				kept := min(len(text), c.max)
				return stamp, text[:kept], l.Cut + len(text) - kept, nil
			}
			c.begun, c.ns, c.text, c.cut = true, stamp, c.text[:0], 0
		}
		kept := min(len(text), c.max-len(c.text))
		c.text = append(c.text, text[:kept]...)
		c.cut += l.Cut + len(text) - kept
		if !partial {
			c.begun = false
			return c.ns, c.text, c.cut, nil
		}
	}
}

// Close gives the buffer of the present file back to the pool. A line that has begun stays begun.
func (c *CRIScanner) Close() { c.lines.Close() }

// Rest returns the line that has begun but has not ended, and drops it from the scanner. ok is false if there is none.
func (c *CRIScanner) Rest() (ns int64, text []byte, cut int, ok bool) {
	ok, c.begun = c.begun, false
	return c.ns, c.text, c.cut, ok
}

// splitCRI splits a piece of a log file. partial reports that the line goes on in the next piece.
func splitCRI(piece []byte) (ns int64, text []byte, partial, ok bool) {
	stamp, rest, ok1 := bytes.Cut(piece, []byte(" "))
	stream, rest, ok2 := bytes.Cut(rest, []byte(" "))
	tags, text, ok3 := bytes.Cut(rest, []byte(" "))
	if !ok1 || !ok2 || !ok3 || string(stream) != "stdout" && string(stream) != "stderr" {
		return 0, nil, false, false
	}
	ns, ok = parseStamp(stamp)
	tag, _, _ := bytes.Cut(tags, []byte(":"))
	return ns, text, string(tag) == "P", ok
}
