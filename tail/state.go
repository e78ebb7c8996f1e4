package tail

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
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/gofrs/flock"
	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/tail/position"
)

// stateVersion is that of the file's format. The first one knew clusters by their names alone.
const stateVersion = 2

// keptFor is how long places are kept, and when namespaces were heard of, that no run meets.
const keptFor = 30 * 24 * time.Hour

// State keeps the places that were reached in containers' logs in a file, so that a later run goes on there. It is one
// run's: OpenState, Run, Close.
type State struct {
	path  string
	lock  *flock.Flock
	every time.Duration
	log   zerolog.Logger

	homes   map[string]string // of the run's clusters, by their names
	mu      sync.Mutex
	seen    map[string]time.Time          // by home/namespace: when it was last heard of, in this run or before
	loaded  map[containerKey][]savedPlace // that nobody has taken up yet
	tracked map[placeKey]*trackedPlace    // of this run
	written []byte                        // the content of the file
	failed  bool                          // the last try to write the file; it was said
}

// containerKey names a container of a pod. A pod's name can come again, its UID can't.
type containerKey struct{ uid, name string }

// placeKey names a container as a cluster has it; another entry of a kubeconfig may lead to the same.
type placeKey struct {
	cluster string
	containerKey
}

// trackedPlace is the place of a follower.
type trackedPlace struct {
	*follower
	left bool // the pod is not selected any longer
}

// stateFile is the form of the file.
type stateFile struct {
	Version int             `json:"version"`
	Clean   bool            `json:"clean"` // all records up to the places, and no others, were written when the run ended
	Saved   time.Time       `json:"saved"`
	Sum     string          `json:"sum"`
	Content json.RawMessage `json:"content"`
}

// stateContent is what the sum is of.
type stateContent struct {
	Seen   map[string]time.Time `json:"seen"` // by home/namespace: when it was last heard of
	Places []savedPlace         `json:"places"`
}

// savedPlace is a follower's place in the file.
type savedPlace struct {
	Cluster   string    `json:"cluster"`
	Home      string    `json:"home,omitempty"` // of the cluster
	Met       time.Time `json:"met,omitzero"`   // the day when a run last knew of the pod
	Left      bool      `json:"left,omitempty"` // the pod was not selected any longer
	Namespace string    `json:"ns"`
	Pod       string    `json:"pod"`
	UID       string    `json:"uid"`
	Container string    `json:"container"`
	At        string    `json:"at,omitempty"`       // ID of the instance that was read last
	Restarts  int       `json:"restarts,omitempty"` // before it
	Started   int64     `json:"started,omitempty"`  // it
	Done      string    `json:"done,omitempty"`     // ID of the newest instance that was read to its end
	Ended     bool      `json:"ended,omitempty"`    // nothing more was to come
	Begin     string    `json:"begin,omitempty"`    // ID of the instance that since and tail counted for
	Looked    time.Time `json:"looked"`
	Opened    time.Time `json:"opened,omitzero"`

	BeginRestarts int `json:"beginRestarts,omitempty"` // before the instance of Begin

	position.Saved
	Ahead *position.Saved `json:"ahead,omitempty"` // as in place
	Sure  string          `json:"sure,omitempty"`
	Doubt *savedDoubt     `json:"doubt,omitempty"`

	met bool // in this run
}

// savedDoubt is a doubt in the file; the names are its own.
type savedDoubt struct {
	Newest int64  `json:"newest"`
	NS     int64  `json:"ns"`
	Before uint64 `json:"before"`
	After  uint64 `json:"after"`
	Vain   int    `json:"vain,omitempty"`
}

