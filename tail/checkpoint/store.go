package checkpoint

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/rs/zerolog"
)

// MaxAge is how long places are kept, and when namespaces were heard of, that no run meets.
const MaxAge = 30 * 24 * time.Hour

// heardSlack is how long before a namespace was last heard of something may have begun that was not reported then.
const heardSlack = 10 * time.Second

// Store keeps places in a file. Many goroutines may use it; Attend comes before all else, and Close last.
type Store struct {
	path  string
	lock  *flock.Flock
	every time.Duration
	log   zerolog.Logger

	homes   map[string]string // of the run's clusters, by their names
	written []byte            // the content of the file
	failed  bool              // the last try to write the file; it was reported

	mu      sync.Mutex
	seen    map[string]time.Time   // by home/namespace: when it was last heard of, in this run or before
	loaded  map[container][]*Place // that nobody has claimed yet
	tracked map[Key]*tracked       // of this run
}

// tracked is a container whose log is read in this run.
type tracked struct {
	snapshot func() (Place, bool) // nil: nobody has begun to read yet
	last     *Place               // what snapshot returned last, or was claimed; nil: nothing
	left     bool                 // the pod is no longer selected
}

// Attend tells the store which clusters the run follows: their names, and what each is known by whatever its name is. Names
// depend on which other clusters there are, so that a cluster may have had another one in the last run.
func (s *Store) Attend(homes map[string]string) {
	if s != nil {
		s.homes = maps.Clone(homes)
	}
}

// Claim returns the place that was reached in a container's log in the last run. ok is false if there is none. From then on
// the place is this run's: Track it, or Drop it.
func (s *Store) Claim(key Key) (last Place, ok bool) {
	if s == nil {
		return Place{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	places := s.loaded[key.container()]
	i := slices.IndexFunc(places, func(p *Place) bool { return p.Cluster == key.Cluster })
	if i < 0 {
		i = slices.IndexFunc(places, func(p *Place) bool { return s.homes[p.Cluster] == "" }) // which no cluster of this run claims
	}
	if i < 0 {
		return Place{}, false
	}
	p := places[i]
	s.remove(p)
	s.tracked[key] = &tracked{last: p}
	return *p, true
}

// Track has the store keep a container's place from now on. snapshot returns it; with false there is no new one to be had
// at the moment, and the one before stands. It is called by the goroutines of Run and Close, until the container is tracked
// anew or dropped.
func (s *Store) Track(key Key, snapshot func() (Place, bool)) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tracked[key]
	if t == nil {
		t = new(tracked)
		s.tracked[key] = t
	}
	t.snapshot, t.left = snapshot, false
}

// Leave notes that a container's pod is no longer selected: what it writes is not missed.
func (s *Store) Leave(key Key) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tracked[key]; t != nil {
		t.left = true
	}
}

// Drop removes the place in the log of a container whose pod is gone.
func (s *Store) Drop(key Key) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tracked, key)
}

// Unclaimed calls keep with each place of a cluster's namespace, or of all with "", that nobody has claimed, and removes
// those for which it returns false.
func (s *Store) Unclaimed(cluster, namespace string, keep func(Place) bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	var all []*Place
	for _, places := range s.loaded {
		for _, p := range places {
			if s.belongs(p, cluster) && (namespace == "" || p.Namespace == namespace) {
				p.met = true
				all = append(all, p)
			}
		}
	}
	s.mu.Unlock()
	for _, p := range all {
		if !keep(*p) {
			s.mu.Lock()
			s.remove(p)
			s.mu.Unlock()
		}
	}
}

// remove takes a place out of those that nobody has claimed; called with mu held.
func (s *Store) remove(p *Place) {
	of := p.container()
	places := slices.DeleteFunc(s.loaded[of], func(q *Place) bool { return q == p })
	if s.loaded[of] = places; len(places) == 0 {
		delete(s.loaded, of)
	}
}

// belongs reports whether a place is of the same cluster as this run's of that name. Another one may have had the name then.
func (s *Store) belongs(p *Place, cluster string) bool {
	home := s.homes[cluster]
	if p.Home != home {
		return false
	}
	return p.Cluster == cluster || s.homes[p.Cluster] != home // else it is that one's
}

// Heard notes that a cluster told how the pods of a namespace stand, or all with "".
func (s *Store) Heard(cluster, namespace string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[s.homes[cluster]+"/"+namespace] = time.Now()
}

// Since returns from when on what is found in a cluster's namespace, or in all with "", is new; zero: no run has looked there
// before.
func (s *Store) Since(cluster, namespace string) time.Time {
	if s == nil {
		return time.Time{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, ok := s.seen[s.homes[cluster]+"/"+namespace]
	if !ok {
		return time.Time{}
	}
	return seen.Add(-heardSlack)
}
