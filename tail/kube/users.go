package kube

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"

	"mktail/tail/kube/plugin"
)

// User is a user of a cluster: whom requests are sent as.
type User struct {
	Name   string       // in messages; may be empty for an only user
	Config *rest.Config // with the user's credentials; stays the caller's

	// Reread returns the configuration as it is now. Its credentials and its CA are used from when the server refuses those in Config, or
	// is not the one that they trust. nil: Config stays, but the files that it names are read again.
	Reread func() (*rest.Config, error)
}

// user is a User whose configuration was read.
type user struct {
	*renewable
	cfg    *rest.Config   // of transports, with another access
	plugin *plugin.Plugin // nil: there is none
}

// newUser reads the configuration of a user.
func (c *Client) newUser(of User) (u *user, err error) {
	u = &user{cfg: c.settings(of.Config)}
	if u.renewable, err = c.renewal(u.cfg, of.Reread); err != nil {
		return nil, err
	}
	if err := u.now.Load().check(); err != nil {
		return nil, err
	}
	if plugin.Needed(of.Config) {
		if u.plugin, err = c.shared.plugins.New(c.name, of.Config); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// users are those of a cluster, in order of precedence. A request is sent as the first of them, until they are refused: then it is
// sent as the next one, and so are those that follow. Users whom the server knows and does not allow something are passed over for
// requests of that scope alone, so that what one of them may do is done; they come before users whom it does not know. Where the server is
// away, or has no answer, it is so for all: a connection that is refused or reset says nothing about a user.
type users struct {
	c    *Client
	all  []User
	path string // of the server's URL

	mu        sync.Mutex
	made      []*user               // those who were asked for; nil: not yet
	now       int                   // sends requests
	allowed   map[scope]int         // who sends those that the one of now may not send
	exhausted map[attempt]time.Time // others who were refused when all were, and when
	late      []time.Time           // by user, when they last had no answer in time; zero: never
	reported  map[change]time.Time  // when it was last reported at info level
	closed    bool
}

// change is that a user takes the place of another: where that may not do something, or else as that is refused.
type change struct {
	from, to  int
	forbidden bool
}

// attempt is to send requests of a scope as a user; of the zero scope, any requests.
type attempt struct {
	scope
	user int
}

const (
	// othersEvery is how soon after all users were refused others than the current one are asked for again: servers may lock out who fails often.
	othersEvery = 5 * time.Minute

	// lateEvery is how soon after another user had no answer in time that user is asked for again, such as one whose plugin waits for a login.
	lateEvery = 30 * time.Second
)

func newUsers(c *Client, all []User) *users {
	u := &users{
		c: c, all: all, made: make([]*user, len(all)), late: make([]time.Time, len(all)),
		allowed: make(map[scope]int), exhausted: make(map[attempt]time.Time), reported: make(map[change]time.Time),
	}
	if server, _, err := rest.DefaultServerUrlFor(all[0].Config); err == nil {
		u.path = server.Path
	}
	return u
}

// begin has the first user whose configuration can be used send requests. The error is that of the first user.
func (u *users) begin() error {
	var first error
	for i := range u.all {
		_, err := u.user(i)
		if err == nil {
			u.now = i
			return nil
		}
		first = cmp.Or(first, err)
	}
	return first
}

// user returns a user, whose configuration is read when they are first asked for.
func (u *users) user(i int) (*user, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.made[i] != nil {
		return u.made[i], nil
	}
	if u.closed {
		return nil, errors.New("the client is closed")
	}
	made, err := u.c.newUser(u.all[i])
	if err == nil {
		u.made[i] = made
	}
	return made, err
}

// close ends the credential plugins that run.
func (u *users) close() {
	u.mu.Lock()
	u.closed = true
	made := u.made
	u.mu.Unlock()
	for _, one := range made {
		if one != nil && one.plugin != nil {
			one.plugin.Close()
		}
	}
}

// of returns who sends a request, and who are asked for in turn when they are refused.
func (u *users) of(s scope) (current int, others []int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	current, ok := u.allowed[s]
	if !ok {
		current = u.now
	}
	recently := func(at time.Time, limit time.Duration) bool { return !at.IsZero() && time.Since(at) < limit }
	for i := 1; i < len(u.all); i++ {
		other := (current + i) % len(u.all)
		if !recently(u.late[other], lateEvery) && !recently(u.exhausted[attempt{s, other}], othersEvery) && !recently(u.exhausted[attempt{user: other}], othersEvery) {
			others = append(others, other)
		}
	}
	return current, others
}

// isLate notes that a user had no answer in time.
func (u *users) isLate(i int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.late[i] = time.Now()
}

// exhaust notes that these others were refused, as all were who were asked for.
func (u *users) exhaust(s scope, others []int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, other := range others {
		u.exhausted[attempt{s, other}] = time.Now()
	}
}

// replace has a user take the place of another: for requests of a scope, if the other may not send these, else for all that the other sends.
// err is why there was no answer to the other; nil: there was one.
func (u *users) replace(s scope, from, to int, forbidden bool, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	replaced := false
	if !forbidden {
		if u.now == from {
			u.now, replaced = to, true
		}
		for sent, user := range u.allowed {
			if user == from {
				u.allowed[sent], replaced = to, true
			}
		}
	}
	if u.now == to {
		delete(u.allowed, s)
	} else {
		u.allowed[s] = to
	}
	if !forbidden && !replaced { // another request has found that out
		return
	}
	level := zerolog.DebugLevel
	this := change{from, to, forbidden}
	if at := u.reported[this]; at.IsZero() || !forbidden && time.Since(at) >= othersEvery { // users may take each other's place again and again
		u.reported[this], level = time.Now(), zerolog.InfoLevel
	}
	if name, other := u.all[from].Name, u.all[to].Name; forbidden {
		u.c.log.WithLevel(level).Msgf("%s: %s may not %s; using the credentials of %s for that", u.c.name, name, s, other)
	} else {
		u.c.log.WithLevel(level).Msgf("%s: the credentials of %s %s; using those of %s", u.c.name, name, whyNot(err), other)
	}
}

// whyNot returns why credentials cannot be used, after an error or an answer.
func whyNot(err error) string {
	if failed, ok := errors.AsType[*plugin.FailedError](err); ok { // without what net/http and others say of the request
		return "cannot be had: " + Describe(failed)
	}
	if none, ok := errors.AsType[*noCredentials](err); ok {
		return "cannot be had: " + Describe(none)
	}
	return "were refused"
}

// scope is what a right is about, but for the names of objects.
type scope struct{ verb, api, namespace, resource string }

// String returns the scope for a message.
func (s scope) String() string {
	if s.namespace == "" {
		return s.verb + " " + s.resource
	}
	return s.verb + " " + s.resource + " in namespace " + s.namespace
}

// onNode reports whether a node answers. It may refuse the API server's own credentials, with a 401 that says nothing about a user.
func (s scope) onNode() bool { return s.resource == "pods/log" || s.resource == "nodes/proxy" }

// scope returns that of a request.
func (u *users) scope(req *http.Request) scope {
	path := strings.Trim(strings.TrimPrefix(req.URL.Path, strings.TrimRight(u.path, "/")), "/")
	parts := strings.Split(path, "/")
	api := 2 // parts that name an API and its version
	if parts[0] == "apis" {
		api = 3
	}
	if parts[0] != "api" && parts[0] != "apis" || len(parts) <= api {
		return scope{verb: "get", resource: "/" + path}
	}
	s, object := scope{verb: "get", api: strings.Join(parts[:api], "/")}, parts[api:]
	if object[0] == "namespaces" && len(object) > 2 {
		s.namespace, object = object[1], object[2:]
	}
	s.resource = object[0]
	switch {
	case len(object) > 2:
		s.resource += "/" + object[2]
	case len(object) > 1:
	case req.URL.Query().Get("watch") != "":
		s.verb = "watch"
	default:
		s.verb = "list"
	}
	return s
}

// asUser is a transport that sends each request as one of the users.
type asUser struct {
	*users
	how connections

	mu   sync.Mutex
	each []*renewing // by user; nil: not made yet
}

// transport makes a transport, and that of the user who sends requests now.
func (u *users) transport(how connections) (*asUser, error) {
	t := &asUser{users: u, how: how, each: make([]*renewing, len(u.all))}
	r, err := t.as(u.now)
	if err != nil {
		return nil, err
	}
	_, _, err = r.transport()
	return t, err
}

// as returns the transport of a user.
func (t *asUser) as(i int) (*renewing, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.each[i] != nil {
		return t.each[i], nil
	}
	u, err := t.user(i)
	if err != nil {
		return nil, &noCredentials{err}
	}
	t.each[i] = &renewing{renewable: u.renewable, build: func(a *access) (http.RoundTripper, error) { return u.newTransport(t.how, a) }}
	return t.each[i], nil
}

// RoundTrip sends the request, and again as another user if one is refused.
func (t *asUser) RoundTrip(req *http.Request) (*http.Response, error) {
	if len(t.all) == 1 {
		return t.each[0].RoundTrip(req)
	}
	s := t.scope(req)
	current, others := t.of(s)
	resp, err := t.send(current, req)
	if !refused(resp, err) || req.Body != nil {
		return resp, err
	}
	var all []int // who were refused, but for the current one
	for _, other := range others {
		again, failed := t.sendInTime(other, req)
		switch {
		case failed == nil && answers(again):
			t.replace(s, current, other, forbids(resp), err)
			closeBody(resp)
			return again, nil
		case !refused(again, failed):
			closeBody(again)
			return resp, err
		case forbids(again) && !forbids(resp) && !s.onNode(): // whom the server knows takes the place of whom it does not
			t.replace(s, current, other, false, err)
			closeBody(resp)
			all, current, resp, err = append(all, current), other, again, nil
			continue
		}
		closeBody(again)
		all = append(all, other)
	}
	if !forbids(resp) && !s.onNode() { // the server knows none of them, whatever is asked for
		s = scope{}
	}
	t.exhaust(s, all)
	return resp, err
}

// send sends the request as a user.
func (t *asUser) send(i int, req *http.Request) (*http.Response, error) {
	r, err := t.as(i)
	if err != nil {
		return nil, err
	}
	if x, ok := req.Context().Value(exchangeKey{}).(*exchange); ok {
		x.again()
	}
	return r.RoundTrip(req)
}

// sendInTime sends the request as another user, who may take half of the time that a request has: what the current user was answered is
// still to be read then. Logs and files have as long as they take to begin, once the request was sent.
func (t *asUser) sendInTime(i int, req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	var expired atomic.Bool
	late := time.AfterFunc(t.c.RequestTimeout()/2, func() { expired.Store(true); cancel() })
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok && x.want != wantObject {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				late.Stop()
			}
		}})
	}
	resp, err := t.send(i, req.WithContext(ctx))
	late.Stop()
	if expired.Load() && req.Context().Err() == nil {
		t.isLate(i)
	}
	if err != nil {
		cancel() // else it ends with the request's
	}
	return resp, err
}

