package follow

import (
	"context"
	"errors"
	"time"

	"mktail/tail/kube"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// bridge is what was read of an instance's rotated files.
type backfill struct {
	begun      bool             // something was looked at
	of         pods.InstanceKey // whose files these are
	upTo       string           // the newest of the files that were read to their ends; empty: there was none
	size       int64            // bytes of it, as far as it was read
	last       uint64           // hash of the line seen last, if they hold it
	lost       bool             // what was seen last is neither in them nor in the log
	tries      int              // that failed in a row
	failing    time.Time        // when the first of them did
	without    bool             // what comes before the first line could not be read
	unreported bool             // something could not be read, which is to be reported when it is known up to where
}

// The rotated files may fail to be read for BackfillPatience, and mostBridges times in a row, which may each take fileLimit;
// then it is done without.
const (
	BackfillPatience = time.Minute
	maxBackfills     = 4
	fileLimit        = time.Minute
)

// backfillError is why a node's files could not be read this time. It does not tell what the log API would say, and is none of its.
type backfillError string

func (e backfillError) Error() string { return "--rotated: " + string(e) }

// isOf reports whether this is what was read of an instance.
func (b *backfill) isOf(in pods.Instance) bool { return b.begun && b.of.Same(in.Key()) }

// rotates reports whether rotated files are to be read.
func (f *Follower) rotates() bool { return f.c.Options.Rotated && f.Node != "" }

// mend reads those lines of an instance's rotated files that were not seen, between the last one seen, or those that
// are to come first, and the file that is the current one now. nil says that there was nothing to mend: a stream that
// was opened before goes on where the last rotated file ends. errBridged says that there was, ErrNoFiles that nobody
// knows.
func (f *Follower) backfillRotated(ctx context.Context, in pods.Instance) error {
	if !f.backfill.isOf(in) {
		f.backfill = backfill{of: in.Key(), begun: true}
	}
	if f.backfill.without && !f.place.cursor.Started() {
		return kube.ErrNoFiles
	}
	err := f.backfillOnce(ctx, in)
	if err == nil || errors.Is(err, backfilled) || errors.Is(err, outputEnded) || errors.Is(err, allRead) || errors.Is(err, kube.ErrNoFiles) || ctx.Err() != nil {
		f.backfill.tries = 0
		return err
	}
	if f.backfill.tries++; f.backfill.tries == 1 {
		f.backfill.failing = time.Now()
	}
	if f.backfill.tries < maxBackfills || time.Since(f.backfill.failing) < BackfillPatience {
		return backfillError(kube.Describe(err))
	}
	f.backfill.tries = 0
	f.c.Stats.Errors.Add(1)
	f.c.Log.Warn().Msgf("%s: --rotated: %s; going on without", f.name(), kube.Describe(err))
	f.backfill.without, f.backfill.unreported = !f.place.cursor.Started(), true
	return kube.ErrNoFiles
}

// goWithout reports what could not be read of an instance's rotated files, as far as it is wanted, if nobody has: when a line
// of ns has come, or at the end of the instance. Of what comes after the line seen last, a line that comes tells by itself.
func (f *Follower) goWithout(ns int64) {
	in := f.place.at
	if !f.backfill.unreported || !f.backfill.isOf(in) {
		return
	}
	f.backfill.unreported = false
	from := in.Started.Nano()
	switch {
	case !f.backfill.without:
		from = f.place.cursor.Newest()
	case f.begin.isAt(in.Key()) && f.c.Options.Tail == 0:
		return
	case f.begin.isAt(in.Key()):
		from = max(from, f.cutoff())
	}
	if from < ns {
		f.gap(from, ns, report.FilesUnreadable)
	}
}

func (f *Follower) backfillOnce(ctx context.Context, in pods.Instance) error {
	files, err := f.listed(ctx, in.Restarts)
	if err != nil {
		return err
	}
	newest := files.Newest()
	if newest == f.backfill.upTo {
		longer := false
		if newest != "" {
			if longer, err = f.longer(ctx, files, newest, f.backfill.size); err != nil {
				return err
			}
		}
		if !longer { // then what was read of the current file since has been emptied, if it does not hold that
			f.backfill.lost = f.place.cursor.NoOverlap() && f.place.cursor.Last() != f.backfill.last
			return nil
		}
	}
	names, skip, err := f.wanted(ctx, in, files)
	if err != nil {
		return err
	}
	f.c.Log.Debug().Msgf("%s: reading %d of %d rotated files, up to %s", f.name(), len(names), len(files.Rotated), newest)
	cursor := f.place.cursor
	last := cursor.Last()
	if len(names) > 0 {
		if err := f.readFiles(ctx, files, names, skip); err != nil {
			return err
		}
	}
	f.backfill.upTo, f.backfill.last, f.backfill.lost = newest, 0, cursor.NoOverlap()
	if cursor.CaughtUp() || cursor.Last() != last {
		f.backfill.last = cursor.Last()
	}
	if len(names) == 0 { // none of what is in them is to come
		return nil
	}
	return backfilled
}

// readEnded reads all files of an instance whose log the API does not serve any more, and tells whether all was there.
func (f *Follower) readEnded(ctx context.Context, in pods.Instance) (whole bool) {
	if !f.rotates() {
		return false
	}
	if !f.backfill.isOf(in) {
		f.backfill = backfill{of: in.Key(), begun: true}
	}
	files, err := f.listed(ctx, in.Restarts)
	if err != nil {
		return false
	}
	names, skip, err := f.wanted(ctx, in, files)
	if err != nil {
		return false
	}
	if files.Current != "" { // else it has just been rotated, and nothing was written since
		names = append(names[:len(names):len(names)], files.Current)
	}
	if len(names) == 0 {
		return false
	}
	if err := f.readFiles(ctx, files, names, skip); err != nil && err != allRead {
		f.c.Log.Debug().Msgf("%s: %s", f.name(), kube.Describe(err))
		return false
	}
	return true
}
