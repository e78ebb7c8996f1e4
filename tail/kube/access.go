package kube

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"

	"mktail/tail/kube/plugin"
)

const (
	// rereadInterval is how long a configuration that was read again, and has not helped, is not read once more.
	rereadInterval = 5 * time.Second

	// tokenInterval is how long a token is used until its file is read again, as client-go has it. A service account's token is replaced
	// long before it expires, and servers take note of who goes on with the old one.
	tokenInterval = time.Minute
)

// access is what of a cluster's configuration may change while the cluster is followed: the credentials, and what is checked of the
// server. The contents of files are in it.
type access struct {
	authorization string // the value of the header Authorization; empty: provider or a plugin gives one, or nobody
	provider      *authProvider
	ca, cert, key []byte // PEM
	insecure      bool
	tokenFile     string                 // what the token was read from; empty: it was not
	sessions      tls.ClientSessionCache // of the connections that were made with it
}

// accessOf returns the access that cfg gives. An error is one of reading a file, or of an auth-provider.
func (c *Client) accessOf(cfg *rest.Config) (*access, error) {
	a := &access{insecure: cfg.Insecure, sessions: tls.NewLRUClientSessionCache(8)}
	for _, f := range []struct {
		to   *[]byte
		data []byte
		file string
	}{{&a.ca, cfg.CAData, cfg.CAFile}, {&a.cert, cfg.CertData, cfg.CertFile}, {&a.key, cfg.KeyData, cfg.KeyFile}} {
		if *f.to = f.data; len(f.data) == 0 && f.file != "" {
			var err error
			if *f.to, err = readFile(f.file); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case cfg.BearerTokenFile != "":
		a.tokenFile = cfg.BearerTokenFile
		token, err := readToken(a.tokenFile)
		if err != nil {
			if token = strings.TrimSpace(cfg.BearerToken); token == "" { // as client-go has it
				return nil, err
			}
		}
		a.authorization = "Bearer " + token
	case cfg.BearerToken != "":
		a.authorization = "Bearer " + cfg.BearerToken
	case cfg.Username != "":
		a.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(cfg.Username+":"+cfg.Password))
	case cfg.AuthProvider != nil: // last, as client-go has it
		var err error
		if a.provider, err = newAuthProvider(cfg, &c.asking, c.unwritten); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// unwritten logs that the new tokens of an auth-provider could not be written to their kubeconfig.
func (c *Client) unwritten(err error) {
	why := "it cannot be read" // parsers quote the text that they could not read
	if of, ok := errors.AsType[*fs.PathError](err); ok {
		why = Describe(of)
	}
	c.log.Warn().Msgf("%s: writing the new tokens to the kubeconfig: %s; they are used in this run alone", c.name, why)
}

// check returns an error if no connection can be made with the access: files that are being replaced may not fit each other for a moment.
func (a *access) check() error {
	_, err := transport.TLSConfigFor(&transport.Config{TLS: transport.TLSConfig{Insecure: a.insecure, CAData: a.ca, CertData: a.cert, KeyData: a.key}})
	return err
}

// readFile returns a file's text, which is not empty: without a CA the system's would be trusted, without credentials we would be nobody.
func readFile(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err == nil && len(bytes.TrimSpace(text)) == 0 {
		err = fmt.Errorf("%s is empty", file)
	}
	return text, err
}

// readToken returns the token that a file holds.
func readToken(file string) (string, error) {
	text, err := readFile(file)
	if err != nil {
		return "", fmt.Errorf("reading a token: %w", err)
	}
	return string(bytes.TrimSpace(text)), nil
}

// sameTLS reports whether connections are made the same way.
func (a *access) sameTLS(b *access) bool {
	return bytes.Equal(a.ca, b.ca) && bytes.Equal(a.cert, b.cert) && bytes.Equal(a.key, b.key) && a.insecure == b.insecure
}

// given reports whether there are credentials that are not asked for.
func (a *access) given() bool { return a.authorization != "" || len(a.cert) > 0 }

// apply has cfg give this access.
func (a *access) apply(cfg *rest.Config) {
	cfg.CAFile, cfg.CertFile, cfg.KeyFile = "", "", ""
	cfg.CAData, cfg.CertData, cfg.KeyData, cfg.Insecure = a.ca, a.cert, a.key, a.insecure
	cfg.AuthProvider = nil
	cfg.BearerToken, cfg.BearerTokenFile, cfg.Username, cfg.Password = "", "", "", "" // renewing sends what there is now
}

// renewable is the access to a cluster. When the server refuses it, or is not the one that it trusts, the configuration is read again.
type renewable struct {
	c    *Client
	read func() (*rest.Config, error)
	now  atomic.Pointer[access]

	tokenRead atomic.Int64 // when the token's file was, in Unix nanoseconds

	mu   sync.Mutex
	last time.Time // when it was read again
}

// renewal returns the access that cfg gives. reread returns the configuration as it is now; nil: it stays, and its files may change.
func (c *Client) renewal(cfg *rest.Config, reread func() (*rest.Config, error)) (*renewable, error) {
	if reread == nil {
		reread = func() (*rest.Config, error) { return cfg, nil }
	}
	a, err := c.accessOf(cfg)
	if err != nil {
		return nil, err
	}
	r := &renewable{c: c, read: reread}
	r.now.Store(a)
	r.tokenRead.Store(time.Now().UnixNano())
	return r, nil
}

// access returns the access that there is, with the token that its file has by now.
func (r *renewable) access() *access {
	a, read, now := r.now.Load(), r.tokenRead.Load(), time.Now().UnixNano()
	if a.tokenFile == "" || now-read < int64(tokenInterval) || !r.tokenRead.CompareAndSwap(read, now) {
		return a
	}
	token, err := readToken(a.tokenFile)
	if err != nil || a.authorization == "Bearer "+token { // while the file cannot be read the token stays
		return a
	}
	b := *a
	b.authorization = "Bearer " + token
	r.now.CompareAndSwap(a, &b)
	return r.now.Load()
}

// renew reports whether there is another access than used, which has failed.
func (r *renewable) renew(used *access) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now.Load() != used {
		return true
	}
	if !r.last.IsZero() && time.Since(r.last) < rereadInterval {
		return false
	}
	r.last = time.Now()
	cfg, err := r.read()
	var a *access
	if err == nil {
		a, err = r.c.accessOf(cfg)
	}
	if err == nil {
		err = a.check()
	}
	switch {
	case err != nil:
		r.c.log.Debug().Msgf("%s: reading the configuration again: %s", r.c.name, Describe(err))
		return false
	case (a.provider == nil) != (used.provider == nil), a.given() != used.given(): // a plugin or an auth-provider stays, and so do credentials where there are none any more
		return false
	case a.authorization == used.authorization && a.provider.equal(used.provider) && a.sameTLS(used):
		return false
	}
	r.now.Store(a)
	if bytes.Equal(a.ca, used.ca) && a.insecure == used.insecure {
		r.c.log.Info().Msgf("%s: the credentials were refused; there are new ones", r.c.name)
	} else {
		r.c.log.Info().Msgf("%s: the server's certificate was not accepted; the configuration has another CA now", r.c.name)
	}
	return true
}

// renewing is a transport that gives itself access to the cluster.
type renewing struct {
	*renewable
	build func(*access) (http.RoundTripper, error)

	mu   sync.Mutex
	of   *access
	next http.RoundTripper // with that access
}

// transport returns the access that there is now, and the transport with it.
func (r *renewing) transport() (*access, http.RoundTripper, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.access() // with mu held: a transport is never replaced by an older one
	switch {
	case r.of == a:
	case r.of != nil && r.of.sameTLS(a):
		r.of = a
	default:
		next, err := r.build(a)
		if err != nil {
			return nil, nil, err
		}
		if r.next != nil {
			utilnet.CloseIdleConnectionsFor(r.next)
		}
		r.of, r.next = a, next
	}
	return a, r.next, nil
}

// RoundTrip sends the request. If that fails because of the access, and there is another, it sends it again.
func (r *renewing) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, failed, err := r.send(req)
	if failed == nil || req.Body != nil || !r.renew(failed) {
		return resp, err
	}
	if resp != nil {
		resp.Body.Close()
	}
	resp, _, err = r.send(req)
	return resp, err
}

// send sends the request. failed is the access because of which it was not answered; nil: it was, or failed for another reason.
func (r *renewing) send(req *http.Request) (resp *http.Response, failed *access, err error) {
	a, next, err := r.transport()
	if err != nil {
		return nil, nil, err
	}
	authorization := a.authorization
	if a.provider != nil {
		if authorization, err = a.provider.authorization(req.Context()); err != nil {
			if req.Context().Err() == nil { // kubectl, too, may have used up the refresh token, and have written the next one
				failed, err = a, &noCredentials{err}
			}
			return nil, failed, err
		}
	}
	resp, refused, err := plugin.Send(next, req, authorization, len(a.cert) > 0)
	if refused || errors.As(err, new(*tls.CertificateVerificationError)) {
		failed = a
	}
	return resp, failed, err
}

// WrappedRoundTripper lets client-go reach the transport, to close idle connections.
func (r *renewing) WrappedRoundTripper() http.RoundTripper {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next
}
