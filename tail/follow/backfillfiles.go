package follow

import (
	"context"
	"errors"
	"io"
	"time"

	"mktail/tail/kube"
	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/position"
	"mktail/tail/report"
)

// wanted returns the rotated files that are to be read, and how many lines of the first one are not wanted.
func (f *Follower) wanted(ctx context.Context, in pods.Instance, files *kube.LogFiles) (names []string, skip int, err error) {
	names = files.Rotated
	cursor, o := f.place.cursor, &f.c.Options
	var since int64
	switch {
	case cursor.Started():
		since = cursor.Since().UnixNano()
	case !f.begin.isAt(in.Key()):
		return names, 0, nil
	case o.Tail >= 0:
		return f.lastFiles(ctx, files, o.Tail)
	default:
		if since = f.cutoff(); since == 0 {
			return names, 0, nil
		}
	}
	for i := len(names) - 1; i >= 0; i-- { // files before one that begins early enough hold nothing that is wanted
		first, err := f.firstStamp(ctx, files, names[i])
		if err != nil {
			return nil, 0, err
		}
		if first != 0 && first <= since {
			return names[i:], 0, nil
		}
	}
	return names, 0, nil
}

// lastFiles finds the rotated files that hold what the current one lacks of the last n lines.
func (f *Follower) lastFiles(ctx context.Context, files *kube.LogFiles, n int64) (names []string, skip int, err error) {
	all := files.All()
	for i := len(all) - 1; i >= 0; i-- {
		if n < 0 || i == len(all)-1 && n == 0 { // of no lines left the first may yet begin in the file before
			break
		}
		var count int64
		err := f.eachLine(ctx, files, all[i], func(int64, []byte, int) error {
			count++
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
		n -= count
		if i < len(files.Rotated) {
			names = files.Rotated[i:]
		}
	}
	return names, int(max(-n, 0)), nil
}

// errEnough ends the reading of a file.
var errEnough = errors.New("enough")

// firstStamp is the time of a file's first line; 0: it has none.
func (f *Follower) firstStamp(ctx context.Context, files *kube.LogFiles, name string) (first int64, err error) {
	err = f.eachLine(ctx, files, name, func(ns int64, _ []byte, _ int) error {
		first = ns
		return errEnough
	})
	if err == errEnough {
		err = nil
	}
	return first, err
}

// filesHold reports whether one of the files, the current one included, holds the line with this hash.
func (f *Follower) filesHold(ctx context.Context, files *kube.LogFiles, hash uint64) bool {
	for _, name := range files.All() {
		err := f.eachLine(ctx, files, name, func(ns int64, text []byte, cut int) error {
			if position.Hash(ns, text, cut) == hash {
				return errEnough
			}
			return nil
		})
		if err == errEnough {
			return true
		}
	}
	return false
}

// eachLine calls do with the lines of one file.
func (f *Follower) eachLine(ctx context.Context, files *kube.LogFiles, name string, do func(ns int64, text []byte, cut int) error) error {
	c := logline.NewCRIScanner(f.c.Options.MaxLine, f.c.Pool)
	_, err := f.readFile(ctx, files, name, c, nil, do)
	return err
}

// readFile calls do with the lines of a file that end in it, and returns how many bytes it has. Before it waits for more it calls
// settle, unless that is nil; do has been called with all lines before.
func (f *Follower) readFile(ctx context.Context, files *kube.LogFiles, name string, c *logline.CRIScanner, settle func() error, do func(ns int64, text []byte, cut int) error) (size int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := time.AfterFunc(fileLimit, func() { cancel(context.DeadlineExceeded) }) // with a server that does not answer
	defer patience.Stop()
	defer func() {
		if errors.Is(err, context.Canceled) {
			err = context.Cause(ctx)
		}
	}()
	var r io.ReadCloser
	f.mu.idle(func() { r, err = files.Open(ctx, name) })
	if err != nil {
		return 0, err
	}
	defer r.Close()
	counted := &counter{f: f, r: r, settle: settle, patience: patience}
	c.Open(counted)
	defer c.Close()
	for {
		ns, text, cut, err := c.Next()
		switch {
		case err == io.EOF:
			return counted.n, nil
		case err != nil:
			return counted.n, err
		}
		if err := do(ns, text, cut); err != nil {
			return counted.n, err
		}
	}
}

// counter counts what is read. While it waits, patience runs, and the follower's lock is released.
type counter struct {
	f        *Follower
	r        io.Reader
	n        int64
	settle   func() error // see readFile
	patience *time.Timer
}

// Read reads from the file.
func (c *counter) Read(p []byte) (n int, err error) {
	if c.settle != nil {
		if err := c.settle(); err != nil {
			return 0, err
		}
	}
	c.patience.Reset(fileLimit)
	c.f.mu.idle(func() { n, err = c.r.Read(p) })
	c.patience.Stop()
	c.n += int64(n)
	return n, err
}

// readFiles hands the lines of files that were not seen to the output, except for the first skip lines. names are the last of the rotated
// files, with which the current one may be.
func (f *Follower) readFiles(ctx context.Context, files *kube.LogFiles, names []string, skip int) error {
	cursor := f.place.cursor
	loose := cursor.Loose()
	if loose { // they may hold what was read last all the same: then what comes before it was read, too
		cursor.Fasten()
		defer func() {
			if cursor.NoOverlap() {
				cursor.Loosen()
			}
		}()
	}
	all := files.Rotated
	if len(names) > 0 && names[len(names)-1] == files.Current {
		all = files.All()
	}
	for {
		begins, err := f.readNew(ctx, files, names, skip, len(names) < len(all))
		switch {
		case err != nil && err != missed:
			return err
		case err == nil && (!cursor.NoOverlap() || begins == 0):
			return nil
		case len(names) < len(all): // the node's clock was set: it says nothing about which files come before others
			names = all
		default: // what was read last is in none of them
			if !loose { // else it is in another log, or that gap was reported
				f.gap(cursor.Newest(), begins, report.FilesNoOverlap)
			}
			cursor.Loosen()
		}
	}
}

// readNew is readFiles, without lines that come before what was seen. cut says that the first file is not the log's first. begins is the
// stamp of the first line; 0: there is none. The error is missed if it can't be told which lines were seen.
func (f *Follower) readNew(ctx context.Context, files *kube.LogFiles, names []string, skip int, cut bool) (begins int64, err error) {
	cursor := f.place.cursor
	var since int64
	switch {
	case cursor.Started():
		cursor.Reopen(cut)
		cursor.Pass()
	case f.begin.isAt(f.backfill.of):
		if since = f.cutoff(); skip > 0 || since != 0 {
			cursor.Clip()
		}
	}
	c := logline.NewCRIScanner(f.c.Options.MaxLine, f.c.Pool)
	s := sink{f: f, restarts: files.Restarts}
	defer s.settle()         // an error comes again with the next line
	name, first := "", false // of the present file; whether none of its lines was looked at
	take := func(ns int64, text []byte, cut int) error {
		reported := f.reportReplaced(ns)
		if first && !reported {
			if err := f.overwritten(ctx, files, name, ns); err != nil {
				return err
			}
		}
		first = false
		if begins == 0 {
			begins = ns
		}
		if skip > 0 {
			skip--
			return nil
		}
		if ns < since {
			return nil
		}
		if err := f.between(text); err != nil {
			return err
		}
		switch cursor.Add(ns, position.Hash(ns, text, cut)) {
		case position.NoOverlap:
			return missed
		case position.Repeat:
			return nil
		}
		f.rest = logline.Line{} // it was not an end, if this line follows
		return s.put(ns, nil, text, cut)
	}
	for _, name = range names {
		first = true
		if err := s.settle(); err != nil { // the lock is released while the file is opened
			return begins, err
		}
		size, err := f.readFile(ctx, files, name, c, s.settle, take)
		if err != nil {
			return begins, err
		}
		f.backfill.size = size
		if first && name != files.Current && size < max(1, files.MaxSize) && cursor.Started() && !cursor.NoOverlap() {
			f.backfill.replaced, f.backfill.unread = cursor.Newest(), size == 0 && cursor.CaughtUp()
		}
		if size == 0 && name != files.Current {
			if _, _, _, begun := c.Rest(); begun { // how that line goes on is lost
				f.rest = logline.Line{}
			}
		}
		f.c.Log.Debug().Msgf("%s: %s has %d bytes; at %s", f.name(), name, size, gapTime(cursor.Newest()))
	}
	f.backfill.head = logline.Line{}
	ns, text, cutOff, ok := c.Rest()
	if !ok {
		return begins, nil
	}
	first = false
	whole, rest, err := f.restOf(ctx, files, name, logline.Line{Text: text, Cut: cutOff})
	switch {
	case err != nil:
		return begins, err
	case rest.hash != 0:
		hash := position.Hash(ns, whole.Text, whole.Cut)
		if ns < since {
			cursor.Add(ns, hash)
		} else if err := take(ns, whole.Text, whole.Cut); err != nil {
			return begins, err
		}
		if cursor.Last() == hash {
			cursor.AddRest(rest.ns, rest.hash)
		}
	case ns >= since:
		f.rest = logline.Line{} // is the same
		f.backfill.head = logline.Line{Text: append(append(logline.AppendStamp(nil, ns), ' '), text...), Cut: cutOff}
	}
	return begins, nil
}

// restOf completes a line that begins at the end of a file, and goes on in the current one. It returns what the rest is known by, which the
// log API serves as a line of its own; no hash: it has not been written.
func (f *Follower) restOf(ctx context.Context, files *kube.LogFiles, name string, l logline.Line) (whole logline.Line, rest lineKey, err error) {
	if name == files.Current || files.Current == "" {
		return l, rest, nil
	}
	err = f.eachLine(ctx, files, files.Current, func(ns int64, more []byte, moreCut int) error {
		rest = lineKey{ns, position.Hash(ns, more, moreCut)}
		kept := min(len(more), f.c.Options.MaxLine-len(l.Text))
		l.Text = append(l.Text, more[:kept]...)
		l.Cut += len(more) - kept + moreCut
		return errEnough
	})
	if err != nil && err != errEnough {
		return l, rest, err
	}
	again, err := f.listed(ctx, files.Restarts)
	if err == nil && again.Newest() != files.Newest() {
		err = errRotated
	}
	return l, rest, err
}

// errRotated is why files can't be read in the order in which they were listed.
var errRotated = errors.New("the log was rotated while its files were read")

// overwritten reports the file that was lost before one that begins at ns. A kubelet that rotates a log twice within a
// second gives both files the same name (rotateLatestLog in its container_log_manager.go), so that the second one takes the
// place of the first. It is too small to have been rotated, since the kubelet took the first one's size for its.
func (f *Follower) overwritten(ctx context.Context, files *kube.LogFiles, name string, ns int64) error {
	cursor := f.place.cursor
	if name == files.Current || files.MaxSize == 0 || !cursor.Started() || cursor.NoOverlap() || ns-cursor.Newest() < Jump {
		return nil
	}
	size, err := f.readFile(ctx, files, name, logline.NewCRIScanner(f.c.Options.MaxLine, f.c.Pool), nil, func(int64, []byte, int) error { return nil })
	if err == nil && size < files.MaxSize {
		f.gap(cursor.Newest(), ns, report.FileOverwritten)
	}
	return err
}

// reportReplaced is overwritten for a file without a line, when the first line after it has come, with its stamp, or at the end of the
// instance.
func (f *Follower) reportReplaced(ns int64) (reported bool) {
	b := &f.backfill
	reported = b.replaced != 0 && (b.unread || ns-b.replaced >= Jump)
	if reported {
		f.gap(b.replaced, ns, report.FileOverwritten)
	}
	b.replaced, b.unread = 0, false
	return reported
}

// listed lists the files of the instance with so many restarts before it.
func (f *Follower) listed(ctx context.Context, restarts int) (files *kube.LogFiles, err error) {
	f.mu.idle(func() {
		files, err = f.c.Kube.NodeFiles().List(ctx, kube.ContainerLog{Node: f.Node, Namespace: f.Namespace, Pod: f.Pod, Container: f.Container, UID: f.LogUID}, restarts)
	})
	return files, err
}

// longer reports whether a file has more than size bytes by now.
func (f *Follower) longer(ctx context.Context, files *kube.LogFiles, name string, size int64) (longer bool, err error) {
	f.mu.idle(func() { longer, err = files.Longer(ctx, name, size) })
	return longer, err
}
