package follow

import (
	"context"
	"time"

	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/position"
)

// Jump is how far apart the stamps of two lines of a live stream must be, in nanoseconds, for the stream to be suspected of having left
// lines out between them.
const Jump = int64(time.Second)

// minRotated is how much a container must have written for its log to be rotated. Kubelets do it at 10 MiB, unless told.
const minRotated = 256 << 10

// lagDetector finds jumps of a stream that may have left lines out. When a log is rotated the kubelet goes on with the newest
// file. If it is so far behind then, because the reader, a server or the kubelet is slow, that it has not come to the end of the last file,
// or if more than one file was begun since, it leaves out what is between: the next line has a stamp well after the last.
type lagDetector struct {
	bytes   int   // of lines since known; at the beginning of the stream, enough for a rotation
	known   int64 // lines with earlier stamps are in the file that is read now: the stream leaves none of them out; 0: unknown
	arrived int64 // when the bytes that are being read came, in Unix nanoseconds by our clock
	lag     int64 // of the last line of those bytes, or of the bytes before them as long as there is none
	least   int64 // the smallest lag so far: how far the clocks differ
	here    bool  // a line of those bytes was seen
}

// newLagDetector is called before a stream is opened. The kubelet watches for rotations only once it has come to the end of a file,
// and notices an earlier one with the next. So the first jump is suspect, however little has come.
func newLagDetector() lagDetector {
	return lagDetector{bytes: minRotated}
}

// arrive notes that bytes have come.
func (p *lagDetector) arrive() { p.arrived, p.here = time.Now().UnixNano(), false }

// settle notes that all lines of them were seen.
func (p *lagDetector) settle(c *position.Cursor) {
	if p.here {
		p.lag = p.arrived - c.Newest()
		p.least = min(p.least, p.lag)
	}
}

// jumps reports whether the next line, with this stamp and size in bytes, is suspect. The cursor has not seen the line yet.
func (p *lagDetector) jumps(c *position.Cursor, ns int64, size int) bool {
	here := p.here
	p.here = true
	p.bytes += size
	step := ns - c.Newest()
	back := step < -int64(position.Slack) // the clock was set back
	if step < Jump && !back || ns < p.known && !back || !c.CaughtUp() || c.Loose() {
		return false
	}
	if here {
		p.lag = p.arrived - c.Newest()
	}
	if back {
		p.known = 0
		return true
	}
	return p.behind()
}

// behind reports whether the stream may have been so far behind the log, or so much been written, that lines were left out.
func (p *lagDetector) behind() bool { return p.lag-p.least >= Jump || p.bytes >= minRotated }

// explained notes that a jump has left nothing out.
func (p *lagDetector) explained() { p.least, p.bytes = p.lag, 0 }

// JumpLimit is how long a line may wait until it is known whether the stream has left lines out before it. With rotated files, which may
// hold those lines, CompareLimit counts.
const JumpLimit = 3 * time.Second

// jumped finds out whether a jump to the line with this stamp and hash has left lines out. If so, the log does not hold the last line
// before the jump, and jumped is returned: the reopened stream shows what is missing. If the log is gone, the stream is all that there
// is. What can't be found out soon, with rotated files by reopening the log once, remains a suspected gap, and the stream goes on.
func (f *Follower) jumped(ctx context.Context, in pods.Instance, p *lagDetector, ns int64, hash uint64) error {
	d := suspectedGap{newest: f.place.cursor.Newest(), ns: ns, before: f.place.cursor.Last(), after: hash, rests: f.place.cursor.Rests()}
	if ns < d.newest && f.rotates() { // the names of files that are rotated from now on do not show their order
		if files, err := f.listed(ctx, in.Restarts); err == nil {
			f.place.order(files.Rotated)
		}
	}
	if f.place.suspected.ns != 0 && !f.rotates() { // what could not be found out then can't be now
		f.place.suspected.ns, p.bytes = ns, 0
		return nil
	}
	var before, after bool
	var end int64
	var err error
	f.mu.idle(func() { before, after, end, err = f.seek(ctx, d, !f.rotates()) })
	switch {
	case before, err != nil && f.cantKnow(err):
	case ctx.Err() != nil: // the next follower reads that line, and finds what lies before it
		return ctx.Err()
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
		default: // the regular comparison finds it
		}
		return nil
	}
	p.known = end - int64(position.Slack)
	p.explained()
	return nil
}

// explain looks into the jump to a line that has begun, before the stream waits for the rest: the log may be rotated meanwhile, and then
// holds neither line.
func (r *reading) explain(ctx context.Context, begun logline.Line) error {
	f, p, c := r.f, &r.lag, r.f.place.cursor
	ns, _, ok := logline.SplitStamp(begun.Text)
	if !ok || ns-c.Newest() < Jump || !p.behind() || !c.CaughtUp() || c.Loose() {
		return nil
	}
	if err := r.out.settle(); err != nil {
		return err
	}
	var before bool
	f.mu.idle(func() {
		before, _, _, _ = f.seek(ctx, suspectedGap{newest: c.Newest(), ns: ns, before: c.Last(), rests: c.Rests()}, true)
	})
	if before {
		p.explained()
	}
	return nil
}
