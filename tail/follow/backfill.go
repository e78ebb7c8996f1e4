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

// bridge is what was read of an instance's rotated files.
type bridge struct {
	id      string    // of the instance; empty: nothing was looked at
	upTo    string    // the newest of the files that were read to their ends; empty: there was none
	size    int64     // bytes of it, as far as it was read
	last    uint64    // hash of the line seen last, if they hold it
	lost    bool      // what was seen last is neither in them nor in the log
	tries   int       // that failed in a row
	failing time.Time // when the first of them did
	without bool      // what comes before the first line could not be read
	unsaid  bool      // that something could not be read is to be said when it is known up to where
}

// The rotated files may fail to be read for BackfillPatience, and mostBridges times in a row, which may each take fileLimit;
// then it is done without.
const (
	BackfillPatience = time.Minute
	mostBridges      = 4
	fileLimit        = time.Minute
)

// diskError is why a node's files could not be read this time. It does not tell what the log API would say, and is none of its.
type diskError string

func (e diskError) Error() string { return "--rotated: " + string(e) }

// errBridged says that lines were read from rotated files, so that the log is to be opened anew after them.
var errBridged = errors.New("the log has been rotated")

// rotates tells whether rotated files are to be read.
func (f *Follower) rotates() bool { return f.c.Options.Rotated && f.node != "" }

// mend reads those lines of an instance's rotated files that were not seen, between the last one seen, or those that
// are to come first, and the file that is the current one now. nil says that there was nothing to mend: a stream that
// was opened before goes on where the last rotated file ends. errBridged says that there was, ErrNoFiles that nobody
// knows.
func (f *Follower) mend(ctx context.Context, in pods.Instance) error {
	if f.bridge.id != in.ID {
		f.bridge = bridge{id: in.ID}
	}
	if f.bridge.without && !f.place.cursor.Started() {
		return kube.ErrNoFiles
	}
	err := f.mendOnce(ctx, in)
	if err == nil || errors.Is(err, errBridged) || errors.Is(err, errOutput) || errors.Is(err, errAll) || errors.Is(err, kube.ErrNoFiles) || ctx.Err() != nil {
		f.bridge.tries = 0
		return err
	}
	if f.bridge.tries++; f.bridge.tries == 1 {
		f.bridge.failing = time.Now()
	}
	if f.bridge.tries < mostBridges || time.Since(f.bridge.failing) < BackfillPatience {
		return diskError(kube.Describe(err))
	}
	f.bridge.tries = 0
	f.c.Stats.Errors.Add(1)
	f.c.Log.Warn().Msgf("%s: --rotated: %s; going on without", f.name(), kube.Describe(err))
	f.bridge.without, f.bridge.unsaid = !f.place.cursor.Started(), true
	return kube.ErrNoFiles
}

// goWithout reports what could not be read of an instance's rotated files, as far as it is wanted, if nobody has: when a line
// of ns has come, or at the end of the instance. Of what comes after the line seen last, a line that comes tells by itself.
func (f *Follower) goWithout(ns int64) {
	in := f.place.at
	if !f.bridge.unsaid || f.bridge.id != in.ID {
		return
	}
	f.bridge.unsaid = false
	from := in.Started * int64(time.Second)
	switch {
	case !f.bridge.without:
		from = f.place.cursor.Newest()
	case in.ID == f.begin.id && f.c.Options.Tail == 0:
		return
	case in.ID == f.begin.id:
		from = max(from, f.cutoff())
	}
	if from < ns {
		f.gap(from, ns, report.Rotated)
	}
}

