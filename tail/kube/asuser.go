package kube

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"

	"mktail/tail/kube/plugin"
)

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
