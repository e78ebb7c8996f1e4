package follow

import (
	"context"
	"time"

	"mktail/emit"
	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// gap reports that lines between two times, in Unix nanoseconds, may be missing; 0: unknown. While a comparison finds it, it does not wait for
// the output.
func (f *Follower) gap(from, to int64, cause report.GapCause) {
	f.c.Stats.Gaps.Add(1)
	switch cause {
	case report.LogRefused, report.AnswersCut, report.PodDeleted:
		f.unread.add(f.place.at.ID, string(cause.Reason())) // an error that is known explains more
	}
	to = max(from, to)
	g := emit.Gap{From: gapTime(from), To: gapTime(to), Reason: string(cause.Reason())}
	f.c.Log.Warn().Str("cluster", f.c.Name).Str("ns", f.Namespace).Str("pod", f.Pod).Str("container", f.Container).
		Str("from", g.From).Str("to", g.To).Str("reason", g.Reason).Msg("lines may be missing:")
	f.c.Log.Debug().Msgf("%s: the gap was found because %s (%s)", f.name(), cause.Description(), cause)
	e := f.event(report.GapFound)
	e.Gap, e.Cause = &g, cause
	f.c.Notify(e)
	if !f.c.Options.MarkGaps {
		return
	}
	stamp := from
	if from == 0 {
		stamp = to
	}
	f.out.Add(&emit.Record{Stamp: logline.AppendStamp(nil, stamp), Restarts: f.place.at.Restarts, Gap: &g}) // that it fails, the next line shows
	if f.mu.comparing > 0 && !f.mu.over {
		f.flushCompared()
		return
	}
	f.out.Flush()
}

// flushCompared hands over what Compare has put out, unless the output is stalled, or Run waits for it with earlier lines: then the
// next comparison does, or Run.
func (f *Follower) flushCompared() {
	if !f.mu.stalled {
		f.out.TryFlush()
	}
	f.mu.unflushed = f.out.Gathered()
}

func gapTime(ns int64) string {
	if ns == 0 {
		return ""
	}
	return string(logline.AppendStamp(nil, ns))
}

// event makes an event of the follower's container.
func (f *Follower) event(kind report.Kind) report.Event {
	return report.Event{Kind: kind, Cluster: f.c.Name, Namespace: f.Namespace, Pod: f.Pod, UID: string(f.UID), Container: f.Container}
}

// notify sends an event that has no more to say than its kind.
func (f *Follower) notify(kind report.Kind) { f.c.Notify(f.event(kind)) }

// abandon reports that the rest of an instance that has ended can't be read, and goes on to what comes after it. There is
// none if it was followed to its end and has been removed; but if the kubelet has it yet and can't read it, lines may
// have come after that end.
func (f *Follower) abandon(ctx context.Context, in pods.Instance, cause report.GapCause) {
	read := f.readEnded(ctx, in)
	if f.finished(ctx) { // the next run goes on there
		return
	}
	if !read && (!f.readToEnd() || f.refusedForLong(in)) {
		f.rest = logline.Line{} // half a line, if anything
		f.gap(f.reached(), in.End(), cause)
	}
	f.finish(in)
}

// mayHaveRestarted reports whether the container of a pod that is gone may have had an instance that the API has not told of: the last one
// was found to have ended, or was to be followed by another.
func (f *Follower) mayHaveRestarted() bool {
	switch last, now := &f.known, f.known.Current; {
	case now.ID == "":
		return false
	case now.Running:
		return now.ID == f.place.done
	default:
		return !last.Final && !last.Ended && last.Deleting == 0
	}
}

// ReportGone reports a gap if a follower that was cancelled had not read its log to the end: its static pod goes on without the container. It
// waits for the follower's end.
func (f *Follower) ReportGone(ctx context.Context) {
	<-f.life.ended
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.finished(ctx) || f.place.at.ID == f.place.done || f.endedCleanly() {
		return
	}
	f.gap(f.reached(), time.Now().UnixNano(), report.PodDeleted)
}

// drainDeleted reports what was not read of a pod that is gone. There may have been more instances than are known.
func (f *Follower) drainDeleted(ctx context.Context) {
	more := f.mayHaveRestarted()
	for in, ok := f.due(); ok; in, ok = f.due() {
		if f.health.Forbidden() { // which was reported: nothing was to be had
			return
		}
		if !f.enter(ctx, in) {
			return
		}
		if !f.readToEnd() && !f.readEnded(ctx, in) {
			if f.finished(ctx) { // likewise
				return
			}
			if ahead := f.place.ahead; ahead != nil { // the next instance was read
				f.gap(f.reached(), ahead.First(), report.PodDeleted)
				f.finish(in)
				continue
			}
			f.gap(f.reached(), time.Now().UnixNano(), report.PodDeleted)
			return
		}
		f.finish(in)
	}
	if f.endLine(); more {
		f.gap(f.reached(), time.Now().UnixNano(), report.PodDeleted)
	}
}