// OpenState opens a file that keeps places, or begins one, for this process alone. Run writes it at every interval. The
// error says what to do.
func OpenState(path string, every time.Duration, log zerolog.Logger) (*State, error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link is to stay one
	}
	s := &State{path: path, every: every, log: log, lock: flock.New(path + ".lock"), tracked: make(map[placeKey]*trackedPlace)}
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
func (s *State) sweep() {
	entries, err := os.ReadDir(filepath.Dir(s.path))
	if err != nil { // which the next access will say
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

// load reads the file, and gives the time when it was written; zero if there is none.
func (s *State) load() (saved time.Time, err error) {
	s.loaded, s.seen = make(map[containerKey][]savedPlace), make(map[string]time.Time)
	data, err := os.ReadFile(s.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	}
	var f stateFile
	if err := json.Unmarshal(data, &f); err != nil {
		return time.Time{}, s.damaged(err)
	}
	if f.Version < 1 || f.Version > stateVersion {
		return time.Time{}, fmt.Errorf("%s has version %d of the format, and this mktail knows %d", s.path, f.Version, stateVersion)
	}
	if sum(f.Content) != f.Sum {
		return time.Time{}, s.damaged(errors.New("its sum is wrong"))
	}
	var content stateContent
	if err := json.Unmarshal(f.Content, &content); err != nil {
		return time.Time{}, s.damaged(err)
	}
	for _, p := range content.Places {
		if p.Met.IsZero() { // in the first version
			p.Met = day(f.Saved)
		}
		if f.Saved.Sub(p.Met) <= keptFor {
			s.loaded[p.of()] = append(s.loaded[p.of()], p)
		}
	}
	for where, at := range content.Seen {
		if f.Saved.Sub(at) <= keptFor {
			s.seen[where] = at
		}
	}
	if !f.Clean {
		s.log.Warn().Msgf("%s: the last run did not end in order: lines that it wrote after %s may come again", s.path, f.Saved.UTC().Format(time.RFC3339))
	}
	return f.Saved, nil
}

func (s *State) damaged(err error) error {
	return fmt.Errorf("%s is damaged, or no state file of mktail: %w", s.path, err)
}

func sum(content []byte) string { return fmt.Sprintf("%016x", xxhash.Sum64(content)) }

// Close writes the file for the last time and lets it go. With written the places are those at the end of the run: all
// records up to them were written. Without, they stay as they were last saved.
func (s *State) Close(written bool) error {
	var err error
	if written {
		err = s.write(s.content(), true, time.Now())
	}
	return errors.Join(err, s.lock.Unlock())
}

// save writes the file again and again until ctx ends.
func (s *State) save(ctx context.Context, out *emit.Output) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, content := time.Now(), s.content()
		if out.Sync(ctx) != nil {
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
func (s *State) write(content []byte, clean bool, saved time.Time) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s: %w", s.path, err)
			return
		}
		s.written = content
	}()
	data, err := json.Marshal(stateFile{stateVersion, clean, saved, sum(content), content})
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

// content is the present content for the file, in an order that follows from it. Places that nobody has taken up stay.
func (s *State) content() []byte {
	s.mu.Lock()
	seen := maps.Clone(s.seen)
	all := make([]savedPlace, 0, len(s.loaded)+len(s.tracked))
	today := day(time.Now())
	for _, places := range s.loaded {
		for _, p := range places {
			if p.met {
				p.Met = today
			}
			all = append(all, p)
		}
	}
	tracked := make([]trackedPlace, 0, len(s.tracked))
	for _, t := range s.tracked {
		tracked = append(tracked, *t)
	}
	s.mu.Unlock()
	for _, t := range tracked {
		p := t.save()
		p.Home, p.Met, p.Left = s.homes[p.Cluster], today, t.left
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b savedPlace) int {
		return cmp.Or(strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Pod, b.Pod),
			strings.Compare(a.UID, b.UID), strings.Compare(a.Container, b.Container))
	})
	data, err := json.Marshal(stateContent{seen, all})
	if err != nil {
		panic(err) // there is nothing in it that has no form
	}
	return data
}

// day is the beginning of a time's day, so that what is noted by days alone changes seldom.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

func (p *savedPlace) of() containerKey { return containerKey{p.UID, p.Container} }
