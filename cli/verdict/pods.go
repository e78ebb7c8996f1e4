package verdict

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"mktail/emit"
	"mktail/tail/report"
)

// podSet is what is known of the pods of a run, and what still has to match for --until-each. It is used under the lock of
// observed.
type podSet struct {
	each      Each // see Options.UntilEach
	untilDone bool // see Options.UntilDone
	waitPods  int  // see Options.WaitPods

	enough    bool                 // waitPods pods were there at once
	all       map[string]*podEntry // pods that are there; with untilDone, also pods that are gone but had ended
	present   int                  // pods that are there
	alive     int                  // of all, pods that have not ended
	undecided map[string]string    // by podKey, the names of pods of which it is not known whether they are selected
	wanted    map[string]string    // what still has to match: its name by its key
	matched   map[string]bool      // the keys of what has matched
	jobs      jobSet
	rollouts  rolloutSet
}

// podEntry is a pod.
type podEntry struct {
	asked // owners: of the Jobs that can't be read

	keys  []string // of the pod or its containers in podSet.wanted
	ended bool

	job, jobName string       // of the Job that decides in the pod's place, its key and name; empty: there is none
	exit         *report.Exit // of the container of --exit-code-from; nil: it has not ended, or there is none
}

func newPodSet(o Options) podSet {
	return podSet{
		each: o.UntilEach, untilDone: o.UntilDone, waitPods: o.WaitPods,
		all: make(map[string]*podEntry), undecided: make(map[string]string), wanted: make(map[string]string), matched: make(map[string]bool),
		jobs:     jobSet{wanted: queries{o.Jobs, o.Required}, exitsOf: o.ExitCodeFrom, all: make(map[string]*jobEntry)},
		rollouts: rolloutSet{wanted: queries{o.Rollouts, o.Required}, all: make(map[string]*rolloutEntry)},
	}
}

// key returns the key of what has matched if a record of a container matches.
func (s *podSet) key(cluster, uid, container string) string {
	switch s.each {
	case EachCluster:
		return cluster
	case EachPod:
		return cluster + "/" + uid
	}
	return cluster + "/" + uid + "/" + container
}

func podKey(e report.Event) string  { return e.Cluster + "/" + e.UID }
func podName(e report.Event) string { return e.Cluster + ": " + e.Namespace + "/" + e.Pod }

func (s *podSet) clusterUp(cluster string) {
	if s.each == EachCluster {
		s.want(cluster, cluster)
	}
}

func (s *podSet) found(e report.Event) {
	p := &podEntry{asked: asked{cluster: e.Cluster, name: podName(e), owners: e.Owners}}
	if e.JobUID != "" {
		p.job, p.jobName = jobKey(e), jobName(e)
	}
	for _, container := range e.Containers {
		switch key := s.key(e.Cluster, e.UID, container); s.each {
		case EachPod:
			s.want(key, p.name)
			p.keys = append(p.keys, key)
		case EachContainer:
			s.want(key, p.name+"/"+container)
			p.keys = append(p.keys, key)
		}
	}
	s.all[podKey(e)] = p
	s.present++
	s.alive++
	s.enough = s.enough || s.present >= s.waitPods
}

func (s *podSet) ended(e report.Event) {
	if p := s.all[podKey(e)]; p != nil {
		p.ended, p.failures = true, e.Failures
		s.alive--
		for _, exit := range e.Exits {
			if exit.Container == s.jobs.exitsOf {
				p.exit = &exit
			}
		}
	}
}

func (s *podSet) gone(e report.Event) {
	p := s.all[podKey(e)]
	if p == nil {
		return
	}
	s.present--
	for _, key := range p.keys {
		delete(s.wanted, key)
		delete(s.matched, key)
	}
	if !p.ended {
		s.alive--
	}
	p.failures = append(p.failures, e.Failures...)
	if p.ended = p.ended || len(e.Failures) > 0; !p.ended || !s.untilDone {
		delete(s.all, podKey(e))
	}
}

// want notes something that has to match.
func (s *podSet) want(key, name string) {
	if !s.matched[key] {
		s.wanted[key] = name
	}
}

