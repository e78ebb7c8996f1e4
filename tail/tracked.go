package tail

import (
	"slices"
	"time"

	"mktail/tail/kube"
)

// attend tells which clusters the run follows. A nil State keeps nothing; that goes for all that follows.
func (s *State) attend(clusters []Cluster) {
	if s == nil {
		return
	}
	s.homes = make(map[string]string, len(clusters))
	for _, c := range clusters {
		s.homes[c.Name] = c.home()
	}
}

// track keeps a follower's place from now on, and gives that of the last run; not ok if there is none. The cluster may
// have had another name then, as names depend on which others there are.
func (s *State) track(f *follower) (last savedPlace, ok bool) {
	if s == nil {
		return savedPlace{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := f.key()
	s.tracked[key] = &trackedPlace{follower: f}
	places := s.loaded[key.containerKey]
	i := slices.IndexFunc(places, func(p savedPlace) bool { return p.Cluster == key.cluster })
	if i < 0 {
		i = slices.IndexFunc(places, func(p savedPlace) bool { return s.homes[p.Cluster] == "" }) // which no cluster of this run claims
	}
	if i < 0 {
		return savedPlace{}, false
	}
	last = places[i]
	s.take(last)
	return last, true
}

// take takes a place out of those that nobody has taken up.
func (s *State) take(p savedPlace) {
	places := slices.DeleteFunc(s.loaded[p.of()], func(q savedPlace) bool { return q.Cluster == p.Cluster })
	if s.loaded[p.of()] = places; len(places) == 0 {
		delete(s.loaded, p.of())
	}
}

// leave notes that a follower's pod is not selected any longer: what it writes is not missed.
func (s *State) leave(f *follower) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tracked[f.key()]; t != nil {
		t.left = true
	}
}

// drop forgets the place in the log of a container whose pod is gone.
func (s *State) drop(f *follower) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tracked, f.key())
}

// left takes out the places of a cluster's namespace, or of all, that nobody has taken up, and keeps those for which
// keep says so.
func (s *State) left(cluster, namespace string, keep func(savedPlace) bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	var all []savedPlace
	for _, places := range s.loaded {
		for i := range places {
			if p := &places[i]; s.belongs(p, cluster) && (namespace == "" || p.Namespace == namespace) {
				p.met = true
				all = append(all, *p)
			}
		}
	}
	s.mu.Unlock()
	for _, p := range all {
		if !keep(p) {
			s.mu.Lock()
			s.take(p)
			s.mu.Unlock()
		}
	}
}

// belongs tells whether a place is of the same cluster as this run's of that name. Another one may have had the name then.
func (s *State) belongs(p *savedPlace, cluster string) bool {
	home := s.homes[cluster]
	switch {
	case p.Home == "": // in the first version
		return p.Cluster == cluster
	case p.Home != home:
		return false
	}
	return p.Cluster == cluster || s.homes[p.Cluster] != home // else it is that one's
}

// heard notes that a cluster told how the pods of a namespace stand, or all; then it is empty.
func (s *State) heard(cluster, namespace string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[s.homes[cluster]+"/"+namespace] = time.Now()
}

// since is from when on what is found in a cluster is new; zero: no run has looked at that before.
func (s *State) since(cluster, namespace string) time.Time {
	if s == nil {
		return time.Time{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, where := range []string{s.homes[cluster], cluster} { // by the name: in the first version
		if seen, ok := s.seen[where+"/"+namespace]; ok {
			return seen.Add(-kube.Settled)
		}
	}
	return time.Time{}
}
