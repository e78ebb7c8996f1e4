package tail

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"mktail/tail/kube"
)

// trouble is a kind of error that keeps a cluster, or a part of it, from being read.
type trouble string

const (
	connecting     trouble = "connecting"     // of the whole cluster
	authenticating trouble = "authenticating" // of the whole cluster
	forbidden      trouble = "forbidden"      // of one part
	failing        trouble = "failing"        // of one part
)

func troubleOf(err error) trouble {
	var status apierrors.APIStatus
	switch {
	case apierrors.IsUnauthorized(err):
		return authenticating
	case apierrors.IsForbidden(err):
		return forbidden
	case errors.As(err, &status), errors.As(err, new(kube.KubeletError)):
		return failing
	}
	return connecting
}

// wide tells whether the trouble befalls the whole cluster, whichever part has met it.
func (t trouble) wide() bool { return t == connecting || t == authenticating }

// health keeps what is wrong with a cluster at the moment, and logs each change of that state once, however many
// of the cluster's goroutines meet it.
type health struct {
	o       *Options
	cluster string

	mu     sync.Mutex
	told   EventKind // ClusterUp or ClusterDown, whichever came last
	states map[state]*complaints
}

type state struct {
	part    string // what can't be read; empty for the whole cluster
	trouble trouble
}

// subject is what a message about the state begins with.
func (s state) subject() string {
	if s.trouble.wide() {
		return string(s.trouble)
	}
	return s.part
}

type complaints struct {
	count int
	err   string // the first one's
}

func (h *health) enter(s state, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.states[s]; c != nil {
		c.count++
		return
	}
	if h.states == nil {
		h.states = make(map[state]*complaints)
	}
	h.states[s] = &complaints{1, kube.Describe(err)}
	again := ", retrying"
	if errors.Is(err, errRefused) {
		again = ""
	}
	h.o.Log.Warn().Msgf("%s: %s: %s%s", h.cluster, s.subject(), kube.Describe(err), again)
	h.notify(PartDown, s, kube.Describe(err))
}

func (h *health) leave(s state) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.states[s]
	if c.count--; c.count > 0 {
		return
	}
	delete(h.states, s)
	if s.trouble.wide() {
		h.o.Log.Info().Msgf("%s: connected", h.cluster)
	} else {
		h.o.Log.Info().Msgf("%s: %s: readable again", h.cluster, s.part)
	}
	h.notify(PartUp, s, "")
}

// up notes that pods could be listed.
func (h *health) up() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notify(PartUp, state{trouble: connecting}, "")
}

// notify tells of a part of the cluster that is up or down, or of the whole cluster, if that changes.
func (h *health) notify(kind EventKind, s state, reason string) {
	if s.trouble.wide() {
		if kind = ClusterDown; reason == "" {
			kind = ClusterUp
		}
		wide := func(s state) bool { return s.trouble.wide() }
		if h.told == kind || kind == ClusterUp && slices.ContainsFunc(slices.Collect(maps.Keys(h.states)), wide) {
			return
		}
		h.told = kind
	}
	h.o.notify(Event{Kind: kind, Cluster: h.cluster, Part: s.part, Reason: reason})
}

// failed describes what can't be read at the moment in one line; empty: nothing.
func (h *health) failed() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for s, c := range h.states {
		all = append(all, fmt.Sprintf("%s: %s", s.subject(), c.err))
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

// complaint is one goroutine's part in the health of its cluster: it has at most one trouble at a time.
type complaint struct {
	h  *health
	in state // zero: all is well
}

// fail says that part can't be read because of err.
func (c *complaint) fail(part string, err error) {
	s := state{part, troubleOf(err)}
	if s.trouble.wide() {
		s.part = ""
	}
	c.enter(s, err)
}

// enter says that the state is s because of err.
func (c *complaint) enter(s state, err error) {
	if s == c.in {
		return
	}
	was := c.in
	c.in = s
	c.h.enter(s, err)
	if was != (state{}) {
		c.h.leave(was)
	}
}

func (c *complaint) troubled() bool { return c.in != (state{}) }

// ok says that all is well.
func (c *complaint) ok() {
	if c.troubled() {
		c.h.leave(c.in)
		c.in = state{}
	}
}
