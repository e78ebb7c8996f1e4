package report

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/rs/zerolog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"mktail/tail/kube"
)

// Trouble is a kind of error that keeps a cluster, or a part of it, from being read.
type Trouble string

// The kinds of trouble. The first two are of the whole cluster, whichever part has met them; the others of one part.
const (
	Connecting     Trouble = "connecting"
	Authenticating Trouble = "authenticating"
	Forbidden      Trouble = "forbidden"
	Failing        Trouble = "failing"
)

// TroubleOf returns the kind of an error of a request.
func TroubleOf(err error) Trouble {
	var status apierrors.APIStatus
	switch {
	case apierrors.IsUnauthorized(err):
		return Authenticating
	case apierrors.IsForbidden(err):
		return Forbidden
	case errors.As(err, &status), errors.As(err, new(kube.KubeletError)):
		return Failing
	}
	return Connecting
}

// clusterWide reports whether the whole cluster is in trouble, whichever part has met it.
func (t Trouble) clusterWide() bool { return t == Connecting || t == Authenticating }

// Problem is what keeps a part of a cluster from being read. The zero value is none.
type Problem struct {
	Part    string // what can't be read, as messages call it; empty for the whole cluster
	Trouble Trouble
}

// subject is what a message about the problem begins with.
func (p Problem) subject() string {
	if p.Trouble.clusterWide() {
		return string(p.Trouble)
	}
	return p.Part
}

// Health keeps the problems that a cluster has at the moment. It logs when each begins and ends, once, however many of the
// cluster's goroutines meet it.
type Health struct {
	cluster string
	log     zerolog.Logger
	notify  func(Event)

	mu       sync.Mutex
	notified Kind // ClusterUp or ClusterDown, whichever came last
	problems map[Problem]*occurrence
}

// occurrence is a problem that lasts.
type occurrence struct {
	reporters int    // that have met it
	err       string // the first one's
}

// NewHealth keeps the problems of the cluster that messages call by this name. notify is called with lock held, by many
// goroutines.
func NewHealth(cluster string, log zerolog.Logger, notify func(Event)) *Health {
	return &Health{cluster: cluster, log: log, notify: notify, problems: make(map[Problem]*occurrence)}
}

// Reporter makes the part of one goroutine in the cluster's health.
func (h *Health) Reporter() Reporter { return Reporter{health: h} }

// Up notes that pods could be listed.
func (h *Health) Up() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.report(PartUp, Problem{Trouble: Connecting}, "")
}

// Failed describes the present problems in one line; empty: there are none.
func (h *Health) Failed() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for p, o := range h.problems {
		all = append(all, fmt.Sprintf("%s: %s", p.subject(), o.err))
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

func (h *Health) begin(p Problem, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if o := h.problems[p]; o != nil {
		o.reporters++
		return
	}
	h.problems[p] = &occurrence{1, kube.Describe(err)}
	retrying := ", retrying"
	if errors.Is(err, kube.ErrRefused) {
		retrying = ""
	}
	h.log.Warn().Msgf("%s: %s: %s%s", h.cluster, p.subject(), kube.Describe(err), retrying)
	h.report(PartDown, p, kube.Describe(err))
}

func (h *Health) end(p Problem) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.problems[p]
	if o.reporters--; o.reporters > 0 {
		return
	}
	delete(h.problems, p)
	if p.Trouble.clusterWide() {
		h.log.Info().Msgf("%s: connected", h.cluster)
	} else {
		h.log.Info().Msgf("%s: %s: readable again", h.cluster, p.Part)
	}
	h.report(PartUp, p, "")
}

// report sends the event that a part of the cluster is up or down, or the whole cluster, if that changes.
func (h *Health) report(kind Kind, p Problem, reason string) {
	if p.Trouble.clusterWide() {
		if kind = ClusterDown; reason == "" {
			kind = ClusterUp
		}
		wide := func(p Problem) bool { return p.Trouble.clusterWide() }
		if h.notified == kind || kind == ClusterUp && slices.ContainsFunc(slices.Collect(maps.Keys(h.problems)), wide) {
			return
		}
		h.notified = kind
	}
	h.notify(Event{Kind: kind, Cluster: h.cluster, Part: p.Part, Reason: reason})
}

// Reporter is one goroutine's part in the health of its cluster: it has at most one problem at a time. One goroutine uses it.
type Reporter struct {
	health  *Health
	problem Problem
}

// Fail reports that part can't be read because of err.
func (r *Reporter) Fail(part string, err error) {
	p := Problem{part, TroubleOf(err)}
	if p.Trouble.clusterWide() {
		p.Part = ""
	}
	r.Enter(p, err)
}

// Enter reports that the problem is p, in place of the one before, because of err.
func (r *Reporter) Enter(p Problem, err error) {
	if p == r.problem {
		return
	}
	was := r.problem
	r.problem = p
	r.health.begin(p, err)
	if was != (Problem{}) {
		r.health.end(was)
	}
}

// OK reports that there is no problem.
func (r *Reporter) OK() {
	if r.Failing() {
		r.health.end(r.problem)
		r.problem = Problem{}
	}
}

// Failing reports whether there is a problem.
func (r *Reporter) Failing() bool { return r.problem != (Problem{}) }

// ClusterWide reports whether the problem is one of the whole cluster.
func (r *Reporter) ClusterWide() bool { return r.problem.Trouble.clusterWide() }

// Forbidden reports whether the problem is that reading is forbidden.
func (r *Reporter) Forbidden() bool { return r.problem.Trouble == Forbidden }
