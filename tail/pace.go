package tail

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
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

// leapt finds out whether a leap to the line of ns and this hash has left lines out: then the log does not hold the last
// line before it, and it returns errLeapt. It does so, too, if that can't be found out yet: where the log is opened anew
// it shows. But if the log is no more, the stream is all that there is; and if the new stream leaps there, too, something
// is missing in the log.
func (f *follower) leapt(ctx context.Context, in instance, p *pace, ns int64, hash uint64) error {
	now, cursor, there, out := time.Now().UnixNano(), f.place.cursor, false, false
	f.mu.Unlock()
	err := f.scan(ctx, cursor, true, func(_ int64, found uint64) bool {
		there, out = found == cursor.last, found == hash
		return !there && !out
	})
	f.mu.Lock()
	switch {
	case there:
	case out && f.leap == hash:
		if err := f.missing(ctx, in, ns); err != nil {
			return err
		}
	case out, err != nil && !podGone(err) && !apierrors.IsBadRequest(err):
		f.leap = hash
		return errLeapt
	}
	p.known, p.least, p.bytes = now, p.lag, 0
	return nil
}
