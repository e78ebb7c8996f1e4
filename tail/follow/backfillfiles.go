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
	all := files.Rotated
	if files.Current != "" {
		all = append(all[:len(all):len(all)], files.Current)
	}
	for i := len(all) - 1; i >= 0; i-- {
		if n <= 0 {
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

// readFiles hands the lines of files that were not seen to the output, except for the first skip lines.
func (f *Follower) readFiles(ctx context.Context, files *kube.LogFiles, names []string, skip int) error {
	cursor := f.place.cursor
	var since int64
	switch {
	case cursor.Started():
		since = cursor.Since().UnixNano()
		cursor.Reopen()
	case f.begin.isAt(f.backfill.of):
		since = f.cutoff()
		cursor.Clip(skip > 0, since)
	}
	c := logline.NewCRIScanner(f.c.Options.MaxLine, f.c.Pool)
	s := sink{f: f, restarts: files.Restarts}
	defer s.settle()         // an error comes again with the next line
	name, first := "", false // of the present file; whether none of its lines was looked at
	take := func(ns int64, text []byte, cut int) error {
		if first {
			first = false
			if err := f.overwritten(ctx, files, name, ns); err != nil {
				return err
			}
		}
		if skip > 0 {
			skip--
			return nil
		}
		if ns < since {
			return nil
		}
		v := cursor.Add(ns, position.Hash(ns, text, cut))
		if v == position.NoOverlap {
			f.gap(cursor.Newest(), ns, report.FilesNoOverlap)
			cursor.Loosen()
			v = cursor.Add(ns, position.Hash(ns, text, cut))
		}
		if v == position.Repeat {
			return nil
		}
		return s.put(ns, nil, text, cut)
	}
	for _, name = range names {
		first = true
		if err := s.settle(); err != nil { // the lock is released while the file is opened
			return err
		}
		size, err := f.readFile(ctx, files, name, c, s.settle, take)
		if err != nil {
			return err
		}
		f.backfill.size = size
		f.c.Log.Debug().Msgf("%s: %s has %d bytes; at %s", f.name(), name, size, gapTime(cursor.Newest()))
	}
	if ns, text, cut, ok := c.Rest(); ok {
		return take(ns, text, cut)
	}
	return nil
}

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
