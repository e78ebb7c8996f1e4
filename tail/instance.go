package tail

import (
	"context"
	"fmt"
	"time"

	"mktail/tail/logline"
	"mktail/tail/position"
)

// due says which instance is to be read next: one that has ended and is now served as "previous", or the current
// one. Not ok: none.
func (f *follower) due() (in instance, ok bool) {
	current, previous := f.now.current, f.now.previous
	if current.id != f.place.at.id && !f.c.o.States.has(f.now.state) { // but one that has ended is, if that is asked for
		if !f.c.o.States.has(Terminated) {
			return instance{}, false
		}
		current = previous
	}
	switch {
	case current.id == "" || current.id == f.place.done:
		return instance{}, false
	case previous.id != "" && previous.id != f.place.done && current.id != f.place.at.id:
		return previous, true
	}
	return current, true
}

// enter takes an instance up for reading, and reports what can't be read any more of those before it. Not ok: the run is over.
func (f *follower) enter(ctx context.Context, in instance) (ok bool) {
	p := &f.place
	f.setApart()
	if in.id == p.at.id {
		return true
	}
	f.vain, f.fresh, f.unsure, f.refused = 0, 0, false, time.Time{}
	f.despair()
	from, first := f.reached(), p.at.restarts+1 // the first instance that is missing
	switch {
	case p.at.id == "" && f.born.IsZero():
		first = in.restarts
	case p.at.id == "":
		from, first = f.born.UnixNano(), f.begin.restarts
	case p.at.id == f.whole:
		f.endLine()
	case p.at.id != p.done:
		first = p.at.restarts
	}
	f.rest = logline.Line{}
	missed := false
	for n := first; n < in.restarts; n++ { // their files may be there yet
		it := instance{id: fmt.Sprint("restarts: ", n), restarts: n}
		if n != p.at.restarts || p.at.id == "" {
			p.cursor, p.at = p.cursor.Next(), it // as far as it is read, it need not be read again
		}
		missed = !f.readEnded(ctx, it) || missed
	}
	switch {
	case first < in.restarts && f.over(ctx): // the next run goes on there
		return false
	case missed:
		f.gap(from, in.begin(), restartsMissed)
	}
	switch {
	case p.ahead == nil:
		p.cursor = p.cursor.Next()
	case in.id == f.now.current.id:
		p.cursor, p.ahead = p.ahead, nil
		f.checkBefore(ctx, in)
	}
	p.at = in
	return true
}

// setApart sets apart what was read as the log of an instance, but may be that of the present one, by its times: the
// kubelet knows of a restart before the API does. The present one is then read from where it is, and the other one, if
// that is possible, anew from its first line, unless its log proves to hold what was read.
func (f *follower) setApart() {
	p, now := &f.place, f.now.current
	switch {
	case p.ahead != nil:
		if p.cursor.Shared() {
			p.ahead, p.sure = nil, p.at.id
		}
	case p.at.id == "" || p.at.id == now.id || p.at.id == p.sure || now.started == 0:
	case p.cursor.Started() && p.cursor.First() >= now.started*int64(time.Second):
		p.ahead = p.cursor
		p.cursor = p.ahead.Next()
		if p.ahead.First() < now.begin() { // in the same second: it may be either's
			p.ahead.Loosen()
		}
	}
}

// witness notes that the stream of an instance ended when the instance did: then it was followed to its end. The clean
// end of a stream alone says nothing, but it does together with the end of the container or the pod before that. A pod
// that is deleted may write for as long as its grace period lasts; it has ended if there is no stream to be followed.
func (f *follower) witness() {
	c := f.place.cursor
	if f.cleanly.IsZero() || c.Started() && !c.CaughtUp() {
		return
	}
	if f.gone && time.Since(f.cleanly) < position.Slack || f.now.deleting > 0 && f.atOnce {
		f.whole = f.place.at.id
	}
	for _, in := range []instance{f.now.current, f.now.previous} {
		ended := in.finished > 0 && in.finished < f.cleanly.Unix() // in whole seconds: in the same one it may have ended later
		if in.id == f.place.at.id && ended {
			f.whole = in.id
		}
	}
}

// reached is the time of the last line that was read of an instance, or else that of its start; 0: unknown.
func (f *follower) reached() int64 {
	if c := f.place.cursor; c.Started() {
		return c.Newest()
	}
	return f.place.at.started * int64(time.Second)
}

// begin is when the instance began, in Unix nanoseconds, or a little after.
func (in instance) begin() int64 { return roundUp(in.started) }

// end is when the instance ended, in Unix nanoseconds, or a little after.
func (in instance) end() int64 { return roundUp(in.finished) }

// roundUp gives the end of a second, since the API knows no fractions; the present time for an unknown one.
func roundUp(seconds int64) int64 {
	if seconds == 0 {
		return time.Now().UnixNano()
	}
	return time.Unix(seconds+1, 0).UnixNano()
}

// checkBefore reports what was rotated away of an instance before it was read ahead of the API: that its files were to be
// looked at was not known then, and now they would come too late.
func (f *follower) checkBefore(ctx context.Context, in instance) {
	if !f.rotates() {
		return
	}
	files, err := f.listed(ctx, in.restarts)
	if err != nil || len(files.Rotated) == 0 {
		return
	}
	if first, err := f.firstStamp(ctx, files, files.Rotated[0]); err == nil && first != 0 && first < f.place.cursor.First() {
		f.gap(first, f.place.cursor.First(), rotated)
	}
}
