package tail

import (
	"hash/maphash"
	"time"
)

// slack is how far stamps may step back within a log: stdout and stderr are stamped by two goroutines of the runtime.
const slack = 2 * time.Second

// cursor is the place that was reached in a container's log, exact to the line although the API only knows whole
// seconds: it remembers what was seen since the second that a reopened stream begins with, and drops from the
// reopened stream exactly that, each as often as it was seen. On a live stream it compares nothing.
// It lives as long as its container and spans restarts: a later instance's lines have later stamps.
type cursor struct {
	seed   maphash.Seed
	first  int64   // stamp of the first line seen
	newest int64   // greatest stamp seen
	seen   []mark  // every line seen with a stamp of since() or later, and some before
	prune  int     // length of seen at which the older ones are forgotten
	replay replays // what a reopened stream may repeat; nil: nothing
	until  int64   // stamps beyond it are no repeats
	before bool    // the reopened stream has not come to the first line yet
}

type mark struct {
	stamp int64
	hash  uint64
}

type replays map[mark]int

const pruneAt = 256

func newCursor() *cursor { return &cursor{seed: maphash.MakeSeed(), prune: pruneAt} }

// started tells whether any line was seen.
func (c *cursor) started() bool { return c.newest != 0 }

// since is where a reopened stream must begin, in whole seconds: every unseen line has this stamp or a later one.
func (c *cursor) since() time.Time {
	return time.Unix(0, c.newest-int64(slack)).Truncate(time.Second)
}

// reopen tells the cursor that the stream begins anew at since. That may be before the first line seen: then
// tailLines or sinceSeconds had left out what comes before it, and so does the cursor if the log is the same one.
func (c *cursor) reopen(sameLog bool) {
	c.forget()
	c.before = sameLog && c.first >= c.since().UnixNano()
	c.replay = make(replays, len(c.seen))
	for _, m := range c.seen {
		c.replay[m]++
	}
	c.until = c.newest + int64(slack)
}

// add tells whether the line is new, and remembers it if so.
func (c *cursor) add(stamp int64, l line) bool {
	m := mark{stamp, maphash.Bytes(c.seed, l.text) + uint64(l.cut)}
	if c.replay != nil {
		switch n := c.replay[m]; {
		case n > 0:
			c.replay[m]--
			c.before = false
			return false
		case c.before && stamp <= c.first:
			return false
		case stamp > c.until:
			c.replay = nil
		}
	}
	if c.first == 0 {
		c.first = stamp
	}
	c.newest = max(c.newest, stamp)
	if len(c.seen) >= c.prune {
		c.forget()
	}
	c.seen = append(c.seen, m)
	return true
}

// forget drops the marks that no reopened stream can repeat.
func (c *cursor) forget() {
	since := c.since().UnixNano()
	kept := c.seen[:0]
	for _, m := range c.seen {
		if m.stamp >= since {
			kept = append(kept, m)
		}
	}
	c.seen = kept
	c.prune = max(pruneAt, 2*len(kept))
}
