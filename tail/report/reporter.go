package report

// Reporter is one goroutine's part in the health of its cluster: it has at most one problem at a time. One goroutine at a time
// uses it. Whoever stops using it calls OK, or its problem lasts.
type Reporter struct {
	health    *Health
	namespace string // of what is read; empty: it is not in one
	problem   Problem
}

// Fail reports that part can't be read because of err. Its kind follows from err; see TroubleOf.
func (r *Reporter) Fail(part string, err error) {
	p := Problem{Part: part, Trouble: TroubleOf(err)}
	switch {
	case p.Trouble.ClusterWide():
		p.Part = ""
	case p.Trouble == Forbidden:
		p.Namespace = r.namespace
	}
	r.Enter(p, err)
}

// Enter reports that the problem is now p, because of err, in place of the one before. The same problem again is news if its cause is
// one that it has not had yet.
func (r *Reporter) Enter(p Problem, err error) {
	if p == r.problem {
		r.health.again(p, err)
		return
	}
	was := r.problem
	r.problem = p
	r.health.begin(p, err)
	if was != (Problem{}) {
		r.health.end(was)
	}
}

// OK reports that there is no problem any more.
func (r *Reporter) OK() {
	if r.Failing() {
		r.health.end(r.problem)
		r.problem = Problem{}
	}
}

// Failing reports whether the reporter has a problem.
func (r *Reporter) Failing() bool { return r.problem != (Problem{}) }

// ClusterWide reports whether the reporter has a problem of the whole cluster.
func (r *Reporter) ClusterWide() bool { return r.problem.Trouble.ClusterWide() }

// Forbidden reports whether the reporter's problem is that reading is forbidden.
func (r *Reporter) Forbidden() bool { return r.problem.Trouble == Forbidden }
