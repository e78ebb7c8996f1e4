package checkpoint

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/rs/zerolog"
)

// MaxAge is how long places are kept in the file that no run knows the pods of, and times of namespaces that no run looks at.
const MaxAge = 30 * 24 * time.Hour

// heardSlack is how long before a cluster last told about a namespace something may have begun that it had not told of then.
const heardSlack = 10 * time.Second

// Store keeps places in a file. Many goroutines may use it, but SetClusters comes before all else, and Close last.
type Store struct {
	path  string
	lock  *flock.Flock
	every time.Duration
	log   zerolog.Logger

	homes   map[string]string // of the run's clusters, by name
	written []byte            // the content of the file
	failed  bool              // the file could not be written the last time, which was logged

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

// SetClusters tells the store which clusters the run follows: by name, the home that identifies each. Names depend on which
// other clusters there are, so that a cluster may have had another name in the last run.
func (s *Store) SetClusters(homes map[string]string) {
	if s != nil {
		s.homes = maps.Clone(homes)
	}
}

// Claim returns the place that was reached in a container's log in the last run. Not ok: there is none. From then on the place is
// this run's: Track it, or Drop it.
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

// Track has the store keep the place in a container's log from now on, which snapshot returns; if that returns false, the last
// one stands. snapshot is called by the goroutines of Run and Close, until Track is called for the container again, or Drop.
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

// Unclaimed calls keep with each place of a cluster's namespace, or with "" of all its namespaces, that nobody has claimed, and
// removes those for which keep returns false. keep may call methods of the store.
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

// remove takes a place out of those that nobody has claimed. The caller holds mu.
func (s *Store) remove(p *Place) {
	of := p.container()
	places := slices.DeleteFunc(s.loaded[of], func(q *Place) bool { return q == p })
	if s.loaded[of] = places; len(places) == 0 {
		delete(s.loaded, of)
	}
}

// belongs reports whether a place is of the cluster that has this name in this run. Another one may have had the name in the last.
func (s *Store) belongs(p *Place, cluster string) bool {
	home := s.homes[cluster]
	if p.Home != home {
		return false
	}
	return p.Cluster == cluster || s.homes[p.Cluster] != home // else it is that one's
}

// Heard notes that a cluster has told now about the pods of a namespace, or with "" of all.
func (s *Store) Heard(cluster, namespace string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[s.homes[cluster]+"/"+namespace] = time.Now()
}

// Since returns the time after which what began in a cluster's namespace, or with "" in any, was not known to the last run; zero:
// no run has looked there before.
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
