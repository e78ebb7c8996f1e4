package verdict

import (
	"cmp"
	"fmt"
	"slices"

	"mktail/tail/report"
)

// jobSet is what is known of the Jobs whose ends --until-done waits for. It is used under the lock of observed.
type jobSet struct {
	wanted  queries // see Options.Jobs
	byPods  bool    // somewhere Jobs can't be read, and pods decide
	all     map[string]*jobEntry
	exitsOf string // see Options.ExitCodeFrom
}

// jobEntry is a Job.
type jobEntry struct {
	asked
	ended bool // it is Complete or Failed, or was deleted before
}

func jobKey(e report.Event) string  { return e.Cluster + "/" + e.JobUID }
func jobName(e report.Event) string { return e.Cluster + ": job " + e.Namespace + "/" + e.Job }

func (s *jobSet) found(e report.Event) {
	if s.all[jobKey(e)] == nil {
		s.all[jobKey(e)] = &jobEntry{asked: asked{cluster: e.Cluster, name: jobName(e), owners: e.Owners}}
	}
}

func (s *jobSet) ended(e report.Event) {
	if j := s.all[jobKey(e)]; j != nil {
		j.ended, j.failures = true, e.Failures
	}
}

// gone notes that a Job was deleted. One that had not ended has failed, unless it was deleted before the run looked.
func (s *jobSet) gone(e report.Event) {
	switch j := s.all[jobKey(e)]; {
	case j == nil, j.ended:
	case len(e.Failures) > 0:
		j.ended, j.failures = true, e.Failures
	default:
		delete(s.all, jobKey(e))
	}
}

// missingJobs says which of the Jobs that are waited for have not been there. Where Jobs can't be read their pods show it.
func (s *podSet) missingJobs() []string {
	if s.jobs.byPods && len(s.all)+len(s.jobs.all) == 0 { // then it is pods that are missing
		return nil
	}
	return missingOf(s.jobs.wanted, s.deciding())
}

// running returns the Jobs that have not ended.
func (s *jobSet) running() (names []string) {
	for _, j := range s.all {
		if !j.ended {
			names = append(names, j.name)
		}
	}
	slices.Sort(names)
	return names
}

// attempt returns what failed in a pod of a Job, which may be tried again: a message for each failure.
func (s *podSet) attempt(e report.Event) (messages []string) {
	p := s.all[podKey(e)]
	if p == nil || p.job == "" || !s.untilDone {
		return nil
	}
	for _, failure := range e.Failures {
		messages = append(messages, fmt.Sprintf("%s: pod %s failed: %s", p.jobName, e.Pod, failure))
	}
	return messages
}

// exitCode returns the exit code of the container of --exit-code-from. Of a Job that is Complete the pods that succeeded count, of one
// that has Failed those that failed. Of several containers a failure goes before a success, and then the one that ended last counts; of
// those that ended in the same second, which is all that the API tells, the greater code. Not known: none has ended.
func (s *podSet) exitCode() (code int, known bool) {
	var last report.Exit
	later := func(a, b report.Exit) int {
		return cmp.Or(compareBool(a.Code != 0, b.Code != 0), a.At.Compare(b.At), cmp.Compare(a.Code, b.Code))
	}
	for _, p := range s.all {
		if p.exit == nil {
			continue
		}
		if j := s.jobs.all[p.job]; p.job != "" && (j == nil || len(j.failures) > 0 != (len(p.failures) > 0)) {
			continue
		}
		if !known || later(*p.exit, last) > 0 {
			last, known = *p.exit, true
		}
	}
	if code = last.Code; code < 0 || code > 255 { // as on Windows; a process has eight bits
		code = 255
	}
	return code, known
}

// exitUnknown reports whether nothing has failed, and no container of the name that --exit-code-from gives has ended.
func (s *podSet) exitUnknown() bool {
	_, known := s.exitCode()
	return s.jobs.exitsOf != "" && !known && len(s.failures()) == 0
}

// compareBool compares as cmp.Compare does: false is less than true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
