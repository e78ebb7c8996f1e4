package tail

import (
	"context"
	"time"
)

// leap is how far a stream must go on in time at once to be suspected of having left lines out.
const leap = int64(time.Second)

// leastRotated is how much a container must have written for its log to be rotated. Kubelets do it at 10 MiB, unless told.
const leastRotated = 256 << 10

// pace follows how a stream comes. When its log is rotated a kubelet goes on with the newest file. If it is so far
// behind then, because a reader, a server or itself is slow, that it has not come to the end of the last one, or more
// than one has been begun since, it leaves out what is between: what comes next lies a leap later.
type pace struct {
	bytes   int   // of lines since known; more than any, where the stream begins
	known   int64 // stamps before this were in the file that was open then: it leaves none of them out
	arrived int64 // when what is being read has come
	lag     int64 // of the last line of what came before that; or, once there is one, of the last line
	least   int64 // lag that is none: of clocks that differ
	here    bool  // a line of what is being read was seen
}

// newPace begins before a stream is opened. A kubelet watches for rotations only once it has come to the end of a file: one
// before that it notices with the next. So the first leap is suspect, however little has come.
func newPace() pace { return pace{known: time.Now().UnixNano(), bytes: leastRotated} }

// arrive notes that something has come.
func (p *pace) arrive() { p.arrived, p.here = time.Now().UnixNano(), false }

// leave notes that all of it was seen.
func (p *pace) leave(c *cursor) {
	if p.here {
		p.lag = p.arrived - c.newest
		p.least = min(p.least, p.lag)
	}
}

// leaps tells whether the next line, of ns and so many bytes, is suspect. The cursor has not seen it yet.
func (p *pace) leaps(c *cursor, ns int64, size int) bool {
	here := p.here
	p.here = true
	p.bytes += size
	if ns-c.newest < leap || ns < p.known || !c.started() || c.astray() {
		return false
	}
	if here {
		p.lag = p.arrived - c.newest
	}
	return p.lag-p.least >= leap || p.bytes >= leastRotated
}

// leapt finds out whether a leap has left lines out: then the log does not hold the last line before it. If that can't be
// found out, or is so, it returns errLeapt: where the log is opened anew it shows.
func (f *follower) leapt(ctx context.Context, p *pace) error {
	now, cursor, there := time.Now().UnixNano(), f.place.cursor, false
	f.mu.Unlock()
	err := f.scan(ctx, cursor, func(_ int64, hash uint64) bool {
		there = hash == cursor.last
		return !there
	})
	f.mu.Lock()
	if err != nil || !there {
		return errLeapt
	}
	p.known, p.least, p.bytes = now, p.lag, 0
	return nil
}
