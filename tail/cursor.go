package tail

import (
	"hash/maphash"
	"slices"
	"time"
)

// slack is how far stamps may step back within a log: stdout and stderr are stamped by two goroutines of the runtime.
const slack = 2 * time.Second

// cursor is the place that was reached in a container's log, exact to the line although the API only knows whole
// seconds: it remembers what was seen since the second that a reopened stream begins with, and drops from the
// reopened stream exactly that, each line as often as it was seen. On a live stream it compares nothing.
// It lives as long as its container and spans restarts: a later instance's lines have later stamps.
//
// It takes eight bytes for each line of the last three seconds or so.
type cursor struct {
	seed    maphash.Seed
	first   int64          // stamp of the first line seen
	newest  int64          // greatest stamp seen
	seconds []second       // what was seen from since on, the latest second last
	replay  map[uint64]int // what a reopened stream may repeat, and how often; nil: nothing
	missing int            // lines of replay that have not come again
	until   int64          // stamps beyond it are no repeats
	before  bool           // the reopened stream has not come to the first line yet
}

// second holds the hashes of the lines, with their stamps, that were stamped in one second.
type second struct {
	unix   int64
	hashes []uint64
}

func newCursor() *cursor { return &cursor{seed: maphash.MakeSeed()} }

// started tells whether any line was seen.
func (c *cursor) started() bool { return c.newest != 0 }

// since is where a reopened stream must begin, in whole seconds: every unseen line has this stamp or a later one.
func (c *cursor) since() time.Time {
	return time.Unix(0, c.newest-int64(slack)).Truncate(time.Second)
}

// reopen tells the cursor that the stream begins anew at since. That may be before the first line seen: then
// tailLines or sinceSeconds had left out what comes before it, and so does the cursor if the log is the same one.
func (c *cursor) reopen(sameLog bool) {
	c.before = sameLog && c.first >= c.since().UnixNano()
	c.replay, c.missing = make(map[uint64]int), 0
	for _, s := range c.seconds {
		for _, h := range s.hashes {
			c.replay[h]++
			c.missing++
		}
	}
	c.until = c.newest + int64(slack)
}

// add tells whether the line is new, and remembers it if so.
func (c *cursor) add(stamp int64, l line) bool {
	hash := maphash.Bytes(c.seed, l.text) + uint64(l.cut)
	if c.replay != nil {
		switch n := c.replay[hash]; {
		case n > 0:
			c.replay[hash]--
			c.missing--
			c.before = false
			return false
		case c.before && stamp <= c.first:
			return false
		case stamp > c.until:
			c.replay, c.missing = nil, 0
		}
	}
	if c.first == 0 {
		c.first = stamp
	}
	c.newest = max(c.newest, stamp)
	s := c.second(stamp / int64(time.Second))
	s.hashes = append(s.hashes, hash)
	return true
}

// caughtUp tells whether the stream came as far as was reached before: a stream that ends earlier was cut short.
func (c *cursor) caughtUp() bool { return c.started() && c.missing == 0 }

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
