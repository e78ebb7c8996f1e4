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
	// contextStep is by how much the bytes of a container change before those of all do, which many goroutines share.
	contextStep = 16 << 10
)

// contextLine is a line that may come before a match.
type contextLine struct {
	text             []byte // the stamp and the line; if there is none, memory for one
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
	charged  int           // of these, those that are in total
	overfull bool          // a line was dropped for its bytes since clear
}

// add copies a line, which is valid during the call only. The oldest line is dropped if that is one too many, and as many as it
// takes for the bytes. It reports whether a line was dropped, or this one.
func (c *contextLines) add(r *Record) (dropped bool) {
	size := len(r.Stamp) + len(r.Line)
	cost := size + int(unsafe.Sizeof(contextLine{}))
	var text []byte
	if c.n == c.most {
		text = c.drop()
		dropped = true
	}
	for c.n > 0 && !c.fits(cost) {
		text = c.drop()
		dropped, c.overfull = true, true
	}
	if !c.fits(cost) {
		c.overfull = true
		return true
	}
	if c.n == len(c.ring) {
		c.grow()
	}
	l := &c.ring[(c.at+c.n)%len(c.ring)]
	if text == nil {
		text = l.text[:0]
	}
	if cap(text) < size || cap(text) > 8*size+512 { // it must not keep the memory of the largest line
		text = slices.Grow([]byte(nil), size)
	}
	*l = contextLine{
		text: append(append(text, r.Stamp...), r.Line...), stamp: int32(len(r.Stamp)),
		restarts: r.Restarts, number: r.Number, truncated: r.Truncated, unended: r.Unended, joined: r.Joined,
	}
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
	if change := c.bytes - c.charged; change >= contextStep || change <= -contextStep {
		c.charge()
	}
}

// charge brings total up to date.
func (c *contextLines) charge() {
	c.total.Add(int64(c.bytes - c.charged))
	c.charged = c.bytes
}

// drop drops the oldest line, and returns its memory.
func (c *contextLines) drop() (text []byte) {
	oldest := &c.ring[c.at]
	c.count(-oldest.cost())
	text = oldest.text[:0]
	*oldest = contextLine{}
	c.at = (c.at + 1) % len(c.ring)
	c.n--
	return text
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
	if c.overfull = false; c.n == 0 {
		return
	}
	if c.bytes > minContextBytes || len(c.ring) > minContextBytes/int(unsafe.Sizeof(contextLine{})) {
		c.free()
		return
	}
	c.at, c.n, c.bytes = 0, 0, 0
	c.charge()
}

// free drops all lines and their memory.
func (c *contextLines) free() {
	c.ring, c.at, c.n, c.bytes, c.overfull = nil, 0, 0, 0, false
	c.charge()
}
