package kube

import (
	"net/http"
	"net/http/httptrace"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// net/http calls the functions of a trace while it holds a lock that closing idle connections takes, which is what late does. With the
// exchange's own lock held meanwhile, each would wait for the other.
func TestLateHoldsNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, calls := new(exchange), 0
		x.late = func() {
			calls++
			if !x.mu.TryLock() {
				t.Errorf("call %d: the lock is held", calls)
				return
			}
			x.mu.Unlock()
		}
		req, err := http.NewRequestWithContext(x.in(t.Context()), http.MethodGet, "https://one", nil)
		if err != nil {
			t.Fatal(err)
		}
		late := &exchanging{new(Client), roundTrip(func(req *http.Request) (*http.Response, error) {
			httptrace.ContextClientTrace(req.Context()).TLSHandshakeStart()
			time.Sleep(2*roomEvery + roomEvery/2)
			return nil, syscall.ECONNREFUSED
		})}
		if _, err = late.RoundTrip(req); err == nil {
			t.Error("there is an answer")
		}
		if calls != 3 {
			t.Errorf("late is called %d times", calls)
		}
	})
}

// roundTrip is a transport that calls a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
