package tail

import (
	"slices"
	"strings"
	"sync"

	"mktail/tail/report"
)

// startup counts the watches that have not tried to list their pods yet, to report once what there was nothing to follow of:
// who has mistyped a name should not wait in silence. And it reports that the run is ready when all of them have, and what they
// found to follow is being followed; again when that holds of what could not be listed at first.
type startup struct {
	o *Options

	mu        sync.Mutex
	watches   map[string]int // by cluster, those that have not tried to list their pods
	followers int            // of the first lists, that have not tried to open a stream
	ended     bool           // nothing is reported any longer
	listed    []string       // the clusters of which a watch could list its pods
	found     bool           // a watch found a container
	owned     [][]string     // by the owners asked for, the clusters that have pods of them
}

// expect notes that so many more watches of a cluster will list their pods.
func (s *startup) expect(cluster string, watches int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watches[cluster] += watches
}

// untried reports whether a watch of a cluster has not tried to list its pods.
func (s *startup) untried(cluster string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watches[cluster] > 0
}

// follower notes a follower of a first list, which calls the result when it has tried to open a stream.
func (s *startup) follower() (tried func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.followers++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.followers--
		s.reportReady()
	})
}

// end ends the reports: a stream that was not answered in time may be counted after the end of the run.
func (s *startup) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// reportReady reports that everything was tried, when it was. Called with mu held.
func (s *startup) reportReady() {
	if len(s.watches) == 0 && s.followers == 0 && !s.ended {
		s.o.notify(report.Event{Kind: report.Ready})
	}
}

// tried notes that a watch has tried to list its pods, and with what error. Only the first time counts, and the first list that comes
// after failures.
func (s *startup) tried(w *podWatch, err error) {
	late := w.tried
	if late && (w.succeeded || err != nil) {
		return
	}
	w.tried, w.succeeded = true, err == nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if late {
		s.reportReady()
		return
	}
	if err == nil && !slices.Contains(s.listed, w.c.name) {
		s.listed = append(s.listed, w.c.name)
	}
	s.found = s.found || w.pods.following()
	if s.owned == nil {
		s.owned = make([][]string, len(s.o.Owners))
	}
	for i, found := range w.found {
		if maybe := len(w.undecided.lookups) > 0; (found || maybe) && !slices.Contains(s.owned[i], w.c.name) {
			s.owned[i] = append(s.owned[i], w.c.name)
		}
	}
	s.done(w.c.name)
}

// never notes that one of the watches of a cluster that were expected can't list.
func (s *startup) never(cluster string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done(cluster)
}

// done takes note of a watch of a cluster that has tried, and reports what there was nothing of when all have. Called with mu held.
func (s *startup) done(cluster string) {
	defer s.reportReady()
	if s.watches[cluster]--; s.watches[cluster] == 0 {
		delete(s.watches, cluster)
	}
	if len(s.watches) > 0 || len(s.listed) == 0 {
		return
	}
	if s.o.Follow && !s.found {
		s.o.Log.Info().Msg("no container matches yet; waiting for one")
		return
	}
	for i, owner := range s.o.Owners {
		missing := slices.DeleteFunc(slices.Clone(s.listed), func(name string) bool { return slices.Contains(s.owned[i], name) })
		slices.Sort(missing)
		switch {
		case len(missing) == len(s.listed):
			s.o.Log.Info().Msgf("%s has no pods in any cluster", owner)
		case len(missing) > 0:
			s.o.Log.Info().Msgf("%s has pods in %d of %d clusters, none in %s", owner, len(s.owned[i]), len(s.listed), strings.Join(missing, ", "))
		}
	}
}
