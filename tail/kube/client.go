package kube

import (
	"cmp"
	"context"
	"crypto/tls"
	"net/http"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

// Streams that are being opened at once, each of which may be a TLS handshake: of all clusters, each of which has its share,
// and of one.
const (
	allOpens = 256
	maxOpens = 64
	minOpens = 4
)

// ClientOptions are what the clients of a run have in common.
type Options struct {
	UserAgent  string
	AnswerIn   time.Duration // how long a server may take to answer what is not a stream; 0: a minute
	OwnStreams int           // open log streams that may have a connection each, over HTTP/1.1; more share some, over HTTP/2 where the server has it
	Plugins    Plugins
	Log        zerolog.Logger // diagnostics; each message begins with the cluster's name
}

// SharedClients is what the clients of a run share: their options, and limits over all clusters.
type Shared struct {
	Options
	limiter *execLimiter
	own     *semaphore.Weighted // streams that have a connection each
	share   int64               // of each cluster in the streams that are being opened at once
}

// NewShared makes what so many clients share.
func NewShared(o Options, clients int) *Shared {
	o.AnswerIn = cmp.Or(o.AnswerIn, time.Minute)
	return &Shared{
		Options: o, limiter: o.Plugins.limiter(),
		own:   semaphore.NewWeighted(int64(max(0, o.OwnStreams))),
		share: int64(min(max(minOpens, allOpens/max(1, clients)), maxOpens)),
	}
}

// Client talks to one API server. Many goroutines may use it. Requests that are not streams end after Shared's AnswerIn.
type Client struct {
	*Shared
	name string

	api       *core.CoreV1Client // a whole set of clients takes 60 times as long to be made
	logs      *core.CoreV1Client // for streams with a connection each
	shared    *core.CoreV1Client // for streams that share some
	meta      metadata.Interface
	discovery discovery.DiscoveryInterface
	files     NodeFiles
	closers   []func()

	opens *semaphore.Weighted // streams that are being opened
}

// NewClient makes a client of the cluster that messages call name. It copies from and opens no connection. reread returns
// the configuration as it is now, whose token or name and password are taken over when the server refuses those in from;
// nil: they stay. The caller closes the client. Clients are made one after another: see Plugins.connect.
func New(name string, from *rest.Config, reread func() (*rest.Config, error), shared *Shared) (*Client, error) {
	c := &Client{Shared: shared, name: name, opens: semaphore.NewWeighted(shared.share)}
	c.files.c = c
	if err := c.connect(from, reread); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) connect(from *rest.Config, reread func() (*rest.Config, error)) error {
	cfg := rest.CopyConfig(from)
	cfg.QPS, cfg.RateLimiter = -1, nil // opens bounds what matters
	cfg.UserAgent = c.UserAgent
	cfg.WarningHandler = warnings{c}
	cfg.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	cfg.ContentType = runtime.ContentTypeProtobuf
	if cfg.Dial == nil {
		cfg.Dial = newDialer().DialContext
	}
	// Logs go over HTTP/1.1, a connection for each stream: it costs half the CPU of HTTP/2 a line, a stream that
	// stalls holds up no other, and no server's limit of streams on a connection counts.
	// But such a connection takes memory, so that of very many streams the rest share connections of HTTP/2. Those are apart
	// from the one of the lists and watches, which streams that stall must not hold up.
	logs, shared := rest.CopyConfig(cfg), rest.CopyConfig(cfg)
	logs.NextProtos, shared.NextProtos = ownProtos, []string{"h2", "http/1.1"}

	var sessions tls.ClientSessionCache
	if cfg.ExecProvider == nil && cfg.CertFile == "" { // a resumed session has the client's certificate of the first, which must not change
		sessions = tls.NewLRUClientSessionCache(8)
	}
	renewal := c.renewal(cfg, reread)
	return c.Plugins.connect(c, cfg, func(plugin transport.WrapperFunc) (err error) {
		wrap := func(rt http.RoundTripper) http.RoundTripper { return plugin(renewal(rt)) }
		if c.api, err = newCore(cfg, sessions, 0, wrap); err != nil {
			return err
		}
		if c.meta, err = metadata.NewForConfigAndClient(metadata.ConfigFor(cfg), httpClient(c.api)); err != nil {
			return err
		}
		if c.discovery, err = discovery.NewDiscoveryClientForConfigAndClient(cfg, httpClient(c.api)); err != nil {
			return err
		}
		for _, one := range []struct {
			cfg  *rest.Config
			wait time.Duration
			to   **core.CoreV1Client
		}{{logs, ownWait, &c.logs}, {shared, sharedWait, &c.shared}} {
			one.cfg.WrapTransport, one.cfg.ExecProvider = cfg.WrapTransport, cfg.ExecProvider
			if *one.to, err = newCore(one.cfg, sessions, one.wait, wrap); err != nil {
				return err
			}
		}
		return nil
	})
}

// ownProtos are those of connections that carry one stream each.
var ownProtos = []string{"http/1.1"}

// newCore makes a client whose connections, if wait is not 0, are conns.
func newCore(cfg *rest.Config, sessions tls.ClientSessionCache, wait time.Duration, wrap transport.WrapperFunc) (*core.CoreV1Client, error) {
	hc, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	tune(hc.Transport, sessions, wait, slices.Equal(cfg.NextProtos, ownProtos))
	hc.Transport = wrap(hc.Transport)
	return core.NewForConfigAndClient(cfg, hc)
}

// httpClient is what a client sends its requests through.
func httpClient(c *core.CoreV1Client) *http.Client { return c.RESTClient().(*rest.RESTClient).Client }

// streamWindow is how much a server may send on a stream of HTTP/2 that nobody reads, and connectionWindow on all streams of
// a connection; Go's own bounds are 4 MiB and 1 GiB. The greatest that it takes is just below 4 MiB.
const (
	streamWindow     = 128 << 10
	connectionWindow = 4<<20 - 1
)

// tune sets what client-go has no setting for, before the first connection is opened: a bound for streams that stall,
// where TLS sessions are kept to be resumed, which makes the handshakes of log streams cheaper, that connections are conns, and
// if own, that each request has one of its own.
func tune(rt http.RoundTripper, sessions tls.ClientSessionCache, wait time.Duration, own bool) {
	for {
		switch t := rt.(type) {
		case *http.Transport:
			if t.HTTP2 == nil { // clusters with the same configuration share it
				t.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: streamWindow, MaxReceiveBufferPerConnection: connectionWindow}
				if t.TLSClientConfig != nil && sessions != nil {
					t.TLSClientConfig.ClientSessionCache = sessions
				}
				if wait > 0 {
					t.DialContext = dialConns(t.DialContext, wait)
				}
				t.DisableKeepAlives = own // a conn is one stream's alone
			}
			return
		case utilnet.RoundTripperWrapper:
			rt = t.WrappedRoundTripper()
		default:
			return
		}
	}
}

