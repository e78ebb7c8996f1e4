package kube

import (
	"crypto/tls"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/discovery"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

// clients are those of one cluster, by the connections that they use.
type clients struct {
	lists      *core.CoreV1Client // of all but log streams; to make a whole clientset takes 60 times as long
	ownLogs    *core.CoreV1Client // of log streams that have a connection each
	sharedLogs *core.CoreV1Client // of log streams that share connections
}

// closeIdle closes the idle connections of those that were made.
func (c *clients) closeIdle() {
	for _, client := range []*core.CoreV1Client{c.lists, c.ownLogs, c.sharedLogs} {
		if client != nil {
			utilnet.CloseIdleConnectionsFor(httpClient(client).Transport)
		}
	}
}

// connect makes the clients of the server in this configuration. It opens no connection.
//
// Log streams go over HTTP/1.1 with a connection each: it costs half the CPU of HTTP/2 a line, a stream that stalls holds up
// no other, and a server's limit of streams on a connection does not count. But such a connection takes memory, so that of
// very many streams the rest share connections of HTTP/2. Those are not the one of the lists and watches, which streams that
// stall must not hold up, as long as the server gives both.
func (c *Client) connect(from *rest.Config) error {
	if err := c.users.begin(); err != nil {
		return err
	}
	cfg := c.settings(from)
	var err error
	if c.lists, err = c.newCore(cfg, connections{}); err != nil {
		return err
	}
	limited := &http.Client{Transport: httpClient(c.lists).Transport, CheckRedirect: sameServer, Timeout: c.shared.options.RequestTimeout}
	resources, err := discovery.NewDiscoveryClientForConfigAndClient(cfg, limited)
	if err != nil {
		return err
	}
	c.discovery = discovery.NewDiscoveryClient(once{resources.RESTClient()})
	own := connections{protocols: []string{"http/1.1"}, coalesce: ownCoalesce, dedicated: true}
	if c.ownLogs, err = c.newCore(cfg, own); err != nil {
		return err
	}
	shared := connections{protocols: []string{"h2", "http/1.1"}, coalesce: sharedCoalesce}
	c.sharedLogs, err = c.newCore(cfg, shared)
	return err
}

// settings returns a copy of a configuration, with what all clients have in common.
func (c *Client) settings(from *rest.Config) *rest.Config {
	cfg := rest.CopyConfig(from)
	cfg.QPS, cfg.RateLimiter = -1, nil // opening bounds what matters
	cfg.UserAgent = c.shared.options.UserAgent
	cfg.WarningHandler = warnings{c}
	cfg.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	cfg.ContentType = runtime.ContentTypeProtobuf
	if cfg.Dial == nil {
		cfg.Dial = newDialer().DialContext
	}
	cfg.ExecProvider = nil // so that client-go does not run it
	return cfg
}

// connections says how a client makes its connections, as far as client-go has no setting for it.
type connections struct {
	protocols []string      // to be offered by ALPN; nil: as the configuration has it
	coalesce  time.Duration // they are conns that wait for so long; 0: they are not conns
	dedicated bool          // each carries one request, and is then closed
}

// newCore makes a client.
func (c *Client) newCore(cfg *rest.Config, how connections) (*core.CoreV1Client, error) {
	t, err := c.users.transport(how)
	if err != nil {
		return nil, err
	}
	made, err := core.NewForConfigAndClient(cfg, &http.Client{Transport: &exchanging{c, t}, CheckRedirect: sameServer, Timeout: cfg.Timeout})
	if err != nil {
		return nil, err
	}
	return core.New(once{made.RESTClient()}), nil
}

// newTransport makes a transport of a user with this access.
func (u *user) newTransport(how connections, a *access) (http.RoundTripper, error) {
	cfg := rest.CopyConfig(u.cfg)
	a.apply(cfg)
	config, err := cfg.TransportConfig()
	if err != nil {
		return nil, err
	}
	if how.protocols != nil {
		config.TLS.NextProtos = how.protocols
	}
	sessions := a.sessions
	if u.plugin != nil {
		u.plugin.Apply(config)
		sessions = nil // a resumed session has the client's certificate of the first, which the plugin may replace
	}
	rt, err := transport.New(config)
	if err != nil {
		return nil, err
	}
	how.apply(rt, sessions)
	return rt, nil
}

// httpClient returns the client that c sends its requests through.
func httpClient(c *core.CoreV1Client) *http.Client {
	return c.RESTClient().(once).Interface.(*rest.RESTClient).Client
}

// streamWindow is how much a server may send on a stream of HTTP/2 that nobody reads; Go's own bound is 4 MiB. That of all streams of
// a connection stays Go's own, 1 GiB: whatever is below the windows of all its streams lets those that wait hold up others.
const streamWindow = 128 << 10

// apply sets up the transport below rt, before its first connection is opened, and only once if client-go shares it among
// clients. It also gets bounds for streams that stall. sessions are for handshakes that resume one, which costs less; nil: none does.
func (how connections) apply(rt http.RoundTripper, sessions tls.ClientSessionCache) {
	for {
		switch t := rt.(type) {
		case *http.Transport:
			if t.HTTP2 == nil {
				t.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: streamWindow}
				if t.TLSClientConfig != nil && sessions != nil {
					t.TLSClientConfig.ClientSessionCache = sessions
				}
				if how.coalesce > 0 {
					t.DialContext = dialConns(t.DialContext, how.coalesce)
				}
				t.DisableKeepAlives = how.dedicated
			}
			return
		case utilnet.RoundTripperWrapper:
			rt = t.WrappedRoundTripper()
		default:
			return
		}
	}
}
