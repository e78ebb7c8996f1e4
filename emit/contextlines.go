package emit

import (
	"slices"
	"sync/atomic"
	"unsafe"
)

const (
	// MaxContextBytes is how much memory the lines that may come before a match may take in a container.
	MaxContextBytes = 8 << 20
	// MaxContextTotal is how much they may take in all containers of a format. Beyond that each keeps minContextBytes.
	MaxContextTotal = 128 << 20
	minContextBytes = 64 << 10

	// Lines are copied into chunks, which grow from the first size to the last. A longer line has a chunk of its own.
	firstChunk, lastChunk = 1 << 10, 16 << 10
)

// contextLine is a line that may come before a match. Its text lies in a chunk.
type contextLine struct {
	text             []byte // the stamp and the line
	stamp            int32  // bytes of the stamp
	restarts, number int
	truncated        bool
	unended, joined  bool
}

// cost is how many bytes of memory a line takes.
func (l *contextLine) cost() int { return cap(l.text) + int(unsafe.Sizeof(*l)) }

// contextLines are the last lines of a source, in order: as many as are wanted, and as fit into memory.
type contextLines struct {
	most  int           // lines that are wanted
	total *atomic.Int64 // bytes that the lines of all sources take

	ring     []contextLine // grown as lines come: most sources have few
	at, n    int           // the oldest line, and how many there are
	bytes    int           // that the lines take
	chunk    []byte        // the next line is copied behind what is in it
	overfull bool          // a line was dropped for its bytes since clear
}

// add copies a line, which is valid during the call only. The oldest line is dropped if that is one too many, and as many as it
// takes for the bytes. It reports whether a line was dropped, or this one.
func (c *contextLines) add(r *Record) (dropped bool) {
	l := contextLine{stamp: int32(len(r.Stamp)), restarts: r.Restarts, number: r.Number, truncated: r.Truncated, unended: r.Unended, joined: r.Joined}
	size := len(r.Stamp) + len(r.Line)
	cost := size + l.cost()
	if c.n == c.most {
		c.drop()
		dropped = true
	}
	for c.n > 0 && !c.fits(cost) {
		c.drop()
		dropped, c.overfull = true, true
	}
	if !c.fits(cost) {
		c.overfull = true
		return true
	}
	l.text = append(append(c.room(size), r.Stamp...), r.Line...)
	if c.n == len(c.ring) {
		c.grow()
	}
	c.ring[(c.at+c.n)%len(c.ring)] = l
	c.n++
	c.count(l.cost())
	return dropped
}

// fits reports whether so many bytes may be added.
func (c *contextLines) fits(cost int) bool {
	bytes := c.bytes + cost
	return bytes <= minContextBytes || bytes <= MaxContextBytes && c.total.Load()+int64(cost) <= MaxContextTotal
}

func (c *contextLines) count(cost int) {
	c.bytes += cost
	c.total.Add(int64(cost))
}

// drop drops the oldest line. Its chunk is garbage when all lines in it are dropped.
func (c *contextLines) drop() {
	oldest := &c.ring[c.at]
	c.count(-oldest.cost())
	*oldest = contextLine{}
	c.at = (c.at + 1) % len(c.ring)
	c.n--
}

// room returns memory for so many bytes.
func (c *contextLines) room(size int) []byte {
	if size > lastChunk/4 {
		return slices.Grow([]byte(nil), size) // whose capacity is what it takes
	}
	if used := len(c.chunk); cap(c.chunk)-used < size {
		c.chunk = make([]byte, 0, max(size, min(max(firstChunk, 2*cap(c.chunk)), lastChunk)))
	}
	used := len(c.chunk)
	c.chunk = c.chunk[:used+size]
	return c.chunk[used : used : used+size]
}

func (c *contextLines) grow() {
	ring := make([]contextLine, min(max(4, 2*len(c.ring)), c.most))
	n := copy(ring, c.ring[c.at:])
	copy(ring[n:], c.ring[:c.at])
	c.ring, c.at = ring, 0
}

// each calls take with the lines, the oldest first. The record is valid during the call only.
func (c *contextLines) each(take func(*Record)) {
	for i := range c.n {
		l := &c.ring[(c.at+i)%len(c.ring)]
		take(&Record{
			Stamp: l.text[:l.stamp], Line: l.text[l.stamp:],
			Number: l.number, Restarts: l.restarts, Truncated: l.truncated, Unended: l.unended, Joined: l.joined,
		})
	}
}

// clear drops all lines, and keeps no memory but what some lines take.
func (c *contextLines) clear() {
	c.count(-c.bytes)
	clear(c.ring)
	if c.at, c.n, c.overfull = 0, 0, false; len(c.ring) > minContextBytes/int(unsafe.Sizeof(contextLine{})) {
		c.ring = nil
	}
	c.chunk = c.chunk[:0]
}

// free drops all lines and their memory.
func (c *contextLines) free() {
	c.clear()
	c.ring, c.chunk = nil, nil
}
