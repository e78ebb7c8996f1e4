package tail

import (
	"context"
	"time"
)

// leap is how far a stream must go on in time at once, and lag behind, to be suspected of having left files out.
const leap = int64(time.Second)

// pace follows how far a stream lags behind its container. At the end of a log file the kubelet goes on with the newest
// one. If it lags so far behind, because a reader or a server is slow, that more than one has been begun since, it
// leaves out those between: what then comes lies a leap later.
type pace struct {
	known   int64 // stamps before this were in the file that was open then: it leaves none of them out
	arrived int64 // when what is being read has come
	lag     int64 // of the last line of what came before that; or, once there is one, of the last line
	least   int64 // lag that is none: of clocks that differ
	here    bool  // a line of what is being read was seen
}

func newPace() pace { return pace{known: time.Now().UnixNano()} }

// arrive notes that something has come.
func (p *pace) arrive() { p.arrived, p.here = time.Now().UnixNano(), false }

// leave notes that all of it was seen.
func (p *pace) leave(c *cursor) {
	if p.here {
		p.lag = p.arrived - c.newest
		p.least = min(p.least, p.lag)
	}
}

// leaps tells whether the next line, of ns, is suspect. The cursor has not seen it yet.
func (p *pace) leaps(c *cursor, ns int64) bool {
	here := p.here
	p.here = true
	if ns-c.newest < leap || ns < p.known || !c.started() || c.replaying {
		return false
	}
	if here {
		p.lag = p.arrived - c.newest
	}
	return p.lag-p.least >= leap
}

// leapt finds out whether a leap to ns has left lines out: then the log does not hold the last line before it. It
// reports a gap, or if rotated files can be read, returns errLeapt: they are a surer source.
func (f *follower) leapt(ctx context.Context, p *pace, ns int64) error {
	now, cursor, there := time.Now().UnixNano(), f.place.cursor, false
	f.mu.Unlock()
	err := f.scan(ctx, cursor, func(_ int64, hash uint64) bool {
		there = hash == cursor.last
		return !there
	})
	f.mu.Lock()
	switch {
	case err != nil:
		return nil // the stream goes on; whether it should nobody can say
	case there:
		p.known, p.least = now, p.lag
		return nil
	case f.rotates():
		return errLeapt
	}
	f.gap(cursor.newest, ns, rotated)
	p.known, p.lag = now, p.least
	return nil
}
