package kube

import (
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// credentials stands between beforePlugin and afterPlugin, as client-go's authenticator does.
type credentials struct {
	running, most *atomic.Int32
	plugin        func() // runs for as long as the plugin does
	valid         bool
	next          http.RoundTripper
}

func (c *credentials) RoundTrip(req *http.Request) (*http.Response, error) {
	if !c.valid {
		c.run()
	}
	resp, err := c.next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		c.run()
	}
	return resp, err
}

func (c *credentials) run() {
	if n := c.running.Add(1); n > c.most.Load() {
		c.most.Store(n)
	}
	c.plugin()
	c.running.Add(-1)
	c.valid = true
}

func TestExecLimiter(t *testing.T) {
	const atOnce = 4
	var running, most atomic.Int32
	status := func(code int) http.RoundTripper {
		return roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: code, Body: http.NoBody}, nil
		})
	}
	build := func(limiter *execLimiter, plugin func(), server http.RoundTripper) (http.RoundTripper, *credentials) {
		accepted := new(atomic.Bool)
		c := &credentials{running: &running, most: &most, plugin: plugin, next: &afterPlugin{accepted, server}}
		return &beforePlugin{limiter, accepted, c}, c
	}
	ask := func(rt http.RoundTripper) {
		req, _ := http.NewRequest("GET", "https://x/", nil)
		if resp, err := rt.RoundTrip(req); err == nil {
			resp.Body.Close()
		}
	}
	for name, code := range map[string]int{"before the first request": 200, "after a 401": 401} {
		t.Run(name, inBubble(func(t *testing.T) {
			running.Store(0)
			most.Store(0)
			limiter := newExecLimiter(atOnce)
			var done atomic.Int32
			for range 3 * atOnce {
				rt, _ := build(limiter, func() { time.Sleep(time.Second) }, status(code))
				go func() {
					ask(rt)
					done.Add(1)
				}()
			}
			time.Sleep(time.Hour)
			if most.Load() != atOnce || done.Load() != 3*atOnce {
				t.Errorf("%d plugins ran at once, %d requests were answered", most.Load(), done.Load())
			}
		}))
	}
	t.Run("a request under way holds no slot", inBubble(func(t *testing.T) {
		limiter := newExecLimiter(1)
		release := make(chan struct{})
		slow, _ := build(limiter, func() {}, roundTrip(func(*http.Request) (*http.Response, error) {
			<-release
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		}))
		go ask(slow)
		synctest.Wait()
		quick, _ := build(limiter, func() {}, status(200))
		ask(quick)
		close(release)
	}))
	t.Run("a plugin that hangs stops no cluster that is logged in", inBubble(func(t *testing.T) {
		limiter := newExecLimiter(1)
		good, c := build(limiter, func() {}, status(200))
		ask(good)
		release := make(chan struct{})
		hung, _ := build(limiter, func() { <-release }, status(200))
		go ask(hung)
		synctest.Wait()
		begun := time.Now()
		ask(good)
		if took := time.Since(begun); took != slotWait || !c.valid {
			t.Errorf("took %v", took)
		}
		close(release)
	}))
}
