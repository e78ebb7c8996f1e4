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

// rereadInterval is how long credentials that were read again, and are still refused, are not read once more.
const rereadInterval = 30 * time.Second

// renewable are credentials that stand in a cluster's configuration itself: a token, or a name and a password. They are read
// again when they are refused. For a token's file and for plugins client-go does that; client certificates stay as they are.
type renewable struct {
	c     *Client
	read  func() (*rest.Config, error)
	value atomic.Pointer[string] // of the header Authorization

	mu   sync.Mutex
	last time.Time // when they were read again
}

// authorization returns the value of the header Authorization that cfg itself gives; empty: it gives none.
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

// renewal returns what to wrap around each transport of a cluster with that configuration, so that read can renew the
// credentials.
func (c *Client) renewal(cfg *rest.Config, read func() (*rest.Config, error)) transport.WrapperFunc {
	value := authorization(cfg)
	if value == "" || read == nil {
		return unwrapped
	}
	all := &renewable{c: c, read: read}
	all.value.Store(&value)
	return func(rt http.RoundTripper) http.RoundTripper { return &renewing{all, rt} }
}

// renew reports whether there are other credentials than used, which were refused.
func (r *renewable) renew(used *string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.value.Load() != used {
		return true
	}
	if !r.last.IsZero() && time.Since(r.last) < rereadInterval {
		return false
	}
	r.last = time.Now()
	cfg, err := r.read()
	if err != nil {
		r.c.log.Debug().Msgf("%s: reading the credentials anew: %s", r.c.name, Describe(err))
		return false
	}
	value := authorization(cfg)
	if value == "" || value == *used {
		return false
	}
	r.value.Store(&value)
	r.c.log.Info().Msgf("%s: the credentials were refused; there are new ones", r.c.name)
	return true
}

// renewing is a transport that sends renewable credentials.
type renewing struct {
	*renewable
	next http.RoundTripper
}

// RoundTrip sends the request with the credentials. If they are refused and there are new ones, it sends it again.
func (r *renewing) RoundTrip(req *http.Request) (*http.Response, error) {
	value := r.value.Load()
	resp, err := r.send(req, *value)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || req.Body != nil || !r.renew(value) {
		return resp, err
	}
	resp.Body.Close()
	return r.send(req, *r.value.Load())
}

func (r *renewing) send(req *http.Request, value string) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", value) // then client-go sets none
	return r.next.RoundTrip(req)
}

// WrappedRoundTripper lets client-go reach the transport, to close idle connections.
func (r *renewing) WrappedRoundTripper() http.RoundTripper { return r.next }
