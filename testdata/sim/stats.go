package sim

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Request is what a client asked, and what became of it.
type Request struct {
	Method, Path string
	Query        url.Values
	Proto        string // HTTP/2.0 or HTTP/1.1
	UserAgent    string
	User         string   // who the credentials stand for; empty if nobody
	Groups       []string // that the user would act in, which count for nothing

	Verb      string // list, watch, get, create, delete, update, log; empty for a path that is not a resource
	Group     string // of the resource; empty for those of the core
	Resource  string // pods, namespaces, nodes, …; empty for what is none
	Namespace string // empty for all
	Pod       string // the pod's name, where one is named
	Container string // of a log request, as asked: empty if left to the server
	Node      string // the node's name, where one is named

	Subresource string // log, status, proxy, …; empty for what is none. What is asked of the node is in Path

	Begin  time.Time // by Options.Now
	Done   bool      // the answer has ended
	Status int       // of the answer; 0 until it begins

	name   string
	status atomic.Int64
}

func newRequest(r *http.Request, now time.Time) *Request {
	q := &Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Proto: r.Proto,
		UserAgent: r.UserAgent(), Groups: r.Header["Impersonate-Group"], Begin: now}
	rest, ok := strings.CutPrefix(r.URL.Path, "/api/v1/")
	if !ok {
		if part := strings.SplitN(strings.Trim(r.URL.Path, "/"), "/", 4); part[0] == "apis" && len(part) == 4 {
			q.Group, rest, ok = part[1], part[3], true
		}
	}
	if !ok || rest == "" {
		return q
	}
	part := strings.Split(strings.Trim(rest, "/"), "/")
	if part[0] == "namespaces" && len(part) > 2 {
		q.Namespace, part = part[1], part[2:]
	}
	q.Resource = part[0]
	if len(part) > 1 {
		q.name = part[1]
	}
	q.Subresource = strings.Join(part[min(2, len(part)):], "/")
	switch q.Resource {
	case "pods":
		q.Pod = q.name
	case "nodes":
		q.Node = q.name
		q.Subresource, _, _ = strings.Cut(q.Subresource, "/") // the rest is the node's path
	}
	q.Verb = map[string]string{"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[r.Method]
	watch := q.Query.Get("watch")
	switch {
	case q.Verb != "":
	case q.Resource == "pods" && q.Subresource == "log":
		q.Verb, q.Container = "log", q.Query.Get("container")
	case q.name != "":
		q.Verb = "get"
	case watch == "true" || watch == "1":
		q.Verb = "watch"
	default:
		q.Verb = "list"
	}
	return q
}

func (q *Request) setStatus(code int) { q.status.CompareAndSwap(0, int64(code)) }

// Stats counts what clients do.
type Stats struct {
	Requests, Lists, Watches, Logs int // begun so far
	Proxied                        int // requests to nodes, begun so far
	OpenWatches, OpenLogs          int // now, from the request's arrival on
	Followers                      int // log streams of running containers that have begun to send, now
	Connections                    int // now, without surplus ones that wait
	Accepted                       int // connections so far, with those that were reset
	Faults                         int // faults that struck so far
	ResourceVersion                uint64
}

// stats keeps the counters and the request log, and wakes those who wait for something.
type stats struct {
	max int

	mu      sync.Mutex
	n       Stats
	log     []*Request
	changed chan struct{} // nil while nobody waits
}

func newStats(max int) *stats { return &stats{max: max} }

// poke wakes all that wait, to look again.
func (s *stats) poke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake()
}

func (s *stats) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// add counts, under the lock.
func (s *stats) add(f func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.n)
	s.wake()
}

func (s *stats) begin(q *Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n.Requests++
	switch q.Verb {
	case "list":
		s.n.Lists++
	case "watch":
		s.n.Watches++
		s.n.OpenWatches++
	case "log":
		s.n.Logs++
		s.n.OpenLogs++
	}
	if q.Resource == "nodes" && q.Subresource == "proxy" {
		s.n.Proxied++
	}
	if len(s.log) >= s.max {
		s.log = slices.Delete(s.log, 0, max(1, s.max/4))
	}
	s.log = append(s.log, q)
	s.wake()
}

func (s *stats) end(q *Request) {
	s.add(func(n *Stats) {
		q.Done = true
		switch q.Verb {
		case "watch":
			n.OpenWatches--
		case "log":
			n.OpenLogs--
		}
	})
}

// Stats gives the counters as they are now.
func (c *Cluster) Stats() Stats {
	n, _ := c.snapshot(false)
	return n
}

func (c *Cluster) snapshot(wait bool) (Stats, <-chan struct{}) {
	c.stats.mu.Lock()
	if wait && c.stats.changed == nil {
		c.stats.changed = make(chan struct{})
	}
	n, changed := c.stats.n, c.stats.changed
	c.stats.mu.Unlock()
	c.mu.Lock()
	n.Connections, n.Accepted = len(c.conns)-len(c.surplus), c.accepted
	c.mu.Unlock()
	c.store.mu.Lock()
	n.ResourceVersion = c.store.rv
	c.store.mu.Unlock()
	return n, changed
}

// Requests gives the requests so far, oldest first (Options.RequestLog of them at least), as they stand now.
func (c *Cluster) Requests() []*Request {
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	out := make([]*Request, len(c.stats.log))
	for i, q := range c.stats.log {
		out[i] = &Request{Method: q.Method, Path: q.Path, Query: q.Query, Proto: q.Proto, UserAgent: q.UserAgent, User: q.User, Groups: q.Groups,
			Verb: q.Verb, Resource: q.Resource, Namespace: q.Namespace, Pod: q.Pod, Container: q.Container,
			Node: q.Node, Subresource: q.Subresource, Begin: q.Begin, Done: q.Done, Status: int(q.status.Load())}
	}
	return out
}

// Wait blocks until ok holds or ctx ends; then the error is ctx's. ok is asked again after each request's begin and end,
// each change of a pod and each follower's catching up, and may look at anything else in the cluster too.
func (c *Cluster) Wait(ctx context.Context, ok func(Stats) bool) error {
	for {
		n, changed := c.snapshot(true)
		if ok(n) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
