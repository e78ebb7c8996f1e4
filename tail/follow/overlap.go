package follow

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"mktail/tail/kube"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// noOverlap is called when the first new line of a stream, with stamp ns, came before any of the lines that were seen last. It returns nil
// if the stream is to be read on: lines may be lost to rotation, which was reported.
func (f *Follower) noOverlap(ctx context.Context, in pods.Instance, ns int64) error {
	cursor, was := f.place.cursor, in
	if !in.Previous { // the container may have been restarted, and the API does not know yet
		in.Previous = true
		_, err := f.connect(ctx, in, comparing)
		switch {
		case cursor.Overlap() && err == nil:
			return restarted
		case err != nil && !cursor.Overlap() && (errors.Is(err, noOverlap) || apierrors.IsBadRequest(err) || errors.As(err, new(kube.KubeletError))):
		case err != nil:
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

// missing is called when the log does not hold what comes between the line seen last and the one with stamp ns: that is in rotated
// files, or there is nothing, or it is reported as a gap. It returns what noOverlap does.
func (f *Follower) missing(ctx context.Context, in pods.Instance, ns int64) error {
	cursor := f.place.cursor
	if f.rotates() && !f.backfill.unreported { // else they can't be read
		switch err := f.backfillRotated(ctx, in); {
		case err == nil && !f.backfill.lost:
			f.c.Log.Debug().Msgf("%s: nothing lies between %s and %s", f.name(), gapTime(cursor.Newest()), gapTime(ns))
			cursor.Loosen()
			return nil
		case err != nil && !errors.Is(err, kube.ErrNoFiles):
			return err
		}
	}
	f.backfill.lost, f.backfill.unreported = false, false
	f.gap(cursor.Newest(), ns, report.NoOverlap)
	cursor.Loosen()
	return nil
}
