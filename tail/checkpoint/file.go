package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/gofrs/flock"
	"github.com/rs/zerolog"
)

// version is that of the file's format. Files of the version before are read, too: their sum is of the content alone.
const version = 3

// file is what the file holds, as JSON.
type file struct {
	Version int             `json:"version"`
	Clean   bool            `json:"clean"` // all records up to the places, and no others, were written when the run ended
	Saved   time.Time       `json:"saved"`
	Sum     string          `json:"sum"` // see sumOf
	Content json.RawMessage `json:"content"`
}

// sumOf returns the sum that a file is to have: xxhash of the other keys in their order, with Content as it stands in the file.
func sumOf(f *file) string {
	d := xxhash.New()
	if f.Version >= version {
		fmt.Fprintf(d, "%d %t %s ", f.Version, f.Clean, f.Saved.UTC().Format(time.RFC3339Nano))
	}
	d.Write(f.Content)
	return fmt.Sprintf("%016x", d.Sum64())
}

// content is the content of the file.
type content struct {
	Seen   map[string]time.Time `json:"seen"` // by home/namespace: when it was last heard of
	Places []Place              `json:"places"`
}

// Open opens a file that keeps places, or makes one, for this process alone: a lock beside it keeps others out. Run writes it
// each time the interval every has passed. Until Close the file says that the run has not ended in order. A file that is
// damaged, or of another version of the format, is an error and stays as it is, and so is what is not a file that can be replaced. An
// empty file is a new one. The caller closes the store.
func Open(path string, every time.Duration, log zerolog.Logger) (*Store, error) {
	path, err := target(path)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path + ".lock"); err == nil && !info.Mode().IsRegular() { // opening a pipe would wait
		return nil, fmt.Errorf("%s.lock is not a regular file", path)
	}
	s := &Store{path: path, every: every, log: log, lock: flock.New(path + ".lock"), wake: make(chan struct{}, 1), tracked: make(map[Key]*tracked)}
	switch locked, err := s.lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("locking %s: %w", path, err)
	case !locked:
		return nil, fmt.Errorf("%s is in use by another mktail", path)
	}
	s.sweep()
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.lock.Unlock())
	}
	if err := s.write(s.content(), false); err != nil { // until this run has ended in order
		return nil, errors.Join(err, s.lock.Unlock())
	}
	return s, nil
}

// target returns the path of the file itself, as a link is to stay one. The file need not exist. What exists must be a regular file,
// as it is replaced, and one that its owner may write to.
func target(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", err
	case info.IsDir():
		return "", fmt.Errorf("%s is a directory", path)
	case info.Mode()&fs.ModeNamedPipe != 0:
		return "", fmt.Errorf("%s is a named pipe, which keeps nothing", path)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is not a regular file", path)
	case info.Mode().Perm()&0o200 == 0:
		return "", fmt.Errorf("%s is read-only", path)
	default:
		return filepath.EvalSymlinks(path)
	}
	for { // it may be a link to a file that is not there yet
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Dir(path) + string(filepath.Separator) + to
		}
		path = to
	}
	if os.IsPathSeparator(path[len(path)-1]) {
		return "", fmt.Errorf("%s is the name of a directory", path)
	}
	return path, nil
}

// unfinished is the name of what a process that was killed while it wrote the file has left, after that of the file.
var unfinished = regexp.MustCompile(`^\.\d+\.tmp$`)

// sweep removes the unfinished files of processes that were killed.
func (s *Store) sweep() {
	entries, err := os.ReadDir(filepath.Dir(s.path))
	if err != nil { // which the next access will report
		return
	}
	for _, e := range entries {
		if rest, ok := strings.CutPrefix(e.Name(), filepath.Base(s.path)); ok && unfinished.MatchString(rest) {
			if err := os.Remove(filepath.Join(filepath.Dir(s.path), e.Name())); err != nil {
				s.log.Debug().Msg(err.Error())
			}
		}
	}
}

