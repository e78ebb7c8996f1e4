package kube

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"
)

// How long a request waits for a slot before it goes on without one: a plugin of another cluster that hangs must not stop
// this cluster. Where the server has accepted the credentials probably no plugin will run.
const (
	slotWait    = 5 * time.Second
	maxSlotWait = time.Minute
)

// execLimiter bounds how many exec plugins run at once. client-go runs a plugin inside RoundTrip, before the request goes to
// the transport below, and again after a 401. So beforePlugin stands above client-go's authenticator and takes a slot;
// afterPlugin stands below it, gives the slot back, and takes one again after a 401.
type execLimiter struct{ slots chan struct{} }

// newExecLimiter lets atOnce plugins run at once, and at least one.
func newExecLimiter(atOnce int) *execLimiter {
	return &execLimiter{slots: make(chan struct{}, max(atOnce, 1))}
}

// execSlot is a request's slot of the limiter. It travels from beforePlugin to afterPlugin in the request's context.
type execSlot struct {
	limiter  *execLimiter
	accepted *atomic.Bool // the server has accepted the cluster's credentials
	held     bool
}

type execSlotKey struct{}

// acquire waits for the slot, but not for longer than slotWait or maxSlotWait. An error is that of ctx.
func (s *execSlot) acquire(ctx context.Context) error {
	limit := maxSlotWait
	if s.accepted.Load() {
		limit = slotWait
	}
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case s.limiter.slots <- struct{}{}:
		s.held = true
	case <-late.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// release gives the slot back, if it is held.
func (s *execSlot) release() {
	if s.held {
		<-s.limiter.slots
		s.held = false
	}
}

// beforePlugin is the transport above client-go's authenticator.
type beforePlugin struct {
	limiter  *execLimiter
	accepted *atomic.Bool // as of execSlot
	next     http.RoundTripper
}

// RoundTrip holds a slot until the request is past the authenticator.
func (b *beforePlugin) RoundTrip(req *http.Request) (*http.Response, error) {
	slot := &execSlot{limiter: b.limiter, accepted: b.accepted}
	if err := slot.acquire(req.Context()); err != nil {
		return nil, err
	}
	defer slot.release()
	return b.next.RoundTrip(req.WithContext(context.WithValue(req.Context(), execSlotKey{}, slot)))
}

// afterPlugin is the transport below client-go's authenticator.
type afterPlugin struct {
	accepted *atomic.Bool // as of execSlot
	next     http.RoundTripper
}

// RoundTrip holds no slot while the request is under way, and one again if the authenticator will run the plugin after it.
func (a *afterPlugin) RoundTrip(req *http.Request) (*http.Response, error) {
	slot, _ := req.Context().Value(execSlotKey{}).(*execSlot)
	if slot != nil {
		slot.release()
	}
	resp, err := a.next.RoundTrip(req)
	if err == nil {
		a.accepted.Store(resp.StatusCode != http.StatusUnauthorized)
		if slot != nil && resp.StatusCode == http.StatusUnauthorized {
			if err := slot.acquire(req.Context()); err != nil {
				resp.Body.Close()
				return nil, err
			}
		}
	}
	return resp, err
}

// WrappedRoundTripper lets client-go reach the transport, to close idle connections.
func (b *beforePlugin) WrappedRoundTripper() http.RoundTripper { return b.next }

// WrappedRoundTripper lets client-go reach the transport, to close idle connections.
func (a *afterPlugin) WrappedRoundTripper() http.RoundTripper { return a.next }
