package tail

import (
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
)

const (
	// slack is how far stamps may step back within a log: stdout and stderr are stamped by two goroutines of the runtime.
	slack = 2 * time.Second
	// skew is how far clocks are taken to be apart.
	skew = time.Minute
	// mostHashes bounds what is kept of one second: 1 MiB.
	mostHashes = 1 << 17
)

// cursor is the place that was reached in the log of a container's instance, exact to the line although the API only
// knows whole seconds: it remembers what was seen since the second that a reopened stream begins with, and drops
// from the reopened stream exactly that, each line as often as it was seen. On a live stream it compares nothing.
//
// It takes eight bytes for each line of the last three seconds or so. Of the lines of one second beyond mostHashes it
// knows only how many they were: that is exact too, unless the log rotates within that second while nobody reads.
type cursor struct {
	first   int64    // stamp of the first line seen
	newest  int64    // greatest stamp seen; smaller after the node's clock was set back
	last    uint64   // hash of the line seen last
	partial bool     // tailLines had left out what comes before first
	cutoff  int64    // sinceSeconds had left out what comes before this stamp, by about the node's clock
	seconds []second // what was seen from since on, the latest second last
	loose   bool     // what was seen last may be in another log than the one that is opened next
	older   *cursor  // of another instance, whose lines this one's log may hold; see place.ahead
	shared  bool     // it did hold some

	// Of a stream that was opened again.
	replaying bool  // it may still repeat lines
	overlap   bool  // it has repeated one
	expecting bool  // it must do so before it brings a new one
	before    bool  // it has not come to the first line yet
	lasts     int   // how often it must still repeat the line seen last; then all is new
	until     int64 // stamps beyond it are no repeats
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

// verdict is what the cursor says of a line.
type verdict int

const (
	fresh  verdict = iota // was not seen before
	repeat                // was
	astray                // was not, but nothing of what was seen last came before it; the cursor has not taken it
)

// next begins the cursor of the instance after c's.
func (c *cursor) next() *cursor {
	if !c.started() {
		return &cursor{older: c.older}
	}
	c.older = nil
	c.reopen()
	return &cursor{older: c}
}

// started tells whether any line was seen.
func (c *cursor) started() bool { return c.first != 0 }

// since is where a reopened stream must begin, in whole seconds: every unseen line has this stamp or a later one.
func (c *cursor) since() time.Time {
	return time.Unix(0, c.newest-int64(slack)).Truncate(time.Second)
}

// reopen tells the cursor that a stream of the same log begins anew at since.
func (c *cursor) reopen() {
	since := c.since()
	c.before = c.first >= since.UnixNano() && (c.partial || c.first < c.cutoff+int64(skew))
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
	c.until = c.newest + int64(slack)
}

// loosen tells the cursor that what was seen last need not come again before a new line does: it has rotated away, or
// is in another log.
func (c *cursor) loosen() { c.loose, c.expecting = true, false }

// astray tells whether a reopened stream has not brought anything yet of what was seen last.
func (c *cursor) astray() bool { return c.replaying && c.expecting }

// add says whether the line with this stamp and hash is new, and remembers it if so.
func (c *cursor) add(stamp int64, hash uint64) verdict {
	if c.replaying {
		switch {
		case c.again(stamp, hash):
			c.overlap, c.expecting, c.before = true, false, false
			if hash == c.last {
				if c.lasts--; c.lasts <= 0 {
					c.settle()
				}
			}
			return repeat
		case c.before && stamp <= c.first:
			return repeat
		case c.expecting && (!c.before || stamp > c.until):
			return astray
		case stamp > c.until:
			c.settle()
		}
	}
	v := fresh
	if c.older != nil {
		switch {
		case c.older.again(stamp, hash):
			v, c.shared = repeat, true
		case stamp > c.older.until:
			c.older = nil
		}
	}
	if !c.started() {
		c.first = stamp
	}
	if c.newest = max(c.newest, stamp); !c.replaying && stamp < c.newest-int64(slack) {
		c.newest = stamp // the clock was set back; from here on it counts
	}
	if s := c.second(stamp / int64(time.Second)); len(s.hashes) < mostHashes {
		s.hashes = append(s.hashes, hash)
	} else {
		s.more++
	}
	c.last, c.loose, c.expecting = hash, false, false
	return v
}

// hashLine is what the cursor knows a line by, on every machine: its stamp, its text and how much that lacks at the end.
func hashLine(stamp int64, text []byte, cut int) uint64 {
	return xxhash.Sum64(text) + uint64(stamp)*0x9e3779b97f4a7c15 + uint64(cut)
}

// again tells whether the line is one that the reopened stream may repeat, and has not yet.
func (c *cursor) again(stamp int64, hash uint64) bool {
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

// pending tells whether a hash has not been repeated yet.
func (s *second) pending(i int) bool { return i >= s.sorted || s.came[i/64]&(1<<(i%64)) == 0 }

// settle ends the comparing: what comes now can't be a repeat.
func (c *cursor) settle() {
	c.replaying = false
	for i := range c.seconds {
		c.seconds[i].came, c.seconds[i].sorted, c.seconds[i].excess = nil, 0, 0
	}
}

// caughtUp tells whether the stream came as far as was reached before: a stream that ends earlier was cut short.
func (c *cursor) caughtUp() bool { return c.started() && !c.replaying }

// second gives the place of a second. Where it begins a new one, it forgets those that no reopened stream can repeat.
func (c *cursor) second(unix int64) *second {
	i := len(c.seconds)
	for i > 0 && c.seconds[i-1].unix > unix {
		i--
	}
	if i > 0 && c.seconds[i-1].unix == unix {
		return &c.seconds[i-1]
	}
	since := c.since().Unix()
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