// CloseIdleConnections closes those of all users.
func (t *asUser) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.each {
		if r != nil {
			utilnet.CloseIdleConnectionsFor(r)
		}
	}
}

// refused reports whether a request failed because of the user it was sent as. With TLS 1.3 a server that does not accept a certificate may
// only seem to break the connection off; that is no answer, and the request's next try may bring one.
func refused(resp *http.Response, err error) bool {
	if err != nil {
		return plugin.IsAlert(err) || errors.As(err, new(*plugin.FailedError)) || errors.As(err, new(*noCredentials))
	}
	return resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden
}

// answers reports whether a server has answered what was asked, also if there is no such thing.
func answers(resp *http.Response) bool {
	return !refused(resp, nil) && resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode < http.StatusInternalServerError
}

// forbids reports whether a server knows the user that a request was sent as, and does not allow what was asked; resp may be nil.
func forbids(resp *http.Response) bool {
	return resp != nil && resp.StatusCode == http.StatusForbidden
}

func closeBody(resp *http.Response) {
	if resp != nil {
		resp.Body.Close()
	}
}

// noCredentials is the error of a request that was not sent as a user's credentials cannot be had.
type noCredentials struct{ err error }

// Error returns why.
func (e *noCredentials) Error() string { return e.err.Error() }

// Unwrap returns why.
func (e *noCredentials) Unwrap() error { return e.err }
