package kube

import (
	"encoding/base64"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

// rereadEvery is how often the credentials of a cluster that refuses them are read anew.
const rereadEvery = 30 * time.Second

// renewable are credentials that stand in a cluster's configuration itself: a token, or a name and a password. They are read
// anew when they are refused. A token's file and plugins client-go sees to; client certificates stay those of the start.
type renewable struct {
	c     *Client
	read  func() (*rest.Config, error)
	value atomic.Pointer[string] // of the header Authorization

	mu   sync.Mutex
	last time.Time // when they were read anew
}

// authorization is the value of the header Authorization that cfg itself gives; empty: none.
func authorization(cfg *rest.Config) string {
	switch {
	case cfg.ExecProvider != nil, cfg.AuthProvider != nil, cfg.BearerTokenFile != "":
		return ""
	case cfg.BearerToken != "":
		return "Bearer " + cfg.BearerToken
	case cfg.Username != "":
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(cfg.Username+":"+cfg.Password))
	}
	return ""
}

// renewal gives what to wrap around each transport of a cluster with that configuration, so that its credentials are read
// anew by read.
func (c *Client) renewal(cfg *rest.Config, read func() (*rest.Config, error)) transport.WrapperFunc {
	value := authorization(cfg)
	if value == "" || read == nil {
		return func(rt http.RoundTripper) http.RoundTripper { return rt }
	}
	all := &renewable{c: c, read: read}
	all.value.Store(&value)
	return func(rt http.RoundTripper) http.RoundTripper { return &authorized{all, rt} }
}

// renew tells whether there are others than used, which were refused.
func (a *renewable) renew(used *string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.value.Load() != used {
		return true
	}
	if !a.last.IsZero() && time.Since(a.last) < rereadEvery {
		return false
	}
	a.last = time.Now()
	cfg, err := a.read()
	if err != nil {
		a.c.Log.Debug().Msgf("%s: reading the credentials anew: %s", a.c.name, Describe(err))
		return false
	}
	value := authorization(cfg)
	if value == "" || value == *used {
		return false
	}
	a.value.Store(&value)
	a.c.Log.Info().Msgf("%s: the credentials were refused; there are new ones", a.c.name)
	return true
}

// authorized sends the credentials with each request. One that is refused it tries again if there are new ones.
type authorized struct {
	*renewable
	next http.RoundTripper
}

func (a *authorized) RoundTrip(req *http.Request) (*http.Response, error) {
	value := a.value.Load()
	resp, err := a.send(req, *value)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || req.Body != nil || !a.renew(value) {
		return resp, err
	}
	resp.Body.Close()
	return a.send(req, *a.value.Load())
}

func (a *authorized) send(req *http.Request, value string) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", value) // then client-go sets none
	return a.next.RoundTrip(req)
}

// WrappedRoundTripper lets client-go reach the transport, to close idle connections.
func (a *authorized) WrappedRoundTripper() http.RoundTripper { return a.next }
