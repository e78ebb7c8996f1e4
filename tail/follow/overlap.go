package follow

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"mktail/tail/kube"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// noOverlap is called when a log holds nothing of what was read last; its first line has stamp ns. It returns nil if that is to be read:
// lines may be lost to rotation, which was reported.
func (f *Follower) noOverlap(ctx context.Context, in pods.Instance, ns int64) error {
	cursor, was := f.place.cursor, in
	if !in.Previous { // the container may have been restarted, and the API does not know yet
		in.Previous = true
		_, err := f.connect(ctx, in, comparing)
		switch {
		case cursor.Overlap() && err == nil && f.place.aheadOf == in.ID:
			if held, err := f.previousHolds(ctx, cursor.Last()); err != nil {
				return err
			} else if held {
				return f.mistaken(ctx)
			}
		case cursor.Overlap() && err == nil:
			return restarted
		case err == nil, !cursor.Overlap() && (apierrors.IsBadRequest(err) || errors.As(err, new(kube.KubeletError))): // there is none, or it is another
		case errors.Is(err, errUnanswered):
			f.c.Stats.Errors.Add(1)
			f.c.Log.Warn().Msgf("%s: the node does not answer for the log of the previous instance: going on without", f.name())
		default:
			return err
		}
	}
	f.known.stale = true
	if err := f.refresh(ctx); err != nil {
		return err
	}
	switch {
	case !was.Previous && f.known.Current.ID != was.ID: // it was restarted, and the API knows by now
		return otherInstance
	case was.Previous && f.known.Current.ID != was.ID && f.known.Previous.ID != was.ID: // it was restarted once more, and this is the log of a later instance
		f.abandon(ctx, was, report.RestartedTwice)
		return restarted
	}
	return f.missing(ctx, in, ns)
}

// previousHolds reports whether the log of the previous instance holds the line with this hash. It is called with the lock held, and waits
// with it released.
func (f *Follower) previousHolds(ctx context.Context, hash uint64) (held bool, err error) {
	f.mu.idle(func() {
		_, err = f.each(ctx, f.allOf(true, false), func(_ int64, is uint64, _ int) bool {
			held = held || is == hash
			return !held
		})
	})
	return held, err
}

// mistaken is called when what was taken for read ahead of the present instance is in the previous instance's log. The container has been
// restarted, and the API does not know yet; or the lines were the previous instance's, as it was thought at first, and the node's clock
// was set back. It returns what noOverlap does.
func (f *Follower) mistaken(ctx context.Context) error {
	switch again, err := f.restartedAgain(ctx); {
	case err != nil:
		return err
	case again:
		return restarted
	}
	f.place.cursor, f.place.aheadOf = f.place.cursor.Next(), ""
	return missed
}

// missing is called when the log does not hold what comes between the line seen last and the one with stamp ns: that is in rotated
// files, or there is nothing, or it is reported as a gap. It returns what noOverlap does.
func (f *Follower) missing(ctx context.Context, in pods.Instance, ns int64) error {
	cursor, from := f.place.cursor, f.place.cursor.Newest()
	if begins := f.reads.begins; begins.hash != 0 { // what comes before that is accounted for
		from, f.reads.begins = begins.ns, lineKey{}
	}
	switch lost, err := f.isLost(ctx, in); {
	case err != nil:
		return err
	case lost:
		f.gap(from, ns, report.NoOverlap)
	default:
		f.c.Log.Debug().Msgf("%s: nothing lies between %s and %s", f.name(), gapTime(from), gapTime(ns))
	}
	cursor.Loosen()
	return nil
}

// isLost reports whether what a log no longer holds lies in no rotated file, either, or they can't be read. If so, the caller reports the gap,
// and what was noted of it in the files is dropped. The error is backfilled if some of it was read.
func (f *Follower) isLost(ctx context.Context, in pods.Instance) (lost bool, err error) {
	if f.rotates() && !f.backfill.unreported { // else they can't be read
		switch err := f.backfillRotated(ctx, in); {
		case err == nil && !f.backfill.lost:
			return false, nil
		case err != nil && !errors.Is(err, kube.ErrNoFiles):
			return false, err
		}
	}
	f.backfill.lost, f.backfill.unreported, f.backfill.replaced, f.backfill.unread = false, false, 0, false
	return true, nil
}
