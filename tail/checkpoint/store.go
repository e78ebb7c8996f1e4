package checkpoint

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/rs/zerolog"

	"mktail/tail/position"
)

// MaxAge is how long places are kept in the file that no run knows the pods of, and times of namespaces that no run looks at.
const MaxAge = 30 * 24 * time.Hour

// heardSlack is how long before a cluster last told about a namespace something may have begun that it had not told of then.
const heardSlack = 10 * time.Second

// Store keeps places in a file. Many goroutines may use it, but Hold and SetClusters come before all else, and Close last.
type Store struct {
	path  string
	lock  *flock.Flock
	every time.Duration
	log   zerolog.Logger

	held  bool              // see Hold
	clean bool              // the last run ended in order, or there was none
	homes map[string]string // of the run's clusters, by name
	wake  chan struct{}     // holds something when unsaved is not nil

	writing sync.Mutex // held while the file is written
	written string     // the sum of the file's content
	saved   time.Time  // since when lines were written that the file knows nothing of; zero: since ever
	failed  bool       // the file could not be written the last time, which was logged

	mu      sync.Mutex
	soon    *time.Timer            // calls save; nil: it does not
	unsaved chan struct{}          // closed when the places that Start keeps now are in the file; nil: they are
	seen    map[string]time.Time   // by home/namespace: when it was last heard of, in this run or before
	loaded  map[container][]*Place // that nobody has claimed yet
	tracked map[Key]*tracked       // of this run
}

// tracked is a container whose log is read in this run.
type tracked struct {
	snapshot func() (Place, bool) // nil: nobody reads yet, or any longer
	last     *Place               // what snapshot returned last, or was claimed; nil: nothing
	kept     *Place               // what the file is to hold: all lines up to it are written; nil: nothing
	starts   int32                // how often kept was set by Start
	left     bool                 // the pod is no longer selected
	gone     bool                 // the pod is gone: the file needs no place when all lines are written
}

// Hold has Close alone write what was reached. Until then the file has the places that the run starts from: all that a run which
// is closed without success has written comes again.
func (s *Store) Hold() { s.held = true }

// SetClusters tells the store which clusters the run follows: by name, the home that identifies each. Names depend on which
// other clusters there are, so that a cluster may have had another name in the last run.
func (s *Store) SetClusters(homes map[string]string) {
	if s != nil {
		s.homes = maps.Clone(homes)
	}
}

// Claim returns the place that was reached in a container's log in the last run. Not ok: there is none. From then on the place is
// this run's: Track it, or Drop it. uid is the pod's, by which earlier versions of mktail have kept the places of static pods, too.
func (s *Store) Claim(key Key, uid string) (last Place, ok bool) {
	if s == nil {
		return Place{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	places := s.loaded[key.container()]
	if key.Pod != uid {
		places = slices.Concat(places, s.loaded[container{uid, key.Container}])
	}
	places = slices.DeleteFunc(slices.Clone(places), func(p *Place) bool { return p.UID != uid && p.Home != s.homes[key.Cluster] })
	i := slices.IndexFunc(places, func(p *Place) bool { return p.Cluster == key.Cluster })
	if i < 0 {
		i = slices.IndexFunc(places, func(p *Place) bool { return s.homes[p.Cluster] == "" }) // which no cluster of this run claims
	}
	if i < 0 {
		return Place{}, false
	}
	p := places[i]
	s.remove(p)
	s.tracked[key] = &tracked{last: p, kept: p}
	return *p, true
}

// Track has the store keep the place in a container's log from now on, which snapshot returns; if that returns false, the last
// one stands. snapshot is called at once, and then by the goroutines of Run and Close, until Track is called for the container
// again, or Drop. What it returns at once is where the reading starts, unless there is a place already: it is in the file soon.
func (s *Store) Track(key Key, snapshot func() (Place, bool)) {
	if s == nil {
		return
	}
	start, ok := snapshot()
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tracked[key]
	if t == nil || t.gone {
		t = new(tracked)
		s.tracked[key] = t
	}
	if t.snapshot, t.left = snapshot, false; t.kept == nil && ok {
		t.last, t.kept = &start, &start
		if s.soon == nil {
			s.soon = time.AfterFunc(soon, func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.soon = nil
				s.save()
			})
		}
	}
}

// soon is how long after Track the file holds the place. The next run knows new containers even without, by their age, but for the
// clocks of nodes.
const soon = time.Second

// Start has the file hold the place where the reading of a tracked container starts, before anything is read: a run that is killed
// soon after that is the next one's to go on with. It returns when the place is in the file, or can't be written, or ctx has ended.
func (s *Store) Start(ctx context.Context, key Key, start Place) {
	if s == nil {
		return
	}
	s.mu.Lock()
	t := s.tracked[key]
	if t == nil {
		s.mu.Unlock()
		return
	}
	t.last, t.kept = &start, &start
	t.starts++
	saved := s.save()
	s.mu.Unlock()
	select {
	case <-saved:
	case <-ctx.Done():
	}
}

// save has Run write the file soon, and returns what is closed then. The caller holds mu.
func (s *Store) save() (saved <-chan struct{}) {
	if s.unsaved == nil {
		s.unsaved = make(chan struct{})
		s.wake <- struct{}{}
	}
	return s.unsaved
}

// Finish keeps the last place in a container's log, which is not read any longer, and lets go of who has read it.
func (s *Store) Finish(key Key) {
	if s == nil {
		return
	}
	s.mu.Lock()
	t := s.tracked[key]
	var snapshot func() (Place, bool)
	if t != nil {
		snapshot = t.snapshot
	}
	s.mu.Unlock()
	if snapshot == nil {
		return
	}
	last, ok := snapshot()
	if last.Ended && last.Done == last.At { // it is not read again
		last.Begin, last.BeginRestarts = "", 0
		last.Unstamped, last.Saved = nil, position.Saved{First: last.First, Newest: last.Newest, Last: last.Last}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.snapshot = nil; ok {
		t.last = &last
	}
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

// Drop removes the place in the log of a container whose pod is gone, when all that was read of it is written.
func (s *Store) Drop(key Key) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tracked[key]; t != nil {
		t.snapshot, t.gone = nil, true
	}
}

// Unclaimed calls keep with each place of a cluster's namespace, or with "" of all its namespaces, that nobody has claimed, and
// removes those for which keep returns false, when all that was put out meanwhile is written. keep may call methods of the store.
func (s *Store) Unclaimed(cluster, namespace string, keep func(Place) bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	var all []*Place
	for _, places := range s.loaded {
		for _, p := range places {
			if !p.lost && s.belongs(p, cluster) && (namespace == "" || p.Namespace == namespace) {
				p.met = true
				all = append(all, p)
			}
		}
	}
	s.mu.Unlock()
	for _, p := range all {
		if !keep(*p) {
			s.mu.Lock()
			p.lost = true
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

// Heard notes that a cluster told at this time about the pods of a namespace, or with "" of all. What it told of is tracked by now.
func (s *Store) Heard(cluster, namespace string, at time.Time) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	where := s.homes[cluster] + "/" + namespace
	if _, known := s.seen[where]; !known {
		s.save()
	}
	s.seen[where] = at
}

// Forget forgets when a cluster last told about a namespace that is gone.
func (s *Store) Forget(cluster, namespace string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen, s.homes[cluster]+"/"+namespace)
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
