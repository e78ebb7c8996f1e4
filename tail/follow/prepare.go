package follow

import (
	"context"
	"time"

	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/position"
	"mktail/tail/report"
)

// prepare does what is to be done before the log of an instance is opened. Its error may be an outcome.
func (f *Follower) prepare(ctx context.Context, in pods.Instance) error {
	tail := f.c.Options.Tail
	switch instead, err := f.sendsCurrent(ctx, in); {
	case err != nil:
		return err
	case instead:
		if f.mayIgnore(following) { // that a stream ended cleanly says nothing then
			f.reads.toEnd = false
		}
		f.abandon(ctx, in, report.LogRefused)
		return restarted
	}
	if tail >= 0 && f.begin.isAt(in.Key()) && f.begin.opened.IsZero() && !f.place.started() {
		if _, known := f.ignores(tailLines); !known && !f.wantsNone() {
			f.testNode(ctx, in.Previous)
		}
		unstamped, _ := f.ignores(timestamps)
		if noTail, _ := f.ignores(tailLines); unstamped || noTail {
			return f.passOver(ctx, in.Previous, tail)
		}
	}
	if _, known := f.ignores(timestamps); !known && f.rotates() && !f.place.started() {
		f.testNode(ctx, in.Previous)
	}
	if f.seeksTail(in) {
		return f.seekTail(ctx, in)
	}
	return nil
}

// passOver takes all lines of the log as seen but the last ones: the node can't be asked for those.
func (f *Follower) passOver(ctx context.Context, previous bool, last int64) error {
	var left []lineKey // at most last
	cursor, bare := new(position.Cursor), new(position.Unstamped)
	none, _ := f.ignores(timestamps)
	_, err := f.askWholeLog(ctx, previous, func(l logline.Line) bool {
		ns, text, ok := logline.SplitStamp(l.Text)
		switch {
		case none:
			ns, text = 0, l.Text
		case !ok:
			return true
		}
		if left = append(left, lineKey{ns, f.hash(ns, l, text)}); int64(len(left)) <= last {
			return true
		}
		if none {
			bare.Add(time.Now().UnixNano(), left[0].hash)
		} else {
			cursor.Add(left[0].ns, left[0].hash)
		}
		left = left[1:]
		return true
	})
	switch {
	case err != nil:
		return err
	case none:
		f.place.unstamped = bare
	default:
		f.place.cursor = cursor
	}
	start := f.snapshot()
	f.mu.idle(func() { f.c.State.Start(ctx, f.Key(), start) })
	return nil
}
