package follow

import (
	"context"
	"errors"
	"time"

	"mktail/tail/kube"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// moment is how long news of one thing may come apart that reach mktail on different ways: a stream ends a little before the API
// tells that its container has, and a line may take that long.
const moment = 2 * time.Second

// Run reads the log. ctx is the one that the follower was made with. It returns when the container has ended for good or its pod is gone, and all was read that can be; when the
// output has failed or ended; when the follower was cancelled; or when ctx has ended.
func (f *Follower) Run(ctx context.Context) {
	defer f.life.cancel()
	f.readAll(f.life.reading)
	f.notify(report.ContainerClosed)
	f.announceEnd(ctx)
	f.slot.release()
	if f.c.Options.Follow && ctx.Err() == nil { // it has ended, or was dropped: its problem is nobody's now
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
	defer f.out.Flush()
	defer func() { f.mu.over = true }()
	if f.c.Options.Follow { // else the next container is not to begin before this one's end is announced
		defer f.slot.release()
	}
	var retry kube.Backoff
	for {
		in, ok := f.await(ctx, &retry)
		if !ok {
			return
		}
		begun := time.Now()
		if f.begin.firstRequest == 0 {
			f.begin.firstRequest = begun.UnixNano()
		}
		res := f.read(ctx, in, f.mode(in))
		f.known.stale = true
		if res.fresh || time.Since(begun) > kube.Settled {
			retry.Reset()
		}
		if !f.continues(ctx, &retry, in, res) {
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
		if f.known.gone && f.known.stale {
			f.drainDeleted(ctx)
			return in, false
		}
		if in, ok = f.due(); ok {
			// It does not wait for the failures of another instance, or of its own while it ran: its log may soon be removed.
			if !f.place.in(in) || in.Running != f.last.ran {
				retry.Reset()
			}
			f.last.ran = in.Running
			f.announceStart()
			return in, f.enter(ctx, in)
		}
		if f.known.gone || f.known.Final || !f.c.Options.Follow {
			f.endLine()
			return in, false
		}
		if f.known.Ended {
			f.slot.release()
			f.mu.idle(func() { f.announceEnd(ctx) })
		}
		if !f.wait(ctx, nil) {
			return in, false
		}
	}
}

// continues takes the result of a read, and reports whether there may be more to read, perhaps after a while. Else there is
// nothing, or nobody wants it.
func (f *Follower) continues(ctx context.Context, retry *kube.Backoff, in pods.Instance, res result) bool {
	if f.finished(ctx) {
		return false
	}
	switch res.outcome {
	case outputEnded:
		return false
	case allRead:
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
	live := f.mode(in) == live
	switch logGone := f.logGone(res.err, in); {
	case logGone && f.c.Options.Follow && !live:
		f.c.Stats.Errors.Add(1)
		f.c.Log.Debug().Msgf("%s: %s", f.name(), kube.Describe(res.err))
		f.abandon(ctx, in, report.LogRefused)
	case res.err == nil && !live && (f.readWhole(ctx, in, res.fresh) || res.fresh && f.reads.fresh == 1 && !f.c.Options.Follow && f.atEnd(ctx, in)):
		if in.Running { // all that there is now
			if !f.c.Options.Resumable { // else the next run brings the line when it is whole
				f.endLine()
			}
			f.health.OK()
			return false
		}
		f.finish(in)
	case res.err == nil && !f.c.Options.Follow && (res.fresh || f.reads.empty == 1): // don't wait: as a rule, nothing more comes
	default: // a clean end, too, may have come early: see whether there is more
		f.reads.afterError = f.reads.afterError || res.err != nil
		return f.retryAfter(ctx, retry, res.err, true)
	}
	return true
}

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
			f.health.Enter(report.Problem{Part: "logs in namespace " + f.Namespace, Trouble: report.Forbidden}, err)
		case !hopeless && retry.Failures < 3:
		case reading && t == report.Connecting:
			f.health.Enter(report.Problem{Part: "logs on node " + f.Node, Trouble: report.Failing}, err)
		default:
			f.health.Fail("logs on node "+f.Node, err)
		}
		if hopeless {
			return false
		}
	}
	f.streamTried()
	return f.wait(ctx, time.After(delay))
}
