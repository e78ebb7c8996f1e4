package plugin

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
	"k8s.io/client-go/util/connrotation"
)

// Needed reports whether a configuration has a plugin, and no credentials itself: then the plugin is not asked for any, as in client-go.
func Needed(cfg *rest.Config) bool {
	certificate := (len(cfg.CertData) > 0 || cfg.CertFile != "") && (len(cfg.KeyData) > 0 || cfg.KeyFile != "")
	own := cfg.BearerToken != "" || cfg.BearerTokenFile != "" || cfg.Username != "" || certificate
	return cfg.ExecProvider != nil && !own
}

// Apply has the transports that are made of c send the plugin's credentials. c has a DialHolder, and no credentials.
func (p *Plugin) Apply(c *transport.Config) {
	c.Wrap(func(rt http.RoundTripper) http.RoundTripper { return &authenticating{p, rt} })
	c.TLS.GetCertHolder = &transport.GetCertHolder{GetCert: p.certificate}
	c.DialHolder = &transport.DialHolder{Dial: connrotation.NewDialerWithTracker(c.DialHolder.Dial, p.conns).DialContext}
}

// certificate returns the one that there is; nil: none. It comes after authenticating has had the credentials.
func (p *Plugin) certificate() (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		return nil, nil
	}
	return p.last.certificate, nil
}

// authenticating is a transport that sends the plugin's credentials.
type authenticating struct {
	p    *Plugin
	next http.RoundTripper
}

// RoundTrip sends a request that has no credentials yet. If they are refused and there are new ones, it sends it again.
func (a *authenticating) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Header.Get("Authorization") != "" {
		return a.next.RoundTrip(req)
	}
	creds, err := a.p.credentials(req.Context(), nil)
	if err != nil {
		return nil, fmt.Errorf("getting credentials: %w", err)
	}
	resp, refused, err := a.send(req, creds)
	if !refused || req.Body != nil {
		return resp, err
	}
	again, failed := a.p.credentials(req.Context(), creds)
	if failed != nil {
		a.p.runner.log.Debug().Msgf("%s: getting credentials, as they were refused: %s", a.p.cluster(), failed)
	}
	if failed != nil || again.token == creds.token && again.sameCertificate(creds) {
		return resp, err
	}
	if resp != nil {
		resp.Body.Close()
	}
	resp, _, err = a.send(req, again)
	return resp, err
}

// send sends a request with credentials. refused reports whether the server did not accept them.
func (a *authenticating) send(req *http.Request, creds *credentials) (resp *http.Response, refused bool, err error) {
	authorization := ""
	if creds.token != "" {
		authorization = "Bearer " + creds.token
	}
	return Send(a.next, req, authorization, creds.certificate != nil)
}

// Send sends a copy of a request with this value of the header Authorization, unless that is empty, over connections that have a client
// certificate or not. refused reports whether the server did not accept the credentials. With TLS 1.3 it may break a connection off because
// of the certificate when that is open for us already; what we see of it depends on what we were doing.
func Send(rt http.RoundTripper, req *http.Request, authorization string, certificate bool) (resp *http.Response, refused bool, err error) {
	var opened atomic.Bool
	req = req.Clone(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { opened.Store(err == nil) },
	}))
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err = rt.RoundTrip(req)
	if err == nil {
		return resp, resp.StatusCode == http.StatusUnauthorized, nil
	}
	return nil, certificate && req.Context().Err() == nil && (IsAlert(err) || opened.Load()), err
}

// IsAlert reports whether an error is what TLS has for what a server does not accept, such as our certificate.
func IsAlert(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error"
}

// WrappedRoundTripper lets client-go reach the transport, to close idle connections.
func (a *authenticating) WrappedRoundTripper() http.RoundTripper { return a.next }
