package follow

import (
	"time"

	"mktail/tail/pods"
)

// ending is the evidence of whether an instance was read to its end. The clean end of a stream alone says nothing, as a kubelet or a
// gateway that goes away ends it so, too. But it is the log's end if it comes together with that of the instance: there is hardly a moment
// in which more could have been written.
type ending struct {
	toEnd      bool      // the stream ended cleanly when the instance ended itself
	cleanEOFAt time.Time // when the last stream ended, if it was followed, came as far as was read before, and ended cleanly; else zero
	emptyEOF   bool      // that one had brought nothing and ended at once: the kubelet had nothing to wait for
	lineAt     int64     // when the last new line came of a stream that was followed, in Unix nanoseconds by our clock; 0: unknown
	refused    bool      // the kubelet has no log since
	mayBeStuck bool      // that one may have gone on with an old file of the log: it brought enough for a rotation
	mirrored   bool      // the mirror of the static pod was not known to be deleted then: with it away, the container may have been restarted
	unmirrored bool      // but it was soon after, and has not been made again: that the pod is deleted, too, is told much later
}

// limit is until when what is told may belong to the last clean end.
func (e *ending) limit() time.Time { return e.cleanEOFAt.Add(moment) }

// endedCleanly reports whether nothing shows that the instance has written more than was read: the last stream that was followed has ended
// cleanly, and nothing else has happened since.
func (f *Follower) endedCleanly() bool {
	noFollow, _ := f.ignores(following)
	return f.readToEnd() || !f.reads.cleanEOFAt.IsZero() && !noFollow
}

// noteCleanEnd notes that a stream that was followed has ended cleanly at this time.
func (r *reading) noteCleanEnd(at time.Time) {
	e, p := &r.f.reads.ending, &r.f.place
	if p.started() && !p.caughtUp() && !r.emptied {
		return
	}
	e.cleanEOFAt, e.emptyEOF, e.refused = at, !r.fresh && at.Sub(r.opened) < moment/2, false
	e.mayBeStuck = r.body.Bytes() >= minRotated
	e.mirrored, e.unmirrored = !r.f.inbox.unmirrored.Load(), false
}

// noteRefused notes that the kubelet has no log. That takes nothing from what there was of evidence before it was asked.
func (f *Follower) noteRefused(was ending) {
	f.reads.ending = was
	f.reads.refused = true
	f.noteReadToEnd()
}

// readToEnd reports whether the instance was read to its end by the clean end of a stream. That is no evidence where the node may not follow
// logs, but end each stream at once, as several in a row have ended.
func (f *Follower) readToEnd() bool {
	return f.reads.toEnd && (f.poll.ends < 2 || !f.mayIgnore(following))
}

// surelyReadToEnd is readToEnd where the node is known to follow logs.
func (f *Follower) surelyReadToEnd() bool { return f.reads.toEnd && !f.mayIgnore(following) }

// noteReadToEnd notes whether the instance was read to its end, by what is told now. A pod that is deleted may write for as long as its
// grace period lasts: it has ended if there is no stream to be followed.
func (f *Follower) noteReadToEnd() {
	e := &f.reads.ending
	if e.cleanEOFAt.IsZero() {
		return
	}
	limit := e.limit()
	inTime := time.Now().Before(limit)
	if f.known.Deleting > 0 && (e.emptyEOF || e.refused && inTime) || f.known.gone && (inTime || e.unmirrored) {
		e.toEnd = true
	}
	for _, in := range []pods.Instance{f.known.Current, f.known.Previous} {
		if f.place.in(in) && in.Finished > 0 && (inTime || f.finishedBy(in, limit)) {
			e.toEnd = true
		}
	}
}

// nodeTime returns what a node's clock has reached at least at a time of ours, in Unix nanoseconds. It is behind ours by no more than the time
// from the last line's stamp to its coming, whatever part of it was the way.
func (f *Follower) nodeTime(t time.Time) int64 {
	e, newest := &f.reads.ending, f.place.cursor.Newest()
	if e.lineAt == 0 {
		return newest
	}
	return newest + t.UnixNano() - e.lineAt
}

// finishedBy reports whether an instance had ended at a time of ours, as far as its node's clock can tell.
func (f *Follower) finishedBy(in pods.Instance, t time.Time) bool {
	return f.reads.lineAt != 0 && in.End() <= f.nodeTime(t)
}
