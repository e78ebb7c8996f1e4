package sim

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
)

// appendCRI appends the i-th record as containerd writes it to the file: stamp without trailing zeros, stream, F or P, text.
func (b *Block) appendCRI(dst []byte, i int) []byte {
	e := b.recs[i]
	stamp, text, _ := bytes.Cut(b.record(i), []byte(" "))
	const fraction = len("2006-01-02T15:04:05.000000000")
	dst = append(dst, stamp[:fraction-zeros(e.ns)]...)
	dst = append(dst, stamp[fraction:]...)
	kind := " stdout F "
	switch e.flags & (isStderr | isPartial) {
	case isPartial:
		kind = " stdout P "
	case isStderr:
		kind = " stderr F "
	case isStderr | isPartial:
		kind = " stderr P "
	}
	dst = append(dst, kind...)
	dst = append(dst, text...)
	if e.flags&isPartial != 0 {
		dst = append(dst, '\n')
	}
	return dst
}

// sizeCRI is how many bytes appendCRI appends.
func (b *Block) sizeCRI(i int) int64 {
	e := b.recs[i]
	n := len(b.record(i)) - zeros(e.ns) + len("stdout F ")
	if e.flags&isPartial != 0 {
		n++
	}
	return int64(n)
}

// zeros is how much shorter the stamp becomes without trailing zeros: by ten when nothing is left of the fraction.
func zeros(ns int64) int {
	if ns%1e9 == 0 {
		return 10
	}
	n := 0
	for ; ns%10 == 0; ns /= 10 {
		n++
	}
	return n
}

// content reads a file as it lay on the disk when it was opened.
type content struct {
	parts []part
	size  int64

	pos   int64
	buf   []byte // rendered
	at    int64  // where buf begins in the file
	after place  // the record behind buf
}

// part is a block of a file.
type part struct {
	Block
	at int64 // where it begins in the file
}

// content gives what is in the file; called with the log's mu held.
func (f *file) content() *content {
	c := &content{}
	end := f.end()
	if f.stamp != "" {
		end = f.cut
	}
	for i, b := range f.blocks[:min(end.block+1, len(f.blocks))] {
		p := part{*b, c.size}
		if i == end.block && end.rec < len(b.recs) {
			p.Block = *b.cut(end.rec)
			for j := range p.recs {
				p.size += p.sizeCRI(j)
			}
		}
		c.parts = append(c.parts, p)
		c.size += p.size
	}
	return c
}

func (c *content) Read(p []byte) (int, error) {
	if c.pos >= c.size {
		return 0, io.EOF
	}
	if c.pos < c.at || c.pos > c.at+int64(len(c.buf)) {
		c.locate()
	}
	if c.pos == c.at+int64(len(c.buf)) {
		c.render()
	}
	n := copy(p, c.buf[c.pos-c.at:])
	c.pos += int64(n)
	return n, nil
}

// locate makes buf empty, at the record that pos is in, and renders it.
func (c *content) locate() {
	c.buf, c.at, c.after = c.buf[:0], 0, place{}
	for ; c.after.block < len(c.parts)-1 && c.parts[c.after.block+1].at <= c.pos; c.after.block++ {
	}
	b := c.parts[c.after.block]
	for c.at = b.at; ; c.after.rec++ {
		n := b.sizeCRI(c.after.rec)
		if c.at+n > c.pos {
			break
		}
		c.at += n
	}
	c.render()
}

// render puts the next records into buf. There are some.
func (c *content) render() {
	c.at += int64(len(c.buf))
	c.buf = c.buf[:0]
	for c.after.block < len(c.parts) && len(c.buf) < 32<<10 {
		b := c.parts[c.after.block]
		if c.after.rec == len(b.recs) {
			c.after = place{c.after.block + 1, 0}
			continue
		}
		c.buf = b.appendCRI(c.buf, c.after.rec)
		c.after.rec++
	}
}

// Seek moves to a place in the file.
func (c *content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.pos
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, &fs.PathError{Op: "seek", Path: "log", Err: errors.New("negative position")}
	}
	c.pos = offset
	return offset, nil
}