// load reads the file, if there is one.
func (s *Store) load() error {
	s.loaded, s.seen, s.clean = make(map[container][]*Place), make(map[string]time.Time), true
	data, err := os.ReadFile(s.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(data) == 0: // as mktemp makes one
		s.log.Debug().Msgf("%s is empty: it is a new one", s.path)
		return nil
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return s.damaged(err)
	}
	if f.Version != version && f.Version != version-1 {
		return fmt.Errorf("%s has version %d of the format, and this mktail knows %d", s.path, f.Version, version)
	}
	if sumOf(&f) != f.Sum {
		return s.damaged(errors.New("its sum is wrong"))
	}
	var c content
	if err := json.Unmarshal(f.Content, &c); err != nil {
		return s.damaged(err)
	}
	for i := range c.Places {
		if p := &c.Places[i]; f.Saved.Sub(p.Met) <= MaxAge {
			s.loaded[p.container()] = append(s.loaded[p.container()], p)
		}
	}
	for where, at := range c.Seen {
		if f.Saved.Sub(at) <= MaxAge {
			s.seen[where] = at
		}
	}
	switch s.saved, s.clean = f.Saved, f.Clean; {
	case f.Clean:
	case f.Saved.IsZero():
		s.log.Warn().Msgf("%s: the last run did not end in order: it had saved nothing, and what it wrote may come again", s.path)
	default:
		s.log.Warn().Msgf("%s: the last run did not end in order: lines that it wrote after %s may come again", s.path, f.Saved.UTC().Format(time.RFC3339))
	}
	return nil
}

func (s *Store) damaged(err error) error {
	return fmt.Errorf("%s is damaged, or no state file of mktail: %w", s.path, err)
}

func sum(content []byte) string { return fmt.Sprintf("%016x", xxhash.Sum64(content)) }

// Close writes the file for the last time and unlocks it. With written all records up to the present places were written, and
// the file says that the run has ended in order. Without, it stays as it was last written; after Hold it says what it did before the run,
// as nothing of that counts.
func (s *Store) Close(written bool) error {
	s.mu.Lock()
	if s.soon != nil {
		s.soon.Stop()
	}
	s.mu.Unlock()
	var err error
	switch {
	case written:
		s.keep(s.take())
		s.saved = time.Now()
		err = s.write(s.content(), true)
	case s.held:
		err = s.write(s.content(), s.clean)
	}
	return errors.Join(err, s.lock.Unlock())
}

// Run writes the file at every interval, if something has changed, until ctx ends. sync returns when all that was handed to the
// output before the call is written, or with an error if it will not be: then Run returns, too. Where the reading of a container
// starts is written at once, as that does not depend on the output. That the file can't be written is logged when it begins, and
// tried again.
func (s *Store) Run(ctx context.Context, sync func(context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	started := make(chan struct{})
	go func() {
		defer close(started)
		s.writeStarts(ctx)
	}()
	defer func() { <-started }()
	defer cancel()
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if s.held {
			s.rewrite(time.Time{})
			continue
		}
		now := time.Now()
		all, lost := s.take()
		if sync(ctx) != nil {
			return
		}
		s.keep(all, lost)
		s.rewrite(now)
	}
}

// writeStarts writes the file whenever that is asked for, but for a tenth of the time at most, until ctx ends.
func (s *Store) writeStarts(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		begun := time.Now()
		s.mu.Lock()
		saved := s.unsaved
		s.unsaved = nil
		s.mu.Unlock()
		s.rewrite(time.Time{})
		close(saved)
		select {
		case <-ctx.Done():
			return
		case <-time.After(9 * time.Since(begun)):
		}
	}
}

// rewrite writes the file if its content has changed. All lines that were handed to the output until the time saved are written; zero:
// nothing is known of that.
func (s *Store) rewrite(saved time.Time) {
	s.writing.Lock()
	defer s.writing.Unlock()
	content := s.content()
	if sum(content) == s.written {
		return
	}
	if !saved.IsZero() {
		s.saved = saved
	}
	err := s.write(content, false)
	if err != nil && !s.failed {
		s.log.Error().Msgf("%s, trying again every %s", err, s.every)
	}
	s.failed = err != nil
}

// write replaces the file in one step, so that there is a whole one whatever happens. The file is its owner's alone.
func (s *Store) write(content []byte, clean bool) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s: %w", s.path, err)
			return
		}
		s.written = sum(content)
	}()
	f := file{Version: version, Clean: clean, Saved: s.saved, Content: content}
	f.Sum = sumOf(&f)
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	dir := filepath.Dir(s.path)
	temp, err := os.CreateTemp(dir, filepath.Base(s.path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}()
	_, err = temp.Write(append(data, '\n'))
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), s.path); err != nil {
		return err
	}
	if d, err := os.Open(dir); err == nil { // so that the new name survives a crash of the system, where it can do that
		d.Sync()
		d.Close()
	}
	return nil
}
