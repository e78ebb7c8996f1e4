package kube

import (
	"crypto/tls"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/discovery"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
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

// connect makes the clients of a cluster with this configuration. It opens no connection.
//
// Log streams go over HTTP/1.1 with a connection each: it costs half the CPU of HTTP/2 a line, a stream that stalls holds up
// no other, and a server's limit of streams on a connection does not count. But such a connection takes memory, so that of
// very many streams the rest share connections of HTTP/2. Those are not the one of the lists and watches, which streams that
// stall must not hold up.
func (c *Client) connect(from *rest.Config, reread func() (*rest.Config, error)) error {
	cfg := rest.CopyConfig(from)
	cfg.QPS, cfg.RateLimiter = -1, nil // opening bounds what matters
	cfg.UserAgent = c.shared.options.UserAgent
	cfg.WarningHandler = warnings{c}
	cfg.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	cfg.ContentType = runtime.ContentTypeProtobuf
	if cfg.Dial == nil {
		cfg.Dial = newDialer().DialContext
	}
	var sessions tls.ClientSessionCache
	if cfg.ExecProvider == nil && cfg.CertFile == "" { // a resumed session has the client's certificate of the first, which must not change
		sessions = tls.NewLRUClientSessionCache(8)
	}
	renewal := c.renewal(cfg, reread)
	return c.withPlugin(cfg, func(plugin transport.WrapperFunc) (err error) {
		wrap := func(rt http.RoundTripper) http.RoundTripper { return plugin(renewal(rt)) }
		if c.lists, err = newCore(cfg, connections{sessions: sessions}, wrap); err != nil {
			return err
		}
		if c.meta, err = metadata.NewForConfigAndClient(metadata.ConfigFor(cfg), httpClient(c.lists)); err != nil {
			return err
		}
		if c.discovery, err = discovery.NewDiscoveryClientForConfigAndClient(cfg, httpClient(c.lists)); err != nil {
			return err
		}
		own := connections{sessions: sessions, protocols: []string{"http/1.1"}, coalesce: ownCoalesce, dedicated: true}
		if c.ownLogs, err = newCore(cfg, own, wrap); err != nil {
			return err
		}
		shared := connections{sessions: sessions, protocols: []string{"h2", "http/1.1"}, coalesce: sharedCoalesce}
		c.sharedLogs, err = newCore(cfg, shared, wrap)
		return err
	})
}

// connections says how a client makes its connections, as far as client-go has no setting for it.
type connections struct {
	sessions  tls.ClientSessionCache // for handshakes that resume a session, which costs less; nil: none does
	protocols []string               // to be offered by ALPN; nil: as the configuration has it
	coalesce  time.Duration          // they are conns that wait for so long; 0: they are not conns
	dedicated bool                   // each carries one request, and is then closed
}

// newCore makes a client. wrap is put around its transport.
func newCore(cfg *rest.Config, how connections, wrap transport.WrapperFunc) (*core.CoreV1Client, error) {
	if how.protocols != nil {
		cfg = rest.CopyConfig(cfg)
		cfg.NextProtos = how.protocols
	}
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	how.apply(client.Transport)
	client.Transport = wrap(client.Transport)
	return core.NewForConfigAndClient(cfg, client)
}

// httpClient returns the client that c sends its requests through.
func httpClient(c *core.CoreV1Client) *http.Client { return c.RESTClient().(*rest.RESTClient).Client }

// unwrapped is the transport.WrapperFunc that changes nothing.
func unwrapped(rt http.RoundTripper) http.RoundTripper { return rt }

// streamWindow is how much a server may send on a stream of HTTP/2 that nobody reads, and connectionWindow on all streams of
// a connection; Go's own bounds are 4 MiB and 1 GiB. The greatest that it takes is just below 4 MiB.
const (
	streamWindow     = 128 << 10
	connectionWindow = 4<<20 - 1
)

// apply sets up the transport below rt, before its first connection is opened, and only once if client-go shares it among
// clients. It also gets bounds for streams that stall.
func (how connections) apply(rt http.RoundTripper) {
	for {
		switch t := rt.(type) {
		case *http.Transport:
			if t.HTTP2 == nil {
				t.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: streamWindow, MaxReceiveBufferPerConnection: connectionWindow}
				if t.TLSClientConfig != nil && how.sessions != nil {
					t.TLSClientConfig.ClientSessionCache = how.sessions
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