// match notes that a record of src matches, and reports whether that was wanted.
func (s *podSet) match(src emit.Source) (wanted bool) {
	key := s.key(src.Cluster, src.UID, src.Container)
	if _, wanted = s.wanted[key]; wanted {
		delete(s.wanted, key)
		s.matched[key] = true
	}
	return wanted
}

// outcome returns what is decided by all pods, containers or clusters, once all clusters were tried.
func (s *podSet) outcome() outcome {
	switch {
	case len(s.rollouts.failures()) > 0:
		return podFailed
	case s.tooFew(), s.rollouts.unmet() != "", s.ownersAwaited() != "":
		return undecided
	case s.each != "" && len(s.wanted) == 0 && len(s.matched) > 0:
		return succeeded
	case s.done():
		if len(s.failures()) > 0 {
			return podFailed
		}
		return succeeded
	case len(s.rollouts.wanted.all) > 0 && s.each == "" && !s.untilDone:
		return succeeded
	}
	return undecided
}

// done reports whether all pods and Jobs that --until-done waits for have ended.
func (s *podSet) done() bool {
	return s.untilDone && len(s.all)+len(s.jobs.all) > 0 && s.alive == 0 && len(s.jobs.running()) == 0 && len(s.missingJobs()) == 0
}

// tooFew reports whether the pods of --wait-pods were never there at once.
func (s *podSet) tooFew() bool { return s.waitPods > 0 && !s.enough }

// unmet says what the run still waits for; empty: nothing.
func (s *podSet) unmet() string {
	switch {
	case s.tooFew():
		return fmt.Sprintf("%d of %d pods were there", s.present, s.waitPods)
	case s.rollouts.unmet() != "":
		return s.rollouts.unmet()
	case s.ownersAwaited() != "":
		return s.ownersAwaited()
	case s.each != "" && len(s.wanted) > 0:
		return firstFew(s.unmatched()) + " did not match --until"
	case s.untilDone && len(s.running()) > 0:
		return firstFew(s.running()) + " did not end"
	case s.untilDone && len(s.missingJobs()) > 0:
		return firstFew(s.missingJobs())
	case s.each != "" && len(s.matched) == 0, s.untilDone && len(s.all)+len(s.jobs.all) == 0:
		return "no pod was there"
	}
	if s.exitUnknown() {
		return "no container " + s.jobs.exitsOf + " has ended"
	}
	return ""
}

// ownersAwaited is unknownOwners if all pods are waited for, else empty. Those pods are there, and none of them may be left out.
func (s *podSet) ownersAwaited() string {
	if !s.untilDone && s.each != EachPod && s.each != EachContainer {
		return ""
	}
	return s.unknownOwners()
}

// unknownOwners says of which pods it is not known whether they are selected; empty: of none.
func (s *podSet) unknownOwners() string {
	if len(s.undecided) == 0 {
		return ""
	}
	return "the owners of " + firstFew(slices.Sorted(maps.Values(s.undecided))) + " are not known"
}

func (s *podSet) unmatched() (names []string) {
	for _, name := range s.wanted {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// running returns the Jobs and pods that have not ended.
func (s *podSet) running() (names []string) {
	for _, p := range s.all {
		if !p.ended {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return append(s.jobs.running(), names...)
}

// failures returns what failed in Jobs, and in pods that no Job decides for, sorted.
func (s *podSet) failures() []string {
	all := s.rollouts.failures()
	if s.untilDone {
		all = append(all, failuresOf(s.deciding())...)
		slices.Sort(all)
	}
	return all
}

// deciding returns the Jobs, and the pods that no Job decides for.
func (s *podSet) deciding() []*asked {
	all := askedOf(s.jobs.all)
	for _, p := range s.all {
		if p.job == "" {
			all = append(all, &p.asked)
		}
	}
	return all
}

// firstFew joins the first few of many names.
func firstFew(names []string) string {
	const limit = 5
	if more := len(names) - limit; more > 0 {
		names = append(slices.Clone(names[:limit]), fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}
