package report

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/rs/zerolog"

	"mktail/tail/kube"
)

// Health keeps the problems that a cluster has at the moment. It logs when each begins and ends, once, however many of the
// cluster's goroutines meet it, and sends the events of that. Many goroutines may use it.
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
	reporters int      // that have met it
	err       string   // the one that was logged last
	causes    []string // of the errors that were logged
}

// maxCauses is how many causes of a problem are logged.
const maxCauses = 5

// NewHealth makes the health of the cluster that messages and events call by this name; it has no problem yet. notify is called
// by many goroutines, one at a time, which wait for it; it must not call methods of the Health or its Reporters.
func NewHealth(cluster string, log zerolog.Logger, notify func(Event)) *Health {
	return &Health{cluster: cluster, log: log, notify: notify, problems: make(map[Problem]*occurrence)}
}

// Reporter makes the reporter of one goroutine, which reads something in a namespace; empty: it is not in one.
func (h *Health) Reporter(namespace string) Reporter {
	return Reporter{health: h, namespace: namespace}
}

// Up notes that pods could be listed. ClusterUp is sent if that is new, and no problem of the whole cluster lasts.
func (h *Health) Up() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.report(PartUp, Problem{Trouble: Connecting}, "")
}

// Down reports whether there is a problem of the whole cluster.
func (h *Health) Down() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.notified == ClusterDown
}

// Failed describes the present problems in one line, sorted; empty: there are none.
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

// begin adds a reporter to those that have met a problem.
func (h *Health) begin(p Problem, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if o := h.problems[p]; o != nil {
		o.reporters++
		return
	}
	o := &occurrence{reporters: 1}
	h.problems[p] = o
	h.logCause(o, p, err)
	h.report(PartDown, p, kube.Describe(err))
}

// again logs that a problem that lasts has another cause than before. Only the whole cluster's is looked at: what keeps a part of it from
// being read is a matter of the server's answers, each of which may be worded another way.
func (h *Health) again(p Problem, err error) {
	if !p.Trouble.ClusterWide() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if o := h.problems[p]; len(o.causes) < maxCauses && !slices.Contains(o.causes, causeOf(err)) {
		h.logCause(o, p, err)
	}
}

// logCause logs what causes a problem. The caller holds mu.
func (h *Health) logCause(o *occurrence, p Problem, err error) {
	o.err, o.causes = kube.Describe(err), append(o.causes, causeOf(err))
	retrying := ", retrying"
	if errors.Is(err, kube.ErrRefused) {
		retrying = ""
	}
	h.log.Warn().Msgf("%s: %s: %s%s", h.cluster, p.subject(), o.err, retrying)
}

// end takes a reporter away from those that have met a problem.
func (h *Health) end(p Problem) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.problems[p]
	if o.reporters--; o.reporters > 0 {
		return
	}
	delete(h.problems, p)
	if p.Trouble.ClusterWide() {
		h.log.Info().Msgf("%s: connected", h.cluster)
	} else {
		h.log.Info().Msgf("%s: %s: readable again", h.cluster, p.Part)
	}
	h.report(PartUp, p, "")
}

// report sends the event that a part of the cluster is up or down, or the whole cluster if that changes. The caller holds mu.
func (h *Health) report(kind Kind, p Problem, reason string) {
	if p.Trouble.ClusterWide() {
		if kind = ClusterDown; reason == "" {
			kind = ClusterUp
		}
		wide := func(p Problem) bool { return p.Trouble.ClusterWide() }
		if h.notified == kind || kind == ClusterUp && slices.ContainsFunc(slices.Collect(maps.Keys(h.problems)), wide) {
			return
		}
		h.notified = kind
	}
	h.notify(Event{Kind: kind, Cluster: h.cluster, Namespace: p.Namespace, Part: p.Part, Reason: reason, Forbidden: p.Trouble == Forbidden})
}
