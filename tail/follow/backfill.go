package follow

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"mktail/tail/kube"
	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// backfill is what was read of an instance's rotated files.
type backfill struct {
	begun      bool             // something was looked at
	of         pods.InstanceKey // whose files these are
	upTo       string           // the newest of the files that were read to their ends; empty: there was none
	size       int64            // bytes of it, as far as it was read
	last       uint64           // hash of the line seen last, if they hold it
	head       logline.Line     // the beginning of a line, with its stamp, at the end of that file; the rest is still to come
	lost       bool             // what was seen last is neither in them nor in the log
	replaced   int64            // greatest stamp of what was read before a file whose place an empty one has taken; 0: there is none
	unread     bool             // what was read last was not in that file
	tries      int              // that failed in a row
	failing    time.Time        // when the first of them did
	without    bool             // what comes before the first line could not be read
	unreported bool             // something could not be read, which is to be reported when it is known up to where
}

// Rotated files are given up when reading them has failed maxBackfills times in a row, and for BackfillPatience. Each try may take
// fileLimit.
const (
	BackfillPatience = time.Minute
	maxBackfills     = 4
	fileLimit        = time.Minute
)

// backfillError is why a node's files could not be read this time. It says nothing about the log API.
type backfillError string

// Error names the flag that the files are read for.
func (e backfillError) Error() string { return "--rotated: " + string(e) }

// hasHead reports whether the rest of a line is awaited.
func (b *backfill) hasHead() bool { return len(b.head.Text) > 0 }

// isOf reports whether this is what was read of an instance.
func (b *backfill) isOf(in pods.Instance) bool { return b.begun && b.of.Same(in.Key()) }

// endsInFiles reports whether what was read last of an instance is the end of the newest rotated file that is known: the log has none of it,
// but begins with what comes next, unless it was rotated since.
func (f *Follower) endsInFiles(in pods.Instance) bool {
	b := &f.backfill
	return b.isOf(in) && b.upTo != "" && b.last != 0 && b.last == f.place.cursor.Last()
}

// order puts the names of rotated files in the order in which they were made, as far as that is known. Names are times by the node's
// clock: where it was set back, a file may have a name from before those that were there already.
func (p *place) order(names []string) {
	slices.SortStableFunc(names, func(x, y string) int { return cmp.Compare(p.rank(x), p.rank(y)) })
	p.rotated = slices.Clone(names)
}

// rank is the place of a file among those that were known; behind them if it is a new one.
func (p *place) rank(name string) int {
	if i := slices.Index(p.rotated, name); i >= 0 {
		return i
	}
	return len(p.rotated)
}

// rotates reports whether rotated files are to be read. Their lines can't be told from those of a log without stamps.
func (f *Follower) rotates() bool {
	return f.c.Options.Rotated && f.Node != "" && f.place.unstamped == nil && !f.sendsNone()
}

// backfillRotated reads the lines of an instance's rotated files that were not seen: those between the last line seen, or the first
// one wanted, and the file that is the current one now. It returns nil if there were none: a stream that was opened before goes on
// where the last rotated file ends. It returns backfilled if there were some, and kube.ErrNoFiles if that can't be known.
func (f *Follower) backfillRotated(ctx context.Context, in pods.Instance) error {
	if !f.backfill.isOf(in) {
		f.backfill = backfill{of: in.Key(), begun: true}
	}
	if f.backfill.without && !f.place.cursor.Started() {
		return kube.ErrNoFiles
	}
	err := f.backfillOnce(ctx, in)
	for n := 1; n < maxBackfills && errors.Is(err, errRotated); n++ {
		err = f.backfillOnce(ctx, in)
	}
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

// goWithout reports the gap of rotated files that could not be read or were lost, as far as their lines are wanted, unless it was
// reported. It is called when the first line after them has come, with its stamp, or at the end of the instance.
func (f *Follower) goWithout(ns int64) {
	in := f.place.at
	f.reportReplaced(ns)
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

// backfillOnce is one try of backfillRotated.
func (f *Follower) backfillOnce(ctx context.Context, in pods.Instance) error {
	files, err := f.listed(ctx, in.Restarts)
	if err != nil {
		return err
	}
	f.place.order(files.Rotated)
	newest := files.Newest()
	again := newest == f.backfill.upTo
	if again && !f.backfill.hasHead() {
		longer := false
		if newest != "" {
			if longer, err = f.longer(ctx, files, newest, f.backfill.size); err != nil {
				return err
			}
		}
		if !longer { // then the current file, whose lines were read since, has been emptied, if it does not hold them
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
	if len(names) == 0 || again && f.backfill.hasHead() { // none of their lines is wanted, or there are no more than before
		return nil
	}
	f.reads.window = window{} // those that were tried were for what was read before
	return backfilled
}

// joinHead is called with the stamp of a stream's first line: that may be the rest of the line that the newest rotated file ends with. If so, the
// whole line is read from the files, and the error is backfilled.
func (f *Follower) joinHead(ctx context.Context, in pods.Instance, ns int64) error {
	if !f.backfill.hasHead() {
		return nil
	}
	if err := f.backfillRotated(ctx, in); err != nil && !errors.Is(err, kube.ErrNoFiles) {
		return err
	}
	f.goWithout(ns)
	f.rest = logline.Line{} // is part of the line that has come
	f.endLine()
	return nil
}

// readEnded reads all files of an instance whose log the API does not serve any more, and reports whether they held all of it.
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
	f.place.order(files.Rotated)
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
	f.rest = logline.Line{} // is in the files
	f.endLine()
	return true
}
