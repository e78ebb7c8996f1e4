package follow

import (
	"bytes"
	"context"
	"time"

	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/position"
	"mktail/tail/report"
)

// Some nodes send no timestamps: virtual ones, as a rule. A log without stamps is read from its first line whenever it is opened, as
// there is no time to ask for; see position.Unstamped. Whether a stream is of such a log, its first line tells.

// stamping is what is known of the stamps of a stream.
type stamping int

const (
	untold    stamping = iota // no line has told yet
	stamped                   // the lines have stamps; what has none are words of the kubelet
	unstamped                 // the lines have none
)

// takeUnstamped takes a line if its stream has no stamps, or if that is not known yet. Its error may be an outcome.
func (r *reading) takeUnstamped(ctx context.Context, l logline.Line) (taken bool, err error) {
	if r.stamping == untold {
		if r.stamping = r.judge(ctx, l); r.stamping == untold {
			r.held = &logline.Line{Text: bytes.Clone(l.Text), Cut: l.Cut}
			return true, nil
		}
		held := r.held
		r.held = nil
		if r.stamping == stamped {
			if held != nil {
				r.noStamp(held.Text)
			}
			r.leaveOutOld(ctx, l)
			return false, nil
		}
		r.f.noteIgnores(timestamps, true, "")
		if r.f.place.unstamped == nil {
			r.f.place.unstamped = new(position.Unstamped)
		}
		if held != nil {
			if err := r.addUnstamped(ctx, *held); err != nil {
				return true, err
			}
		}
	}
	if r.stamping == stamped {
		return false, nil
	}
	return true, r.addUnstamped(ctx, l)
}

// judge finds out by a line at the beginning of a stream whether the lines have stamps. A line without one may be words of the kubelet,
// which end a stream, or the rest of a long line; and a stamp may be the program's own. Where the line does not tell, the node is tested,
// or the next line tells.
func (r *reading) judge(ctx context.Context, l logline.Line) stamping {
	f := r.f
	_, _, ok := logline.SplitStamp(l.Text)
	ignored, known := f.ignores(timestamps)
	switch {
	case f.place.unstamped != nil:
		return unstamped
	case r.mode == comparing, f.place.cursor.Started() && (ok || known && !ignored || kubeletWords.Match(l.Text)):
		return stamped
	case f.place.cursor.Started(): // by rotated files, which have stamps
		if !known {
			f.testNode(ctx, r.in.Previous)
		}
		if f.sendsNone() {
			return unstamped
		}
		return stamped
	case ok && logline.HasNineDigits(l.Text):
		if ignored { // there is another kubelet now
			f.noteIgnores(timestamps, false, "")
		}
		return stamped
	case ignored, !ok && r.held != nil:
		return unstamped
	case known:
		return stamped
	case !ok && kubeletWords.Match(l.Text):
		return untold
	}
	f.testNode(ctx, r.in.Previous)
	switch ignored, known = f.ignores(timestamps); {
	case ignored:
		return unstamped
	case known || ok:
		return stamped
	}
	return untold
}

// leaveOutOld leaves out, from the first line on, what is older than wanted, if the node does not.
func (r *reading) leaveOutOld(ctx context.Context, l logline.Line) {
	f := r.f
	oldest := f.floor()
	if f.sinceLooked() {
		oldest = f.begin.firstSeen.UnixNano()
	}
	ns, _, ok := logline.SplitStamp(l.Text)
	if r.mode == comparing || !f.begin.isAt(r.in.Key()) || !ok || oldest == 0 {
		return
	}
	if ignored, _ := f.ignores(sinceTime); ignored || ns < oldest-int64(position.Slack) && !f.place.cursor.Started() && f.testSince(ctx) {
		r.out.oldest = oldest
	}
}

// addUnstamped takes a line of a log without stamps. Its error may be an outcome.
func (r *reading) addUnstamped(ctx context.Context, l logline.Line) error {
	f := r.f
	if err := f.between(l.Text); err != nil {
		return err
	}
	now := time.Now().UnixNano()
	switch f.place.unstamped.Add(now, f.hash(0, l, l.Text)) {
	case position.Repeat:
		r.repeated = r.lag.arrived
		return nil
	case position.NoOverlap:
		if _, _, ok := logline.SplitStamp(l.Text); ok && logline.HasNineDigits(l.Text) {
			if f.testNode(ctx, r.in.Previous); !f.sendsNone() { // what was read was not the log
				f.place.unstamped = nil
				return jumped
			}
		}
		return f.realign(ctx, r.in)
	}
	if kubeletWords.Match(l.Text) { // which nothing tells from a line here
		f.place.unstamped.Doubt()
	}
	if !r.fresh {
		r.noteFresh()
	}
	return r.out.put(now, nil, l.Text, l.Cut)
}

// sendsNone reports whether the node is known to send no timestamps.
func (f *Follower) sendsNone() bool {
	none, _ := f.ignores(timestamps)
	return none
}

// realign is called when a log without stamps does not begin as it did before: lines were removed there, as by rotation, or it is another
// log. It looks for the lines that were read last. Its error may be an outcome.
func (f *Follower) realign(ctx context.Context, in pods.Instance) error {
	f.known.stale = true
	if err := f.refresh(ctx); err != nil {
		return err
	}
	if current := f.known.Current.ID; current != in.ID && (!in.Previous || f.known.Previous.ID != in.ID) {
		return otherInstance
	}
	search := f.place.unstamped.Clone()
	search.Search()
	_, err := f.askWholeLog(ctx, in.Previous, func(l logline.Line) bool {
		search.Add(0, f.hash(0, l, l.Text))
		return !search.CaughtUp()
	})
	switch {
	case err != nil:
		return err
	case search.CaughtUp():
		f.reads.search = true
		return jumped
	case search.TakeHead():
		f.place.unstamped = search
		return jumped
	}
	f.gap(f.reached(), time.Now().UnixNano(), report.NoOverlap)
	f.place.unstamped.Forget()
	return jumped
}
