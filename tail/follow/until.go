package follow

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"mktail/tail/position"
	"mktail/tail/report"
)

// AwaitRead returns when the log is read as far as it is written by now; when nothing is to be read of it; or when ctx has ended.
// Without progress for as long as patience it gives the log up: then Run reports at its end what is missing up to --until-time. Else
// no problem with the log matters at the end. dropped says that the follower was cancelled meanwhile: another may go on from it.
func (f *Follower) AwaitRead(ctx context.Context, patience time.Duration) (dropped bool) {
	if f.awaitRead(ctx, patience) {
		f.wasRead.Store(true)
	} else if ctx.Err() == nil {
		f.givenUp.Store(true)
	}
	return f.life.dropped.Load()
}

func (f *Follower) awaitRead(ctx context.Context, patience time.Duration) (read bool) {
	tick := time.NewTicker(position.Slack / 2)
	defer tick.Stop()
	var end lineKey // the log's last line now; no stamp: unknown
	at, since := f.progress(), time.Now()
	begun, asked := since, since // asked: since when the end has been asked for in vain
	for {
		if f.resting.Load() {
			return true
		}
		if end.ns == 0 && !at.unstamped {
			asking, cancel := context.WithDeadline(ctx, since.Add(patience))
			last, err := f.logEnd(asking, false, at.last)
			cancel()
			switch {
			case apierrors.IsForbidden(err): // which is reported: nothing is to be had
				return false
			case err == nil && last.ns == 0:
				if p := f.progress(); !p.lost && !p.older { // there is none
					return true
				}
			case err == nil:
				end = lineKey{last.ns, last.last}
			}
		}
		now := f.progress()
		switch {
		case now.unstamped && f.quietSince(begun):
			return true
		case end.ns != 0 && now.passed(end):
			return true
		case end.ns == 0 && !now.unstamped && !now.stalled && time.Since(asked) >= patience: // what comes may be later, whatever its node's clock says
			return false
		case now != at, now.stalled:
			at, since = now, time.Now()
			if now.stalled {
				asked = since
			}
		case time.Since(since) >= patience:
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-f.life.ended:
			return true
		case <-tick.C:
		}
	}
}

// progress is how far a log is read.
type progress struct {
	restarts int
	newest   int64
	last     uint64
	stalled  bool // the output is
	lost     bool // a stream has been opened since, and has not come to it
	older    bool // an instance before the current one is still to be read

	unstamped bool // the lines have no stamps: the last one is not known again
}

func (f *Follower) progress() progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.place
	if p.unstamped != nil {
		return progress{restarts: p.at.Restarts, newest: p.unstamped.Newest(), stalled: f.mu.stalled, unstamped: true}
	}
	return progress{restarts: p.at.Restarts, newest: p.cursor.Newest(), last: p.cursor.Last(), stalled: f.mu.stalled, lost: p.cursor.NoOverlap(), older: f.readsOlder()}
}

// readsOlder reports whether an instance before the current one is still to be read. It is called with the lock held.
func (f *Follower) readsOlder() bool {
	in, ok := f.due()
	now, told := &f.known, f.inbox.current.Load()
	return ok && in.Previous || told != nil && *told != now.Current.ID && *told != now.Previous.ID // which Run has not heard of
}

// passed reports whether a line was read.
func (p progress) passed(l lineKey) bool {
	return p.last == l.hash && p.newest != 0 || p.newest > l.ns+int64(position.Slack)
}

// reportUnread reports the gap up to --until-time of a log that was given up.
func (f *Follower) reportUnread() {
	if !f.givenUp.Load() || f.health.Forbidden() {
		return
	}
	f.c.Stats.Unread.Add(1)
	f.gap(f.reached(), f.c.Options.Until.UnixNano(), report.UntilUnread)
}
