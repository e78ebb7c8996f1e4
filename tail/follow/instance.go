package follow

import (
	"context"
	"fmt"
	"time"

	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/position"
	"mktail/tail/report"
)

// due says which instance is to be read next: one that has ended and is now served as "previous", or the current
// one. Not ok: none.
func (f *Follower) due() (in pods.Instance, ok bool) {
	current, previous := f.now.Current, f.now.Previous
	if current.ID != f.place.at.ID && !f.c.Options.States.Has(f.now.State) { // but one that has ended is, if that is asked for
		if !f.c.Options.States.Has(pods.Terminated) {
			return pods.Instance{}, false
		}
		current = previous
	}
	switch {
	case current.ID == "" || current.ID == f.place.done:
		return pods.Instance{}, false
	case previous.ID != "" && previous.ID != f.place.done && current.ID != f.place.at.ID:
		return previous, true
	}
	return current, true
}

// enter takes an instance up for reading, and reports what can't be read any more of those before it. Not ok: the run is over.
func (f *Follower) enter(ctx context.Context, in pods.Instance) (ok bool) {
	p := &f.place
	f.setApart()
	if in.ID == p.at.ID {
		return true
	}
	f.vain, f.fresh, f.unsure, f.refused = 0, 0, false, time.Time{}
	f.despair()
	from, first := f.reached(), p.at.Restarts+1 // the first instance that is missing
	switch {
	case p.at.ID == "" && f.born.IsZero():
		first = in.Restarts
	case p.at.ID == "":
		from, first = f.born.UnixNano(), f.begin.restarts
	case p.at.ID == f.whole:
		f.endLine()
	case p.at.ID != p.done:
		first = p.at.Restarts
	}
	f.rest = logline.Line{}
	missed := false
	for n := first; n < in.Restarts; n++ { // their files may be there yet
		it := pods.Instance{ID: fmt.Sprint("restarts: ", n), Restarts: n}
		if n != p.at.Restarts || p.at.ID == "" {
			p.cursor, p.at = p.cursor.Next(), it // as far as it is read, it need not be read again
		}
		missed = !f.readEnded(ctx, it) || missed
	}
	switch {
	case first < in.Restarts && f.over(ctx): // the next run goes on there
		return false
	case missed:
		f.gap(from, in.Begin(), report.RestartsMissed)
	}
	switch {
	case p.ahead == nil:
		p.cursor = p.cursor.Next()
	case in.ID == f.now.Current.ID:
		p.cursor, p.ahead = p.ahead, nil
		f.checkBefore(ctx, in)
	}
	p.at = in
	return true
}

// setApart sets apart what was read as the log of an instance, but may be that of the present one, by its times: the
// kubelet knows of a restart before the API does. The present one is then read from where it is, and the other one, if
// that is possible, anew from its first line, unless its log proves to hold what was read.
func (f *Follower) setApart() {
	p, now := &f.place, f.now.Current
	switch {
	case p.ahead != nil:
		if p.cursor.Shared() {
			p.ahead, p.sure = nil, p.at.ID
		}
	case p.at.ID == "" || p.at.ID == now.ID || p.at.ID == p.sure || now.Started == 0:
	case p.cursor.Started() && p.cursor.First() >= now.Started*int64(time.Second):
		p.ahead = p.cursor
		p.cursor = p.ahead.Next()
		if p.ahead.First() < now.Begin() { // in the same second: it may be either's
			p.ahead.Loosen()
		}
	}
}

// witness notes that the stream of an instance ended when the instance did: then it was followed to its end. The clean
// end of a stream alone says nothing, but it does together with the end of the container or the pod before that. A pod
// that is deleted may write for as long as its grace period lasts; it has ended if there is no stream to be followed.
func (f *Follower) witness() {
	c := f.place.cursor
	if f.cleanly.IsZero() || c.Started() && !c.CaughtUp() {
		return
	}
	if f.gone && time.Since(f.cleanly) < position.Slack || f.now.Deleting > 0 && f.atOnce {
		f.whole = f.place.at.ID
	}
	for _, in := range []pods.Instance{f.now.Current, f.now.Previous} {
		ended := in.Finished > 0 && in.Finished < f.cleanly.Unix() // in whole seconds: in the same one it may have ended later
		if in.ID == f.place.at.ID && ended {
			f.whole = in.ID
		}
	}
}

// reached is the time of the last line that was read of an instance, or else that of its start; 0: unknown.
func (f *Follower) reached() int64 {
	if c := f.place.cursor; c.Started() {
		return c.Newest()
	}
	return f.place.at.Started * int64(time.Second)
}

// checkBefore reports what was rotated away of an instance before it was read ahead of the API: that its files were to be
// looked at was not known then, and now they would come too late.
func (f *Follower) checkBefore(ctx context.Context, in pods.Instance) {
	if !f.rotates() {
		return
	}
	files, err := f.listed(ctx, in.Restarts)
	if err != nil || len(files.Rotated) == 0 {
		return
	}
	if first, err := f.firstStamp(ctx, files, files.Rotated[0]); err == nil && first != 0 && first < f.place.cursor.First() {
		f.gap(first, f.place.cursor.First(), report.Rotated)
	}
}
