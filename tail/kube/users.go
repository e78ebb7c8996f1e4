package kube

import (
	"cmp"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"
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