func (f *Follower) mendOnce(ctx context.Context, in pods.Instance) error {
	files, err := f.listed(ctx, in.Restarts)
	if err != nil {
		return err
	}
	newest := files.Newest()
	if newest == f.bridge.upTo {
		longer := false
		if newest != "" {
			if longer, err = f.longer(ctx, files, newest, f.bridge.size); err != nil {
				return err
			}
		}
		if !longer { // then what was read of the current file since has been emptied, if it does not hold that
			f.bridge.lost = f.place.cursor.NoOverlap() && f.place.cursor.Last() != f.bridge.last
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
	f.bridge.upTo, f.bridge.last, f.bridge.lost = newest, 0, cursor.NoOverlap()
	if cursor.CaughtUp() || cursor.Last() != last {
		f.bridge.last = cursor.Last()
	}
	if len(names) == 0 { // none of what is in them is to come
		return nil
	}
	return errBridged
}

// wanted says which rotated files are to be read, and how many lines of the first are not to come.
func (f *Follower) wanted(ctx context.Context, in pods.Instance, files *kube.LogFiles) (names []string, skip int, err error) {
	names = files.Rotated
	cursor, o := f.place.cursor, &f.c.Options
	var since int64
	switch {
	case cursor.Started():
		since = cursor.Since().UnixNano()
	case in.ID != f.begin.id:
		return names, 0, nil
	case o.Tail >= 0:
		return f.last(ctx, files, o.Tail)
	default:
		if since = f.cutoff(); since == 0 {
			return names, 0, nil
		}
	}
	for i := len(names) - 1; i >= 0; i-- { // each file before the first that begins too early has nothing to say
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

// last finds the rotated files that hold what the current one lacks of the last n lines.
func (f *Follower) last(ctx context.Context, files *kube.LogFiles, n int64) (names []string, skip int, err error) {
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

// readFile calls do with the lines of a file that end in it, and returns how many bytes it has. Where it waits for more,
// all lines before have been taken, and settle was called; nil: there is nothing to settle.
func (f *Follower) readFile(ctx context.Context, files *kube.LogFiles, name string, c *logline.CRIScanner, settle func() error, do func(ns int64, text []byte, cut int) error) (size int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := time.AfterFunc(fileLimit, func() { cancel(context.DeadlineExceeded) }) // with a server that says nothing
	defer patience.Stop()
	defer func() {
		if errors.Is(err, context.Canceled) {
			err = context.Cause(ctx)
		}
	}()
	f.mu.Unlock()
	r, err := files.Open(ctx, name)
	f.mu.Lock()
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

// counter counts what is read, and while it waits it lets patience run, and others look at the follower's place.
type counter struct {
	f        *Follower
	r        io.Reader
	n        int64
	settle   func() error // see readFile
	patience *time.Timer
}

func (c *counter) Read(p []byte) (int, error) {
	if c.settle != nil {
		if err := c.settle(); err != nil {
			return 0, err
		}
	}
	c.f.mu.Unlock()
	defer c.f.mu.Lock()
	c.patience.Reset(fileLimit)
	n, err := c.r.Read(p)
	c.patience.Stop()
	c.n += int64(n)
	return n, err
}

// readFiles hands the lines of files that were not seen to the output, but for the first skip ones.
func (f *Follower) readFiles(ctx context.Context, files *kube.LogFiles, names []string, skip int) error {
	cursor := f.place.cursor
	var since int64
	switch {
	case cursor.Started():
		since = cursor.Since().UnixNano()
		cursor.Reopen()
	case f.bridge.id == f.begin.id:
		since = f.cutoff()
		cursor.Clip(skip > 0, since)
	}
	c := logline.NewCRIScanner(f.c.Options.MaxLine, f.c.Pool)
	s := sink{f: f, restarts: files.Restarts}
	defer s.settle()         // an error comes again with the next line
	name, first := "", false // of the file in hand; whether nothing of it was looked at
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
			f.gap(cursor.Newest(), ns, report.Rotated)
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
		if err := s.settle(); err != nil { // while the file is opened, others may look, too
			return err
		}
		size, err := f.readFile(ctx, files, name, c, s.settle, take)
		if err != nil {
			return err
		}
		f.bridge.size = size
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
		f.gap(cursor.Newest(), ns, report.Rotated)
	}
	return err
}

// readEnded reads all files of an instance whose log the API does not serve any more, and tells whether all was there.
func (f *Follower) readEnded(ctx context.Context, in pods.Instance) (whole bool) {
	if !f.rotates() {
		return false
	}
	if f.bridge.id != in.ID {
		f.bridge = bridge{id: in.ID}
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
	if err := f.readFiles(ctx, files, names, skip); err != nil && err != errAll {
		f.c.Log.Debug().Msgf("%s: %s", f.name(), kube.Describe(err))
		return false
	}
	return true
}

func (f *Follower) listed(ctx context.Context, restarts int) (*kube.LogFiles, error) {
	f.mu.Unlock()
	defer f.mu.Lock()
	return f.c.Kube.NodeFiles().List(ctx, kube.ContainerLog{Node: f.node, Namespace: f.ns, Pod: f.pod, Container: f.container, UID: f.logUID}, restarts)
}

func (f *Follower) longer(ctx context.Context, files *kube.LogFiles, name string, size int64) (bool, error) {
	f.mu.Unlock()
	defer f.mu.Lock()
	return files.Longer(ctx, name, size)
}
