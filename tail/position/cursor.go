// Package position keeps the exact place that was reached in the log of a container's instance, although the log API can
// only be asked for whole seconds and lines carry no numbers. It knows nothing of Kubernetes but its stamps.
//
// A log may be read over many streams. Call Reopen before each but the first, ask for the log from Since, and pass each
// line's stamp and Hash to Add, in the order in which they come: Add says which lines are new. A Cursor is not safe for
// use by several goroutines.
package position

import (
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
)

const (
	// Slack is how far stamps may step back within a log: stdout and stderr are stamped by two goroutines of the runtime. For as long a
	// line may come that is earlier than --until-time, too.
	Slack = 2 * time.Second
	// Skew is how far clocks are taken to be apart.
	Skew = time.Minute
	// MaxHashes bounds how many lines of one second are remembered: 1 MiB.
	MaxHashes = 1 << 17
)

// Cursor is the place that was reached in one log, exact to the line: it remembers the lines that were seen since the second
// that a reopened stream begins with, and drops from the reopened stream exactly those, each as often as it was seen. On a
// live stream it compares nothing. The zero value is the beginning of a log.
//
// It takes eight bytes for each line of the last three seconds or so. Of the lines of one second beyond MaxHashes it
// knows only how many they were: that is exact too, unless the log rotates within that second while nobody reads.
type Cursor struct {
	first   int64    // stamp of the first line seen
	newest  int64    // greatest stamp seen; smaller after the node's clock was set back
	last    uint64   // hash of the line seen last
	partial bool     // tailLines had left out what comes before first
	cutoff  int64    // sinceSeconds had left out what comes before this stamp, by about the node's clock
	seconds []second // what was seen from since on, the latest second last
	loose   bool     // what was seen last may be in another log than the one that is opened next
	older   *Cursor  // of another instance, whose lines this one's log may hold; see Beside
	shared  bool     // the log did hold some of them

	// Of a stream that was opened again.
	replaying   bool  // it may still repeat lines
	overlap     bool  // it has repeated one
	expecting   bool  // it must do so before it brings a new one
	beforeFirst bool  // it has not come to the first line yet
	lasts       int   // how often it must still repeat the line seen last; then all is new
	until       int64 // stamps beyond it are no repeats
}

// second is what was stamped in one second.
type second struct {
	unix   int64
	hashes []uint64 // of stamps and lines
	more   int      // lines that have no place in hashes

	sorted int      // hashes before it are in order, and may be repeated
	came   []uint64 // a bit for each of them: was repeated
	excess int      // of more, those that may be repeated
}

// Verdict is what Add says of a line.
type Verdict int

const (
	Fresh     Verdict = iota // was not seen before
	Repeat                   // was
	NoOverlap                // was not, but nothing of what was seen last came before it; the cursor has not taken it
)

// Next returns the cursor for the instance after c's. The new log may hold lines that c has seen: the kubelet knows of a
// restart before the API does. c is used up by it.
func (c *Cursor) Next() *Cursor {
	if !c.Started() {
		return &Cursor{older: c.older}
	}
	c.older = nil
	c.Reopen()
	return &Cursor{older: c}
}

// At makes the cursor of a log of which one line was seen, at this time, in Unix nanoseconds.
func At(ns int64) *Cursor { return &Cursor{first: ns, newest: ns} }

// First returns the stamp of the first line seen, in Unix nanoseconds; 0: none was.
func (c *Cursor) First() int64 { return c.first }

// Newest returns the greatest stamp seen, in Unix nanoseconds; a smaller one after the node's clock was set back.
func (c *Cursor) Newest() int64 { return c.newest }

// Last returns the hash of the line seen last.
func (c *Cursor) Last() uint64 { return c.last }

// Overlap reports whether the reopened stream has repeated a line that was seen.
func (c *Cursor) Overlap() bool { return c.overlap }

// Shared reports whether the log held lines that were seen as those of the instance beside; see Beside.
func (c *Cursor) Shared() bool { return c.shared }

// Clip tells the cursor what its first stream leaves out: with tail all but the last lines (tailLines), and what comes
// before cutoff, in Unix nanoseconds by about the node's clock (sinceSeconds); 0: nothing. Such lines are not new when a
// reopened stream brings them.
func (c *Cursor) Clip(tail bool, cutoff int64) { c.partial, c.cutoff = tail, cutoff }

// Beside tells the cursor that its log may hold lines that were seen as those of another instance. They are repeats,
// each as often as the other's cursor, which is reopened and used up by that, holds it.
func (c *Cursor) Beside(other *Cursor) {
	other.Reopen()
	c.older = other
}

// Started reports whether any line was seen.
func (c *Cursor) Started() bool { return c.first != 0 }

// Since returns where a reopened stream must begin, in whole seconds: every unseen line has this stamp or a later one.
func (c *Cursor) Since() time.Time {
	return time.Unix(0, c.newest-int64(Slack)).Truncate(time.Second)
}

