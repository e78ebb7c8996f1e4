package verdict

import (
	"fmt"
	"slices"

	"mktail/tail/report"
)

// clusterSet is what is known of the clusters of a run. It is used under the lock of observed.
type clusterSet struct {
	total    int      // see Options.Clusters
	required int      // see Options.Required
	strict   bool     // see Options.Strict
	named    []string // see Options.Namespaces
	seen     map[string]*clusterEntry
}

// clusterEntry is how much of a cluster can be read.
type clusterEntry struct {
	ever   bool                // its pods could be listed at least once
	up     bool                // its pods can be listed, as far as is known
	down   map[string]struct{} // the parts of it that cannot be read
	denied map[string]string   // by those parts, the namespaces of Options.Namespaces where that is forbidden
	opened bool                // a log of it could be read
}

// whole reports whether all of the cluster can be read, as far as is known.
func (e *clusterEntry) whole() bool { return e.up && len(e.down) == 0 }

func newClusterSet(o Options) clusterSet {
	return clusterSet{total: o.Clusters, required: o.Required, strict: o.Strict, named: o.Namespaces, seen: make(map[string]*clusterEntry)}
}

// of returns the entry of a cluster, a new one if nothing is known of the cluster.
func (s *clusterSet) of(cluster string) *clusterEntry {
	e := s.seen[cluster]
	if e == nil {
		e = &clusterEntry{down: make(map[string]struct{}), denied: make(map[string]string)}
		s.seen[cluster] = e
	}
	return e
}

// up notes that a cluster can be read, and reports whether it is the first time.
func (s *clusterSet) up(cluster string) (first bool) {
	e := s.of(cluster)
	first = !e.ever
	e.ever, e.up = true, true
	return first
}

// part notes that a part of a cluster can or cannot be read.
func (s *clusterSet) part(e report.Event) {
	c := s.of(e.Cluster)
	if e.Kind == report.PartUp {
		delete(c.down, e.Part)
		delete(c.denied, e.Part)
		return
	}
	c.down[e.Part] = struct{}{}
	if e.Forbidden && slices.Contains(s.named, e.Namespace) {
		c.denied[e.Part] = e.Namespace
	}
}

// proven reports whether enough clusters are known to be readable, before all were tried.
func (s *clusterSet) proven() bool {
	return s.count(func(e *clusterEntry) bool { return e.whole() && e.opened || !s.strict && e.ever }) >= s.required
}

// lacking says that fewer clusters can be read than required; empty: enough can.
func (s *clusterSet) lacking() string {
	n := s.count(func(e *clusterEntry) bool { return e.whole() || !s.strict && e.ever })
	if n >= s.required {
		return ""
	}
	return fmt.Sprintf("%d of %s could be read, and %d must be", n, plural(s.total, "cluster"), s.required)
}

// forbidden says that namespaces which were named can't be read; empty: they can, or Options.Strict decides how many clusters must
// be readable.
func (s *clusterSet) forbidden() string {
	if s.strict {
		return ""
	}
	var all []string
	for cluster, e := range s.seen {
		for _, namespace := range e.denied {
			all = append(all, cluster+": namespace "+namespace)
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.Sort(all)
	return firstFew(slices.Compact(all)) + " is named by -n, but forbidden"
}

func (s *clusterSet) count(is func(*clusterEntry) bool) (n int) {
	for _, e := range s.seen {
		if is(e) {
			n++
		}
	}
	return n
}
