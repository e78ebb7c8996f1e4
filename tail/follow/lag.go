package follow

import (
	"context"
	"time"

	"mktail/tail/pods"
	"mktail/tail/position"
)

// Jump is how far a stream must go on in time at once to be suspected of having left lines out.
const Jump = int64(time.Second)

// MinRotated is how much a container must have written for its log to be rotated. Kubelets do it at 10 MiB, unless told.
const MinRotated = 256 << 10

// pace follows how a stream comes. When its log is rotated a kubelet goes on with the newest file. If it is so far
// behind then, because a reader, a server or itself is slow, that it has not come to the end of the last one, or more
// than one has been begun since, it leaves out what is between: what comes next lies a leap later.
type lagDetector struct {
	bytes   int   // of lines since known; more than any, where the stream begins
	known   int64 // stamps before this were in the file that was open then: it leaves none of them out
	arrived int64 // when what is being read has come
	lag     int64 // of the last line of what came before that; or, once there is one, of the last line
	least   int64 // lag that is none: of clocks that differ
	here    bool  // a line of what is being read was seen
}

// newPace begins before a stream is opened. A kubelet watches for rotations only once it has come to the end of a file: one
// before that it notices with the next. So the first leap is suspect, however little has come.
func newLagDetector() lagDetector {
	return lagDetector{known: time.Now().UnixNano(), bytes: MinRotated}
}

// arrive notes that something has come.
func (p *lagDetector) arrive() { p.arrived, p.here = time.Now().UnixNano(), false }

// leave notes that all of it was seen.
func (p *lagDetector) settle(c *position.Cursor) {
	if p.here {
		p.lag = p.arrived - c.Newest()
		p.least = min(p.least, p.lag)
	}
}

// leaps tells whether the next line, of ns and so many bytes, is suspect. The cursor has not seen it yet.
func (p *lagDetector) jumps(c *position.Cursor, ns int64, size int) bool {
	here := p.here
	p.here = true
	p.bytes += size
	if ns-c.Newest() < Jump || ns < p.known || !c.Started() || c.NoOverlap() {
		return false
	}
	if here {
		p.lag = p.arrived - c.Newest()
	}
	return p.lag-p.least >= Jump || p.bytes >= MinRotated
}

// JumpLimit is how long a line may wait until it is known whether the stream has left lines out before it. Only where
// those may be had from rotated files, in order, that has its time.
const JumpLimit = 3 * time.Second

// leapt finds out whether a leap to the line of ns and this hash has left lines out: then the log does not hold the last
// line before it, and it returns errLeapt: where the log is opened anew it shows. If the new stream leaps there, too,
// something is missing in the log; but if the log is no more, the stream is all that there is. What can't be found out
// soon, with rotated files by opening the log anew once, remains a doubt, and the stream goes on.
func (f *Follower) jumped(ctx context.Context, in pods.Instance, p *lagDetector, ns int64, hash uint64) error {
	now, d := time.Now().UnixNano(), suspectedGap{newest: f.place.cursor.Newest(), ns: ns, before: f.place.cursor.Last(), after: hash}
	if f.place.suspected.ns != 0 && !f.rotates() { // it would not be found out now either
		f.place.suspected.ns, p.bytes = ns, 0
		return nil
	}
	var before, after bool
	var err error
	f.mu.idle(func() { before, after, err = f.seek(ctx, d, !f.rotates()) })
	switch {
	case before, err != nil && unknowable(err):
	case after && f.last.jumpedAt == hash:
		if err := f.missing(ctx, in, ns); err != nil {
			return err
		}
	case f.last.jumpedAt != hash && (after || f.rotates()):
		f.last.jumpedAt = hash
		return jumped
	default: // the log can't be read; or it has been rotated again, and the stream may yet bring more that is no longer there
		if f.place.suspected.ns == 0 {
			f.place.suspected = d
		}
		f.place.suspected.ns, p.bytes = ns, 0
		select {
		case f.c.suspects <- f:
		default: // check comes round
		}
		return nil
	}
	p.known, p.least, p.bytes = now, p.lag, 0
	return nil
}
