package checkpoint

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/gofrs/flock"
	"github.com/rs/zerolog"
)

// version is that of the file's format.
const version = 2

// file is the form of the file.
type file struct {
	Version int             `json:"version"`
	Clean   bool            `json:"clean"` // all records up to the places, and no others, were written when the run ended
	Saved   time.Time       `json:"saved"`
	Sum     string          `json:"sum"`
	Content json.RawMessage `json:"content"`
}

// content is what the sum is of.
type content struct {
	Seen   map[string]time.Time `json:"seen"` // by home/namespace: when it was last heard of
	Places []Place              `json:"places"`
}

// Open opens a file that keeps places, or begins one, for this process alone. Run writes it at every interval. The
// error says what to do. The caller closes the store.
func Open(path string, every time.Duration, log zerolog.Logger) (*Store, error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link is to stay one
	}
	s := &Store{path: path, every: every, log: log, lock: flock.New(path + ".lock"), tracked: make(map[Key]*tracked)}
	switch locked, err := s.lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("locking %s: %w", path, err)
	case !locked:
		return nil, fmt.Errorf("%s is in use by another mktail", path)
	}
	s.sweep()
	saved, err := s.load()
	if err != nil {
		return nil, errors.Join(err, s.lock.Unlock())
	}
	if err := s.write(s.content(), false, saved); err != nil { // until this run has ended in order
		return nil, errors.Join(err, s.lock.Unlock())
	}
	return s, nil
}

// unfinished is the name of what a process that was killed while it wrote the file has left, after that of the file.
var unfinished = regexp.MustCompile(`^\.\d+\.tmp$`)

// sweep removes what other processes have left.
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

// load reads the file, and returns the time when it was written; zero if there is none.
func (s *Store) load() (saved time.Time, err error) {
	s.loaded, s.seen = make(map[container][]*Place), make(map[string]time.Time)
	data, err := os.ReadFile(s.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return time.Time{}, s.damaged(err)
	}
	if f.Version != version {
		return time.Time{}, fmt.Errorf("%s has version %d of the format, and this mktail knows %d", s.path, f.Version, version)
	}
	if sum(f.Content) != f.Sum {
		return time.Time{}, s.damaged(errors.New("its sum is wrong"))
	}
	var c content
	if err := json.Unmarshal(f.Content, &c); err != nil {
		return time.Time{}, s.damaged(err)
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
	if !f.Clean {
		s.log.Warn().Msgf("%s: the last run did not end in order: lines that it wrote after %s may come again", s.path, f.Saved.UTC().Format(time.RFC3339))
	}
	return f.Saved, nil
}

func (s *Store) damaged(err error) error {
	return fmt.Errorf("%s is damaged, or no state file of mktail: %w", s.path, err)
}

func sum(content []byte) string { return fmt.Sprintf("%016x", xxhash.Sum64(content)) }

// Close writes the file for the last time and unlocks it. With written the places are those at the end of the run: all
// records up to them were written. Without, they stay as they were last saved.
func (s *Store) Close(written bool) error {
	var err error
	if written {
		err = s.write(s.content(), true, time.Now())
	}
	return errors.Join(err, s.lock.Unlock())
}

// Run writes the file again and again until ctx ends. sync returns when all that was handed to the output before the call is
// written, or with an error if it will not be: then Run returns, too.
func (s *Store) Run(ctx context.Context, sync func(context.Context) error) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, content := time.Now(), s.content()
		if sync(ctx) != nil {
			return
		}
		if bytes.Equal(content, s.written) {
			continue
		}
		err := s.write(content, false, now)
		if err != nil && !s.failed {
			s.log.Error().Msgf("%s, trying again every %s", err, s.every)
		}
		s.failed = err != nil
	}
}

// write replaces the file, so that there is a whole one whatever happens.
func (s *Store) write(content []byte, clean bool, saved time.Time) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s: %w", s.path, err)
			return
		}
		s.written = content
	}()
	data, err := json.Marshal(file{version, clean, saved, sum(content), content})
	if err != nil {
		return err
	}
	dir := filepath.Dir(s.path)
	f, err := os.CreateTemp(dir, filepath.Base(s.path)+".*.tmp") // for its owner alone
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), s.path); err != nil {
		return err
	}
	if d, err := os.Open(dir); err == nil { // that the new name lasts; not every system can
		d.Sync()
		d.Close()
	}
	return nil
}

// content returns the present content for the file, in an order that follows from it. Places that nobody has claimed stay.
func (s *Store) content() []byte {
	s.mu.Lock()
	c := content{Seen: maps.Clone(s.seen), Places: make([]Place, 0, len(s.loaded)+len(s.tracked))}
	today := day(time.Now())
	for _, places := range s.loaded {
		for _, p := range places {
			kept := *p
			if kept.met {
				kept.Met = today
			}
			c.Places = append(c.Places, kept)
		}
	}
	followed := maps.Clone(s.tracked)
	s.mu.Unlock()
	for _, t := range followed {
		if p, ok := s.place(t); ok {
			p.Home, p.Met = s.homes[p.Cluster], today
			c.Places = append(c.Places, p)
		}
	}
	slices.SortFunc(c.Places, func(a, b Place) int {
		return cmp.Or(strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Pod, b.Pod),
			strings.Compare(a.UID, b.UID), strings.Compare(a.Container, b.Container))
	})
	data, err := json.Marshal(c)
	if err != nil {
		panic(err) // there is nothing in it that has no form
	}
	return data
}

// place returns the present place of a container; ok is false if there is none yet.
func (s *Store) place(t *tracked) (p Place, ok bool) {
	s.mu.Lock()
	snapshot := t.snapshot
	s.mu.Unlock()
	if snapshot != nil { // which may wait for who reads the log, but not for the output
		p, ok = snapshot()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ok {
		t.last = &p
	}
	if t.last == nil {
		return Place{}, false
	}
	p = *t.last
	p.Left = t.left
	return p, true
}

// day is the beginning of a time's day, so that what is noted by days alone changes seldom.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
