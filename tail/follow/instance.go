package follow

import (
	"context"
	"time"

	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// due returns which instance is to be read next: one that has ended and is now served as "previous", or the current
// one. Not ok: none.
func (f *Follower) due() (in pods.Instance, ok bool) {
	current, previous := f.known.Current, f.known.Previous
	if !f.place.in(current) && !f.c.Options.States.Has(f.known.State) { // but one that has ended is, if that is asked for
		if !f.c.Options.States.Has(pods.Terminated) {
			return pods.Instance{}, false
		}
		current = previous
	}
	switch {
	case current.ID == "" || current.ID == f.place.done:
		return pods.Instance{}, false
	case previous.ID != "" && previous.ID != f.place.done && !f.place.in(current):
		return previous, true
	}
	return current, true
}

// enter takes an instance up for reading, and reports what can't be read any more of those before it. Not ok: the run is over.
func (f *Follower) enter(ctx context.Context, in pods.Instance) (ok bool) {
	p := &f.place
	unread := f.separateEarlyRead()
	if p.in(in) {
		return true
	}
	wasReadToEnd := f.reads.toEnd
	f.reads = reads{}
	f.reportSuspected()
	from, first := f.reached(), p.at.Restarts+1 // the first instance that is missing
	switch {
	case !p.begun && f.begin.createdAt.IsZero():
		first = in.Restarts
	case !p.begun:
		from, first = f.begin.createdAt.UnixNano(), f.begin.preexisting.Restarts
	case wasReadToEnd:
		f.endLine()
	case p.at.ID == "" || p.at.ID != p.done || unread:
		first = p.at.Restarts
	}
	f.rest = logline.Line{}
	missed := false
	for n := first; n < in.Restarts; n++ { // their files may be there yet
		it := pods.Instance{Restarts: n} // whose ID nobody knows
		if n != p.at.Restarts || !p.begun {
			p.cursor, p.at, p.begun = p.cursor.Next(), it, true // as far as it is read, it need not be read again
		}
		missed = !f.readEnded(ctx, it) || missed
	}
	switch {
	case first < in.Restarts && f.finished(ctx): // the next run goes on there
		return false
	case missed:
		f.gap(from, in.Begin(), report.InstancesMissed)
	}
	switch {
	case p.ahead == nil:
		p.cursor = p.cursor.Next()
	case in.ID == p.aheadOf:
		p.cursor, p.ahead = p.ahead, nil
		f.checkRotatedBefore(ctx, in)
	case p.aheadOf != f.known.Current.ID: // that instance is gone
		p.cursor, p.ahead = p.ahead.Next(), nil
	}
	p.at, p.begun = in, true
	return true
}

// separateEarlyRead sets apart what was read as the log of an instance, but may be that of a later one, by its times: the
// kubelet knows of a restart before the API does. The later one is then read from where it is, and the other one, if
// that is possible, from its first line, unless its log proves to hold what was read. unread reports that nothing of what was read
// can be of the instance that it was read for.
func (f *Follower) separateEarlyRead() (unread bool) {
	p := &f.place
	if p.ahead != nil {
		if p.cursor.Shared() {
			p.ahead, p.sure = nil, p.at.ID
		}
		return false
	}
	later := f.earlyRead()
	if later.ID == "" {
		return false
	}
	unread = p.cursor.First() >= later.Begin() || p.cursor.Newest() >= p.at.End()
	p.ahead, p.aheadOf = p.cursor, later.ID
	p.cursor = p.ahead.Next()
	if p.ahead.First() < later.Begin() { // in the same second: it may be either's
		p.ahead.Loosen()
	}
	return unread
}

// earlyRead returns the instance whose log may have been read in place of the one before it: the latest that had begun when the
// first line was written. No ID: there is none.
func (f *Follower) earlyRead() pods.Instance {
	p := &f.place
	if !p.begun || p.at.ID != "" && p.at.ID == p.sure || !p.cursor.Started() {
		return pods.Instance{}
	}
	for _, later := range []pods.Instance{f.known.Current, f.known.Previous} {
		switch {
		case p.at.Same(later):
			return pods.Instance{}
		case later.Started != 0 && p.cursor.First() >= later.Started.Nano():
			return later
		}
	}
	return pods.Instance{}
}

// noteReadToEnd notes that the stream of an instance ended when the instance did: then it was followed to its end. The clean
// end of a stream alone says nothing, but it does together with the end of the container or the pod before that. A pod
// that is deleted may write for as long as its grace period lasts; it has ended if there is no stream to be followed.
func (f *Follower) noteReadToEnd() {
	c, r := f.place.cursor, &f.reads
	if r.cleanEOFAt.IsZero() || c.Started() && !c.CaughtUp() {
		return
	}
	if f.known.gone && time.Since(r.cleanEOFAt) < moment || f.known.Deleting > 0 && r.emptyEOF {
		r.toEnd = true
	}
	for _, in := range []pods.Instance{f.known.Current, f.known.Previous} {
		ended := in.Finished > 0 && int64(in.Finished) < r.cleanEOFAt.Unix() // in whole seconds: in the same one it may have ended later
		if f.place.in(in) && ended {
			r.toEnd = true
		}
	}
}

// reached is the time of the last line that was read of an instance, or else that of its start; 0: unknown.
func (f *Follower) reached() int64 {
	if c := f.place.cursor; c.Started() {
		return c.Newest()
	}
	return f.place.at.Started.Nano()
}

// checkRotatedBefore reports what rotation took of an instance before it was read ahead of the API: that its files were to be
// looked at was not known then, and now they would come too late.
func (f *Follower) checkRotatedBefore(ctx context.Context, in pods.Instance) {
	if !f.rotates() {
		return
	}
	files, err := f.listed(ctx, in.Restarts)
	if err != nil || len(files.Rotated) == 0 {
		return
	}
	if first, err := f.firstStamp(ctx, files, files.Rotated[0]); err == nil && first != 0 && first < f.place.cursor.First() {
		f.gap(first, f.place.cursor.First(), report.RotatedBeforeEarlyRead)
	}
}