// Reopen tells the cursor that another stream of the same log begins, at Since.
func (c *Cursor) Reopen() {
	since := c.Since()
	c.beforeFirst = c.first >= since.UnixNano() && (c.partial || c.first < c.cutoff+int64(Skew))
	c.lasts = 0
	c.seconds = slices.DeleteFunc(c.seconds, func(s second) bool { return s.unix < since.Unix() })
	for i := range c.seconds {
		s := &c.seconds[i]
		slices.Sort(s.hashes)
		if from, found := slices.BinarySearch(s.hashes, c.last); found {
			for _, h := range s.hashes[from:] {
				if h != c.last {
					break
				}
				c.lasts++
			}
		}
		s.sorted, s.excess = len(s.hashes), s.more
		s.came = make([]uint64, (s.sorted+63)/64)
	}
	c.replaying, c.overlap, c.expecting = true, false, !c.loose
	c.until = c.newest + int64(Slack)
}

// Loosen tells the cursor that what was seen last need not come again before a new line does: it was lost to rotation, or
// is in another log.
func (c *Cursor) Loosen() { c.loose, c.expecting = true, false }

// NoOverlap reports whether a reopened stream has not repeated anything yet of what was seen last.
func (c *Cursor) NoOverlap() bool { return c.replaying && c.expecting }

// Add says whether the line with this stamp, in Unix nanoseconds, and this Hash is new, and remembers it if so.
func (c *Cursor) Add(stamp int64, hash uint64) Verdict {
	if c.replaying {
		switch {
		case c.again(stamp, hash):
			c.overlap, c.expecting, c.beforeFirst = true, false, false
			if hash == c.last {
				if c.lasts--; c.lasts <= 0 {
					c.settle()
				}
			}
			return Repeat
		case c.beforeFirst && stamp <= c.first:
			return Repeat
		case c.expecting && (!c.beforeFirst || stamp > c.until):
			return NoOverlap
		case stamp > c.until:
			c.settle()
		}
	}
	v := Fresh
	if c.older != nil {
		switch {
		case c.older.again(stamp, hash):
			v, c.shared = Repeat, true
		case stamp > c.older.until:
			c.older = nil
		}
	}
	if !c.Started() {
		c.first = stamp
	}
	if c.newest = max(c.newest, stamp); !c.replaying && stamp < c.newest-int64(Slack) {
		c.newest = stamp // the clock was set back; from here on it counts
	}
	if s := c.second(stamp / int64(time.Second)); len(s.hashes) < MaxHashes {
		s.hashes = append(s.hashes, hash)
	} else {
		s.more++
	}
	c.last, c.loose, c.expecting = hash, false, false
	return v
}

// Hash returns what a cursor knows a line by: its stamp in Unix nanoseconds, its text, and how many bytes were cut from the
// text's end. It is the same on every machine.
func Hash(stamp int64, text []byte, cut int) uint64 {
	return xxhash.Sum64(text) + uint64(stamp)*0x9e3779b97f4a7c15 + uint64(cut)
}

// again reports whether the line is one that the reopened stream may repeat, and has not yet.
func (c *Cursor) again(stamp int64, hash uint64) bool {
	unix := stamp / int64(time.Second)
	at := slices.IndexFunc(c.seconds, func(s second) bool { return s.unix == unix })
	if at < 0 {
		return false
	}
	s := &c.seconds[at]
	i, _ := slices.BinarySearch(s.hashes[:s.sorted], hash)
	for ; i < s.sorted && s.hashes[i] == hash; i++ {
		if bit := uint64(1) << (i % 64); s.came[i/64]&bit == 0 {
			s.came[i/64] |= bit
			return true
		}
	}
	if s.excess > 0 && c.overlap { // the lines that were only counted follow those that are known
		s.excess--
		return true
	}
	return false
}

// pending reports whether a hash has not been repeated yet.
func (s *second) pending(i int) bool { return i >= s.sorted || s.came[i/64]&(1<<(i%64)) == 0 }

// settle ends the comparing: what comes now can't be a repeat.
func (c *Cursor) settle() {
	c.replaying = false
	for i := range c.seconds {
		c.seconds[i].came, c.seconds[i].sorted, c.seconds[i].excess = nil, 0, 0
	}
}

// CaughtUp reports whether the stream came as far as was reached before: a stream that ends earlier was cut short.
func (c *Cursor) CaughtUp() bool { return c.Started() && !c.replaying }

// second returns the entry of a second. Where it adds one, it drops those that no reopened stream can repeat.
func (c *Cursor) second(unix int64) *second {
	i := len(c.seconds)
	for i > 0 && c.seconds[i-1].unix > unix {
		i--
	}
	if i > 0 && c.seconds[i-1].unix == unix {
		return &c.seconds[i-1]
	}
	since := c.Since().Unix()
	old := 0
	for old < i && c.seconds[old].unix < since {
		old++
	}
	added := second{unix: unix}
	if old > 0 { // its memory serves again
		added.hashes = c.seconds[0].hashes[:0]
	}
	c.seconds = slices.Replace(c.seconds, i, i, added)
	c.seconds = slices.Delete(c.seconds, 0, old)
	return &c.seconds[i-old]
}
