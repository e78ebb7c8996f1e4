package verdict

import (
	"slices"

	"mktail/tail/report"
)

// rolloutSet is what is known of the rollouts that --until-ready waits for. It is used under the lock of observed.
type rolloutSet struct {
	wanted queries // see Options.Rollouts; none: rollouts are not waited for
	all    map[string]*rolloutEntry
}

// rolloutEntry is the rollout of a Deployment, StatefulSet or DaemonSet.
type rolloutEntry struct {
	asked
	waits string // for what; empty: it is complete
}

func rolloutKey(e report.Event) string { return e.Cluster + "/" + e.Namespace + "/" + e.Workload }

func (s *rolloutSet) changed(e report.Event) {
	s.all[rolloutKey(e)] = &rolloutEntry{asked{e.Cluster, e.Cluster + ": " + e.Namespace + "/" + e.Workload, e.Owners, e.Failures}, e.Reason}
}

func (s *rolloutSet) gone(e report.Event) { delete(s.all, rolloutKey(e)) }

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

// failures returns what failed in the rollouts that are waited for.
func (s *rolloutSet) failures() []string {
	if len(s.wanted.all) == 0 {
		return nil
	}
	return failuresOf(askedOf(s.all))
}

// unmet says what rollouts wait for; empty: all are complete, or nobody waits.
func (s *rolloutSet) unmet() string {
	if len(s.wanted.all) == 0 {
		return ""
	}
	if waiting := s.waiting(); len(waiting) > 0 {
		return firstFew(waiting)
	}
	return firstFew(missingOf(s.wanted, askedOf(s.all)))
}
