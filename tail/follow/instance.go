package follow

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"mktail/tail/kube"
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

// maxKept is of how many ended instances of a container files are looked for: a kubelet keeps one, unless told.
const maxKept = 10

// enter takes an instance up for reading, and reports what can't be read any more of those before it. Not ok: the run is over.
func (f *Follower) enter(ctx context.Context, in pods.Instance) (ok bool) {
	p := &f.place
	unread := f.separateEarlyRead()
	if p.in(in) {
		return true
	}
	wasReadToEnd := f.readToEnd()
	ended := f.endedCleanly()
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
		from = f.reached()
	case p.at.ID == "" || p.at.ID != p.done || unread:
		first = p.at.Restarts
	}
	f.rest, f.backfill.head = logline.Line{}, logline.Line{}
	// A kubelet that has lost its containers counts their restarts from 0 again: what came between is not known.
	missed := p.begun && p.at.ID != "" && in.Restarts <= p.at.Restarts && (first == p.at.Restarts && !ended || in.Restarts > 0 && f.last.followed != p.at.ID)
	if kept := in.Restarts - maxKept; first < kept {
		first, missed = kept, true
	}
	for n := first; n < in.Restarts; n++ { // their files may be there yet
		it := pods.Instance{Restarts: n, Started: pods.Seconds(from / int64(time.Second))} // whose ID and start nobody knows
		if n != p.at.Restarts || !p.begun {
			p.cursor, p.unstamped, p.head, p.at, p.begun = p.cursor.Next(), nil, 0, it, true // as far as it is read, it need not be read again
		}
		read := f.readEnded(ctx, it)
		if p.cursor.Started() {
			if missed {
				f.gap(from, p.cursor.First(), report.InstancesMissed)
			}
			from, missed = p.cursor.Newest(), false
		}
		missed = missed || !read
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
	p.at, p.begun, p.unstamped, p.head = in, true, nil, 0
	f.poll.end()
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
	f.aheadRest, f.rest = f.rest, logline.Line{} // which comes again with the instance that it is of, unless its log was rotated since
	if p.ahead.First() < later.Begin() {         // in the same second: it may be either's
		p.ahead.Loosen()
	}
	return unread
}

// earlyRead returns the instance whose log may have been read in place of the one before it: the latest that had begun when the
// first line was written. One that began earlier than the one before it, as their node's clock was set back, has earlier lines, too.
// No ID: there is none.
func (f *Follower) earlyRead() pods.Instance {
	p := &f.place
	if !p.begun || p.at.ID != "" && p.at.ID == p.sure || !p.cursor.Started() {
		return pods.Instance{}
	}
	first := p.cursor.First()
	for _, later := range []pods.Instance{f.known.Current, f.known.Previous} {
		switch {
		case p.at.Same(later):
			return pods.Instance{}
		case later.Started == 0 || first < later.Started.Nano():
		case later.Started >= p.at.Started || first < p.at.Started.Nano():
			return later
		}
	}
	return pods.Instance{}
}

// later reports whether a line with stamp ns, which came as one of the previous instance, is later than the start of the current one:
// then the container has been restarted once more, and the kubelet serves the later instance as previous, or the node's clock was set
// back.
func (f *Follower) later(in pods.Instance, ns int64) bool {
	next := f.known.Current
	return in.Previous && next.ID != in.ID && next.Started > 0 && ns >= next.Begin() && f.place.sure != in.ID
}

// makeSure finds out whether the log that is served as that of the previous instance is, if later says that it may not be. Its error may be
// an outcome.
func (f *Follower) makeSure(ctx context.Context, in pods.Instance) error {
	switch again, err := f.restartedAgain(ctx); {
	case err != nil:
		return err
	case again:
		f.abandon(ctx, in, report.RestartedTwice)
		return restarted
	}
	p := &f.place
	if p.sure = in.ID; p.ahead != nil && !p.cursor.Started() { // what was read is this instance's, after all
		p.cursor, p.ahead = p.ahead, nil
		f.rest, f.aheadRest = f.aheadRest, logline.Line{}
		return missed
	}
	return nil
}

// makeSureOfFiles is makeSure by the first line of the rotated files of an instance, before they are read as those of one of which nothing was
// read yet. Where they can't be read, their reading finds that out.
func (f *Follower) makeSureOfFiles(ctx context.Context, in pods.Instance) error {
	if f.place.ahead == nil || f.place.cursor.Started() {
		return nil
	}
	files, err := f.listed(ctx, in.Restarts)
	if err != nil || len(files.Rotated) == 0 {
		return nil
	}
	if first, err := f.firstStamp(ctx, files, files.Rotated[0]); err != nil || first == 0 || !f.later(in, first) {
		return nil
	}
	return f.makeSure(ctx, in)
}

// restartedAgain reports whether the container was restarted once more than was known, which the API tells within a moment.
func (f *Follower) restartedAgain(ctx context.Context) (again bool, err error) {
	was := f.known.Current.ID
	f.mu.idle(func() {
		select {
		case <-time.After(moment):
		case <-ctx.Done():
		}
	})
	f.takeUpdate()
	if f.known.Current.ID != was {
		return true, nil
	}
	p, err := f.ask(ctx)
	switch {
	case kube.IsPodGone(err), apierrors.IsForbidden(err): // then the watch has told all there is
		return false, nil
	case err != nil:
		return false, err
	}
	if st, ok := f.statusIn(p); ok {
		f.learn(st)
	}
	return f.known.Current.ID != was, nil
}

// reached is the time of the last line that was read of an instance, or else that of its start; 0: unknown.
func (f *Follower) reached() int64 {
	switch p := &f.place; {
	case p.unstamped != nil && p.unstamped.Started():
		return p.unstamped.Newest()
	case p.cursor.Started():
		return p.cursor.Newest()
	}
	return f.place.at.Started.Nano()
}

// checkRotatedBefore reports what rotation took of an instance before it was read ahead of the API: that its files were to be
// looked at was not known then, and now they would come too late. What was read may be of another instance, unless one of them holds it:
// then they are read as those of a log of which nothing was.
func (f *Follower) checkRotatedBefore(ctx context.Context, in pods.Instance) {
	if !f.rotates() {
		return
	}
	files, err := f.listed(ctx, in.Restarts)
	if err != nil || len(files.Rotated) == 0 {
		return
	}
	cursor := f.place.cursor
	first, err := f.firstStamp(ctx, files, files.Rotated[0])
	if err != nil || first == 0 || first >= cursor.First() || cursor.Loose() && !f.filesHold(ctx, files, cursor.Last()) {
		return
	}
	cursor.Fasten()
	f.gap(first, cursor.First(), report.RotatedBeforeEarlyRead)
}
