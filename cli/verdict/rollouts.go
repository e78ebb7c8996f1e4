package verdict

import (
	"slices"

	"mktail/tail/report"
)

// rolloutSet is what is known of the rollouts that --until-ready waits for. It is used under the lock of observed.
type rolloutSet struct {
	wanted []string // see Options.Rollouts; empty: rollouts are not waited for
	all    map[string]*rolloutEntry
}

// rolloutEntry is the rollout of a Deployment, StatefulSet or DaemonSet.
type rolloutEntry struct {
	name     string
	owners   []string // see report.Event
	waits    string   // for what; empty: it is complete
	failures []string
}

func rolloutKey(e report.Event) string { return e.Cluster + "/" + e.Namespace + "/" + e.Workload }

func (s *rolloutSet) changed(e report.Event) {
	s.all[rolloutKey(e)] = &rolloutEntry{e.Cluster + ": " + e.Namespace + "/" + e.Workload, e.Owners, e.Reason, e.Failures}
}

func (s *rolloutSet) gone(e report.Event) { delete(s.all, rolloutKey(e)) }

// missing returns which of the workloads that are waited for are not there.
func (s *rolloutSet) missing() (names []string) {
	for _, owner := range s.wanted {
		there := false
		for _, r := range s.all {
			there = there || slices.Contains(r.owners, owner)
		}
		if !there {
			names = append(names, owner)
		}
	}
	return names
}

// waiting returns the rollouts that are not complete, and what each waits for.
func (s *rolloutSet) waiting() (names []string) {
	for _, r := range s.all {
		if r.waits != "" {
			names = append(names, r.name+" is not ready ("+r.waits+")")
		}
	}
	slices.Sort(names)
	return names
}

func (s *rolloutSet) failures() (all []string) {
	for _, r := range s.all {
		for _, failure := range r.failures {
			all = append(all, r.name+": "+failure)
		}
	}
	return all
}

// unmet says what rollouts wait for; empty: all are complete, or nobody waits.
func (s *rolloutSet) unmet() string {
	if len(s.wanted) == 0 {
		return ""
	}
	if waiting := s.waiting(); len(waiting) > 0 {
		return firstFew(waiting)
	}
	if missing := s.missing(); len(missing) > 0 {
		return firstFew(missing) + " was not there"
	}
	return ""
}
