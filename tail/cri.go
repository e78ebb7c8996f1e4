package tail

import (
	"bytes"
	"io"
)

// criLines reads the lines of a container's log file as the runtime writes it (CRI: time, stream, tags, text), in
// the form in which the kubelet serves them: it joins the pieces of a long line, whichever stream they are of. Like
// lines it has no limit on a line's length, but keeps only the first max bytes of its text.
type criLines struct {
	max   int
	buf   *buffers
	lines *lines

	begun bool   // a line that goes on in the next piece
	ns    int64  // its stamp
	text  []byte // its text so far
	cut   int    // what its text lacks
}

// criHead is the most that a piece has before its text.
const criHead = stampRoom + len("stdout P ")

// open goes on with the next file. A line that began in the last one may go on in it.
func (c *criLines) open(r io.Reader) { c.lines = newLines(r, c.max+criHead, c.buf) }

// next returns the next line; its text is valid until the following call. Pieces that aren't of this format are
// skipped. The error is io.EOF at the end of the file; a line that has begun stays begun.
func (c *criLines) next() (ns int64, text []byte, cut int, err error) {
	for {
		l, ok := c.lines.take()
		if !ok {
			if err := c.lines.fill(); err != nil {
				return 0, nil, 0, err
			}
			continue
		}
		stamp, text, partial, ok := splitCRI(l.text)
		if !ok {
			continue
		}
		if !c.begun {
			if !partial { // as nearly all are
				kept := min(len(text), c.max)
				return stamp, text[:kept], l.cut + len(text) - kept, nil
			}
			c.begun, c.ns, c.text, c.cut = true, stamp, c.text[:0], 0
		}
		kept := min(len(text), c.max-len(c.text))
		c.text = append(c.text, text[:kept]...)
		c.cut += l.cut + len(text) - kept
		if !partial {
			c.begun = false
			return c.ns, c.text, c.cut, nil
		}
	}
}

// rest returns the line that has begun and does not go on, and forgets it.
func (c *criLines) rest() (ns int64, text []byte, cut int, ok bool) {
	ok, c.begun = c.begun, false
	return c.ns, c.text, c.cut, ok
}

// splitCRI splits a piece of a log file. partial tells that the line goes on in the next piece.
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
