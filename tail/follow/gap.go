package follow

import (
	"context"
	"time"

	"mktail/emit"
	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// gap reports that lines between two times, in Unix nanoseconds, may be missing; 0: unknown.
func (f *Follower) gap(from, to int64, reason report.GapReason) {
	f.c.Stats.Gaps.Add(1)
	to = max(from, to)
	g := emit.Gap{From: gapTime(from), To: gapTime(to), Reason: string(reason)}
	f.c.Log.Warn().Str("cluster", f.c.Name).Str("ns", f.ns).Str("pod", f.pod).Str("container", f.container).
		Str("from", g.From).Str("to", g.To).Str("reason", g.Reason).Msg("lines may be missing:")
	f.notify(report.GapFound, &g)
	if !f.c.Options.MarkGaps {
		return
	}
	stamp := from
	if from == 0 {
		stamp = to
	}
	f.out.Add(emit.Record{Stamp: logline.AppendStamp(nil, stamp), Restarts: f.place.at.Restarts, Gap: &g}) // that it fails, the next line shows
	f.out.Flush()
}

func gapTime(ns int64) string {
	if ns == 0 {
		return ""
	}
	return string(logline.AppendStamp(nil, ns))
}

// giveUp reports that the rest of an instance that has ended can't be read, and goes on to what comes after it. There is
// none if it was followed to its end and has been removed; but if the kubelet has it yet and can't read it, lines may
// have come after that end.
func (f *Follower) giveUp(ctx context.Context, in pods.Instance, reason report.GapReason) {
	read := f.readEnded(ctx, in)
	if f.over(ctx) { // the next run goes on there
		return
	}
	if !read && (f.whole != in.ID || f.refusedForLong(in)) {
		f.rest = logline.Line{} // half a line, if anything
		f.gap(f.reached(), in.End(), reason)
	}
	f.finish(in)
}

// bury reports what was not read of a pod that is gone. There may have been more instances than are known.
func (f *Follower) bury(ctx context.Context) {
	for in, ok := f.due(); ok; in, ok = f.due() {
		if f.health.Forbidden() { // which was said: nothing was to be had
			return
		}
		if !f.enter(ctx, in) {
			return
		}
		if f.whole != in.ID && !f.readEnded(ctx, in) {
			if f.over(ctx) { // likewise
				return
			}
			f.gap(f.reached(), time.Now().UnixNano(), report.LogUnavailable)
			return
		}
		f.finish(in)
	}
	f.endLine()
}
