package kube

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/transport"
)

// Plugins says how exec credential plugins are run.
type Plugins struct {
	Policy clientcmdapi.PluginPolicy
	AtOnce int  // how many may run at the same time, over all clusters
	Stdin  bool // our standard input is a terminal, which plugins may ask
}

// How long a request waits for its turn; a plugin of another cluster that hangs must not stop this one. Of a cluster
// whose credentials have worked probably no plugin will run.
const (
	patience    = 5 * time.Second
	maxPatience = time.Minute
)

func (p Plugins) limiter() *execLimiter {
	return &execLimiter{turns: make(chan struct{}, max(p.AtOnce, 1))}
}

// connect sets cfg up for its exec plugin, if it has one, and calls build with what to wrap around each transport.
//
// client-go gives a plugin the os.Stderr of the moment when its authenticator is made, and nothing to choose
// another. So os.Stderr is exchanged while build runs, for a pipe whose text reaches our log with the cluster's
// name. Hence clusters are connected one after another, before anything else runs.
func (p Plugins) connect(c *Client, cfg *rest.Config, build func(transport.WrapperFunc) error) error {
	if cfg.ExecProvider == nil {
		return build(func(rt http.RoundTripper) http.RoundTripper { return rt })
	}
	cfg.ExecProvider = cfg.ExecProvider.DeepCopy()
	cfg.ExecProvider.PluginPolicy = p.Policy
	if !p.Stdin {
		cfg.ExecProvider.StdinUnavailable = true
		cfg.ExecProvider.StdinUnavailableMessage = "standard input is not a terminal; log in by hand first, then run mktail again"
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	var reading sync.WaitGroup
	reading.Go(func() { c.relay(r) })
	c.closers = append(c.closers, func() { w.Close(); r.Close(); reading.Wait() })

	known := new(atomic.Bool)
	cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper { return &gateEnd{known, rt} })
	stderr := os.Stderr
	os.Stderr = w
	defer func() { os.Stderr = stderr }()
	return build(func(rt http.RoundTripper) http.RoundTripper { return &gateBegin{c.limiter, known, rt} })
}

// relay logs what plugins write to their stderr. A prompt without newline is passed on at once.
func (c *Client) relay(r io.Reader) {
	buf := make([]byte, 4<<10)
	for {
		n, err := r.Read(buf)
		for text := range bytes.Lines(buf[:n]) {
			if text = bytes.TrimRight(text, "\r\n"); len(text) > 0 {
				c.Log.Info().Msgf("%s: %s", c.name, text)
			}
		}
		if err != nil {
			return
		}
	}
}

// execLimiter lets few plugins run at once. client-go runs a plugin inside RoundTrip, before the request goes to the
// transport below, and again after a 401: gateBegin stands above that and takes a turn, gateEnd stands below it and
// gives the turn back, and takes one for after a 401.
type execLimiter struct{ turns chan struct{} }

type turn struct {
	g     *execLimiter
	known *atomic.Bool
	held  bool
}

type turnKey struct{}

func (t *turn) take(ctx context.Context) error {
	limit := maxPatience
	if t.known.Load() {
		limit = patience
	}
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case t.g.turns <- struct{}{}:
		t.held = true
	case <-late.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func (t *turn) give() {
	if t.held {
		<-t.g.turns
		t.held = false
	}
}

type gateBegin struct {
	g     *execLimiter
	known *atomic.Bool
	next  http.RoundTripper
}

func (b *gateBegin) RoundTrip(req *http.Request) (*http.Response, error) {
	t := &turn{g: b.g, known: b.known}
	if err := t.take(req.Context()); err != nil {
		return nil, err
	}
	defer t.give()
	return b.next.RoundTrip(req.WithContext(context.WithValue(req.Context(), turnKey{}, t)))
}

type gateEnd struct {
	known *atomic.Bool
	next  http.RoundTripper
}

func (e *gateEnd) RoundTrip(req *http.Request) (*http.Response, error) {
	t, _ := req.Context().Value(turnKey{}).(*turn)
	if t != nil {
		t.give()
	}
	resp, err := e.next.RoundTrip(req)
	if err == nil {
		e.known.Store(resp.StatusCode != http.StatusUnauthorized)
		if t != nil && resp.StatusCode == http.StatusUnauthorized {
			if err := t.take(req.Context()); err != nil {
				resp.Body.Close()
				return nil, err
			}
		}
	}
	return resp, err
}

// WrappedRoundTripper lets client-go reach the transport, to close idle connections.
func (b *gateBegin) WrappedRoundTripper() http.RoundTripper { return b.next }
func (e *gateEnd) WrappedRoundTripper() http.RoundTripper   { return e.next }