// Close ends the idle connections and what else the client has opened.
func (c *Client) Close() {
	for _, client := range []*core.CoreV1Client{c.api, c.logs, c.shared} {
		if client != nil {
			utilnet.CloseIdleConnectionsFor(httpClient(client).Transport)
		}
	}
	for _, f := range c.closers {
		f()
	}
}

// NodeFiles returns the log files on the cluster's nodes.
func (c *Client) NodeFiles() *NodeFiles { return &c.files }

// Discovery returns what tells of the resources that the server has. Its requests have no time limit of ours.
func (c *Client) Discovery() discovery.DiscoveryInterface { return c.discovery }

// answer gives a request that is not a stream its time limit.
func (c *Client) answer(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.AnswerIn)
}

// ListPods lists the pods of a namespace, or of all with "".
func (c *Client) ListPods(ctx context.Context, ns string, o metav1.ListOptions) (*corev1.PodList, error) {
	ctx, cancel := c.answer(ctx)
	defer cancel()
	return c.api.Pods(ns).List(ctx, o)
}

// WatchPods watches the pods of a namespace, or of all with "", until ctx ends. The caller stops the watch.
func (c *Client) WatchPods(ctx context.Context, ns string, o metav1.ListOptions) (watch.Interface, error) {
	return c.api.Pods(ns).Watch(ctx, o)
}

// GetPod returns the pod of that name, which may be another than the one that had it before. When a cluster comes back, all
// who follow its containers ask at once: they take turns with the streams that are opened.
func (c *Client) GetPod(ctx context.Context, ns, name string) (*corev1.Pod, error) {
	ctx, cancel := c.answer(ctx)
	defer cancel()
	if err := c.opens.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer c.opens.Release(1)
	return c.api.Pods(ns).Get(ctx, name, metav1.GetOptions{})
}

// ListNamespaces lists all namespaces.
func (c *Client) ListNamespaces(ctx context.Context) (*corev1.NamespaceList, error) {
	ctx, cancel := c.answer(ctx)
	defer cancel()
	return c.api.Namespaces().List(ctx, metav1.ListOptions{})
}

// WatchNamespaces watches all namespaces from a version on, until ctx ends. The caller stops the watch.
func (c *Client) WatchNamespaces(ctx context.Context, version string) (watch.Interface, error) {
	return c.api.Namespaces().Watch(ctx, metav1.ListOptions{ResourceVersion: version, AllowWatchBookmarks: true})
}

// ListServices lists the services of a namespace, or of all with "".
func (c *Client) ListServices(ctx context.Context, ns string) (*corev1.ServiceList, error) {
	ctx, cancel := c.answer(ctx)
	defer cancel()
	return c.api.Services(ns).List(ctx, metav1.ListOptions{})
}

// WatchServices watches the services of a namespace, or of all with "", from a version on, until ctx ends. The caller stops
// the watch.
func (c *Client) WatchServices(ctx context.Context, ns, version string) (watch.Interface, error) {
	return c.api.Services(ns).Watch(ctx, metav1.ListOptions{ResourceVersion: version})
}

// GetMetadata returns the metadata of an object of any kind. ns is empty for a resource that has no namespaces.
func (c *Client) GetMetadata(ctx context.Context, resource schema.GroupVersionResource, ns, name string) (*metav1.PartialObjectMetadata, error) {
	ctx, cancel := c.answer(ctx)
	defer cancel()
	var in metadata.ResourceInterface = c.meta.Resource(resource)
	if ns != "" {
		in = c.meta.Resource(resource).Namespace(ns)
	}
	return in.Get(ctx, name, metav1.GetOptions{})
}

// warnings gives the warnings of an API server to our log, at debug: they are about requests, not about logs.
type warnings struct{ c *Client }

// HandleWarningHeader logs one warning.
func (w warnings) HandleWarningHeader(code int, _ string, text string) {
	if code == 299 && text != "" {
		w.c.Log.Debug().Msgf("%s: the server warns: %s", w.c.name, text)
	}
}
