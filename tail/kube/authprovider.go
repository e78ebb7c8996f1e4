package kube

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	_ "k8s.io/client-go/plugin/pkg/client/auth/oidc" // registers the one auth-provider that client-go still has
	"k8s.io/client-go/rest"
)

// authProvider gives the tokens of a user whose kubeconfig has an auth-provider. client-go's provider refreshes them, and writes new
// ones into that kubeconfig, as kubectl does. It knows nothing of a request's context, and its requests have no time limit, so it is
// asked beside the requests that wait for it.
type authProvider struct {
	key    [sha256.Size]byte // equal for equal configurations
	token  http.RoundTripper // sends a request with a token to headerTaker
	asking *sync.WaitGroup   // has each question that is under way

	mu    sync.Mutex
	asked *tokenAnswer // is under way; nil: none is
}

// tokenAnswer is what an auth-provider answers when it is asked once.
type tokenAnswer struct {
	done   chan struct{}
	header string // the value of the header Authorization
	err    error
}

// newAuthProvider returns the auth-provider that cfg names.
//
// client-go keeps one provider for each server, issuer and client ID, whoever the user is. With the user's configuration in place of the
// server, two users of a server don't get each other's tokens, and the clusters of one user share a refresh token: many issuers
// take it only once.
//
// asking gets each question to the provider. warn is called with the error if new tokens can't be written.
func newAuthProvider(cfg *rest.Config, asking *sync.WaitGroup, warn func(error)) (*authProvider, error) {
	text, err := json.Marshal(cfg.AuthProvider)
	if err != nil {
		return nil, errors.New("the configuration of the auth-provider cannot be read")
	}
	p := &authProvider{key: sha256.Sum256(text), asking: asking}
	from, err := rest.GetAuthProvider(string(p.key[:]), cfg.AuthProvider, persister{cfg.AuthConfigPersister, warn})
	if err != nil {
		return nil, fmt.Errorf("auth-provider %s: %w", cfg.AuthProvider.Name, err)
	}
	p.token = from.WrapTransport(headerTaker{})
	return p, nil
}

// persister writes new tokens into a kubeconfig.
type persister struct {
	to   rest.AuthProviderConfigPersister // nil: none
	warn func(error)
}

// persisting is held by who writes: client-go's lock of a file gives up at once if another cluster's user in the same file has it.
var persisting sync.Mutex

// Persist writes them. That it fails is no error: the tokens are good for this run, and the old ones may be used up.
func (p persister) Persist(config map[string]string) error {
	if p.to == nil {
		return nil
	}
	persisting.Lock()
	defer persisting.Unlock()
	if err := p.to.Persist(config); err != nil {
		p.warn(err)
	}
	return nil
}

// refreshLimit is how long the end of a run waits for tokens that an issuer was asked for. Many issuers take a refresh token only once: if
// the next one is not written, the user has to log in again.
const refreshLimit = 2 * time.Second

// awaitTokens waits until tokens that were asked for are written, but no longer than refreshLimit for the issuer.
func (c *Client) awaitTokens() {
	answered := make(chan struct{})
	go func() {
		c.asking.Wait()
		close(answered)
	}()
	limit := time.NewTimer(refreshLimit)
	defer limit.Stop()
	select {
	case <-answered:
	case <-limit.C:
		persisting.Lock() // by who writes, which takes no longer than a file does
		defer persisting.Unlock()
	}
}

// authorization returns the value of the header Authorization. An error is the provider's, or that of ctx.
func (p *authProvider) authorization(ctx context.Context) (string, error) {
	p.mu.Lock()
	a := p.asked
	if a == nil {
		a = &tokenAnswer{done: make(chan struct{})}
		p.asked = a
		p.asking.Go(func() { p.ask(a) })
	}
	p.mu.Unlock()
	select {
	case <-a.done:
		return a.header, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// ask asks client-go's provider for a token.
func (p *authProvider) ask(a *tokenAnswer) {
	resp, err := p.token.RoundTrip(&http.Request{Header: make(http.Header)})
	if err != nil {
		a.err = fmt.Errorf("auth-provider: %w", err)
	} else {
		a.header = resp.Header.Get("Authorization")
	}
	p.mu.Lock()
	p.asked = nil
	p.mu.Unlock()
	close(a.done)
}

// equal reports whether two providers, which may be nil, have the same configuration.
func (p *authProvider) equal(q *authProvider) bool {
	if p == nil || q == nil {
		return p == q
	}
	return p.key == q.key
}

// headerTaker answers a request with its own header, and sends nothing.
type headerTaker struct{}

// RoundTrip implements http.RoundTripper.
func (headerTaker) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{Header: req.Header, Body: http.NoBody}, nil
}
