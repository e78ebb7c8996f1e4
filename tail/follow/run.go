package follow

import (
	"context"
	"errors"
	"time"

	"mktail/tail/kube"
	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// moment is how long news of one thing may come apart that reach mktail on different ways: a stream ends a little before the API
// tells that its container has, and a line may take that long.
const moment = 2 * time.Second

// Run reads the log. ctx is the one that the follower was made with. It returns when the container has ended for good or its pod is
// gone, and all was read that can be; when the output has failed or ended; when the follower was cancelled; or when ctx has ended.
func (f *Follower) Run(ctx context.Context) {
	defer f.life.cancel()
	f.saveStart(f.life.reading)
	if f.readAll(f.life.reading); !f.current && (f.finished(ctx) || !f.c.Options.Follow && !f.life.dropped.Load()) {
		f.c.leave(&f.Target)
	}
	f.notify(report.ContainerClosed)
	f.announceEnd(ctx)
	f.slot.release()
	if f.c.Options.Follow && (ctx.Err() == nil || f.wasRead.Load()) { // it has ended, or was dropped: its problem is nobody's now
		f.health.OK()
	}
}

// readAll reads all instances.
//
// Its frames stay small, and those of what it calls to read: most followers of a run wait there, each on a stack of its own.
func (f *Follower) readAll(ctx context.Context) {
	defer close(f.life.ended)
	defer func() {
		if ctx.Err() == nil {
			f.streamTried()
		}
	}()
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.out.End()
	defer func() {
		f.reportUnread()
		f.mu.over = true
	}()
	if f.c.Options.Follow { // else the next container is not to begin before this one's end is announced
		defer f.slot.release()
	}
	var retry kube.Backoff
	for {
		in, ok := f.await(ctx, &retry)
		if !ok {
			return
		}
		begun, mode := time.Now(), f.mode(in)
		f.current = false
		res := f.read(ctx, in, mode)
		f.current = f.current && f.finished(ctx)
		f.known.stale = mode != catchingUp || res.err != nil
		if !f.last.atOnce && (res.fresh || mode == live && f.last.opened && time.Since(begun) > kube.Settled) {
			retry.Reset()
		}
		if !f.continues(ctx, &retry, in, mode, res) {
			return
		}
	}
}

// await returns the instance that is to be read next, when there is one. Not ok: there will be none, or ctx has ended.
func (f *Follower) await(ctx context.Context, retry *kube.Backoff) (in pods.Instance, ok bool) {
	for {
		if err := f.refresh(ctx); err != nil {
			if !f.retryAfter(ctx, retry, err, false) {
				return in, false
			}
			continue
		}
		if ctx.Err() != nil {
			return in, false
		}
		if f.known.gone && (f.known.stale || f.mayHaveRestarted()) {
			f.drainDeleted(ctx)
			f.current = true
			return in, false
		}
		if in, ok = f.due(); ok {
			// It does not wait for the failures of another instance, or of its own while it ran: its log may soon be removed.
			if !f.place.in(in) || in.Running != f.last.ran {
				retry.Reset()
			}
			f.last.ran = in.Running
			f.announceStart()
			f.announceRestart(ctx, in)
			return in, f.enter(ctx, in)
		}
		f.current = true
		if f.known.gone || f.known.Final || !f.c.Options.Follow {
			f.endLine()
			return in, false
		}
		if f.known.Ended {
			f.slot.release()
			f.mu.idle(func() { f.announceEnd(ctx) })
		}
		if !f.waitResting(ctx, nil) {
			return in, false
		}
	}
}

// continues takes the result of a read, and reports whether there may be more to read, perhaps after a while. Else there is
// nothing, or nobody wants it.
func (f *Follower) continues(ctx context.Context, retry *kube.Backoff, in pods.Instance, mode mode, res result) bool {
	if f.finished(ctx) {
		return false
	}
	switch res.outcome {
	case outputEnded:
		return false
	case allRead:
		f.current = true
		f.health.OK()
		return false
	case restarted:
		f.reads.refusedSince = time.Time{}
		f.finish(in)
		f.known.stale = true
		return true
	case jumped, otherInstance, backfilled:
		f.reads.refusedSince = time.Time{}
		return true
	}
	err, whole := res.err, false
	f.reads.idle++
	if mode == toEnd && err == nil && res.outcome != missed {
		if whole, err = f.readWhole(ctx, in, res.fresh); whole {
			err = nil
		}
	}
	f.noteUnread(in, res, err)
	switch logGone := f.logGone(err, in); {
	case logGone && f.c.Options.Follow && mode == toEnd:
		f.c.Stats.Errors.Add(1)
		f.c.Log.Debug().Msgf("%s: %s", f.name(), kube.Describe(err))
		f.abandon(ctx, in, report.LogRefused)
	case f.unanswered(in, err) && f.c.Options.Follow:
		f.c.Log.Warn().Msgf("%s: the node does not answer for the log of the previous instance: going on with the current one", f.name())
		if !f.place.started() { // half a line is all that came
			f.rest = logline.Line{}
		}
		f.abandon(ctx, in, report.LogRefused)
	case err == nil && mode == polled && res.outcome != missed:
		f.current = true
		return f.awaitNews(ctx, retry, in, res.fresh)
	case whole && in.Running: // all that there is now
		if f.c.State == nil { // else the next run brings the line when it is whole
			f.endLine()
		}
		f.current = true
		f.health.OK()
		return false
	case whole:
		if err := f.refresh(ctx); err != nil {
			return f.retryAfter(ctx, retry, err, false)
		}
		now := &f.known
		mistaken := !in.Previous && f.earlyRead().ID != ""
		if (in.ID == now.Current.ID || in.ID == now.Previous.ID || now.gone) && !mistaken { // else what was read may be of a later instance
			f.finish(in)
		}
	case err == nil && mode != live && f.reads.idle < maxIdleReads, res.outcome == missed && f.reads.idle < maxIdleReads:
	case f.removed(err):
		return f.retryAfter(ctx, retry, nil, true) // that the container has ended is not told yet
	default: // a clean end, too, may have come early: see whether there is more
		if mode == live && res.outcome != missed && f.unfollowed(ctx, retry, in, res) {
			return f.awaitNews(ctx, retry, in, res.fresh)
		}
		return f.retryAfter(ctx, retry, err, true)
	}
	return true
}

// maxIdleReads is how many reads in a row may bring nothing before there is a delay between them: as a rule the next one brings
// something, or proves that there is nothing more.
const maxIdleReads = 24

// finished reports whether nothing more is to be read: then what was not read is no gap.
func (f *Follower) finished(ctx context.Context) bool { return ctx.Err() != nil || f.c.Out.Ended() }

// retryAfter waits before the next try, after a failure or, with nil, after a stream that ended too early. It reports what
// fails when that is no passing thing. reading says that it was the log, not the API that was asked for the pod: then
// the cluster need not be away. False: give up.
func (f *Follower) retryAfter(ctx context.Context, retry *kube.Backoff, err error, reading bool) bool {
	if ctx.Err() != nil { // which is no failure
		return false
	}
	delay := retry.Delay(err, f.c.Jitter)
	if err != nil {
		f.c.Stats.Errors.Add(1)
		f.c.Log.Debug().Msgf("%s: %s", f.name(), kube.Describe(err))
		hopeless := !f.c.Options.Follow && retry.Hopeless(err) && !errors.As(err, new(backfillError)) // which ends by itself
		switch t := report.TroubleOf(err); {
		case t == report.Forbidden:
			f.health.Enter(report.Problem{Part: "logs in namespace " + f.Namespace, Trouble: report.Forbidden, Namespace: f.Namespace}, err)
		case !hopeless && retry.Failures < 3 && delay < kube.Settled && !kube.Lasts(err):
		case reading && t == report.Connecting:
			f.health.Enter(report.Problem{Part: "logs on node " + f.Node, Trouble: report.Failing}, err)
		default:
			f.health.Fail("logs on node "+f.Node, err)
		}
		if hopeless {
			f.unread.set(f.place.at.ID, kube.Describe(err))
			return false
		}
	}
	f.streamTried()
	return f.wait(ctx, time.After(delay))
}
