package tail

import (
	"context"
	"crypto/tls"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/discovery"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"mktail/emit"
	"mktail/tail/logline"
)

// Streams that are being opened at once, each of which may be a TLS handshake: of all clusters, each of which has its share,
// and of one.
const (
	allOpens  = 256
	mostOpens = 64
	fewOpens  = 4
)

// cluster is what the scopes and followers of one cluster share.
type cluster struct {
	*common
	name      string
	namespace string
	context   string
	err       error // why there are no clients

	api     *core.CoreV1Client // a whole set of clients takes 60 times as long to be made
	logs    *core.CoreV1Client // for streams with a connection each
	shared  *core.CoreV1Client // for streams that share some
	closers []func()

	opens   *semaphore.Weighted
	streams chan struct{} // a place for each stream
	queue   sync.Once     // says that followers wait for a place
	health  health
	stats   stats

	doubtful chan *follower // those that have just begun to doubt

	disk   nodeLogs
	owners owners

	mu  sync.Mutex
	all map[*follower]struct{} // that run
}

// common is what the clusters of a run share.
type common struct {
	o       *Options
	out     *emit.Output
	log     zerolog.Logger
	looks   *looks
	gate    *gate
	own     *semaphore.Weighted // streams that have a connection each
	buffers *logline.Pool
	share   int64 // of each cluster in the streams that are being opened at once
}

func newCommon(o *Options, out *emit.Output, clusters int) *common {
	return &common{
		o: o, out: out, log: o.Log, looks: &looks{o: o}, gate: o.Plugins.gate(),
		own:     semaphore.NewWeighted(int64(max(0, o.OwnStreams))),
		buffers: logline.NewPool(),
		share:   int64(min(max(fewOpens, allOpens/max(1, clusters)), mostOpens)),
	}
}

// newCluster makes the clients of a cluster. It opens no connection. An error is kept for run to say.
func newCluster(c Cluster, shared *common) *cluster {
	cl := &cluster{
		common: shared,
		name:   c.Name, namespace: c.Namespace, context: c.Context,
		opens:   semaphore.NewWeighted(shared.share),
		streams: make(chan struct{}, shared.o.MaxStreams),
		all:     make(map[*follower]struct{}), doubtful: make(chan *follower, 100),
		health: health{o: shared.o, cluster: c.Name},
	}
	cl.disk.c, cl.owners.c = cl, cl
	scopes := len(cl.namespaces())
	if cl.err = cl.connect(c.Config, c.Reread); cl.err != nil {
		scopes = 1 // that will never look
	}
	cl.looks.expect(scopes)
	return cl
}

func (c *cluster) connect(from *rest.Config, reread func() (*rest.Config, error)) error {
	cfg := rest.CopyConfig(from)
	cfg.QPS, cfg.RateLimiter = -1, nil // opens bounds what matters
	cfg.UserAgent = c.o.UserAgent
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
	return c.o.Plugins.connect(c, cfg, c.gate, func(plugin func(http.RoundTripper) http.RoundTripper) (err error) {
		wrap := func(rt http.RoundTripper) http.RoundTripper { return plugin(renewal(rt)) }
		if c.api, err = client(cfg, sessions, 0, wrap); err != nil {
			return err
		}
		if c.owners.meta, err = metadata.NewForConfigAndClient(metadata.ConfigFor(cfg), httpClient(c.api)); err != nil {
			return err
		}
		if c.owners.discovery, err = discovery.NewDiscoveryClientForConfigAndClient(cfg, httpClient(c.api)); err != nil {
			return err
		}
		for _, one := range []struct {
			cfg  *rest.Config
			wait time.Duration
			to   **core.CoreV1Client
		}{{logs, ownWait, &c.logs}, {shared, sharedWait, &c.shared}} {
			one.cfg.WrapTransport, one.cfg.ExecProvider = cfg.WrapTransport, cfg.ExecProvider
			if *one.to, err = client(one.cfg, sessions, one.wait, wrap); err != nil {
				return err
			}
		}
		return nil
	})
}

// ownProtos are those of connections that carry one stream each.
var ownProtos = []string{"http/1.1"}

// client makes a client whose connections, if wait is not 0, are conns.
func client(cfg *rest.Config, sessions tls.ClientSessionCache, wait time.Duration, wrap func(http.RoundTripper) http.RoundTripper) (*core.CoreV1Client, error) {
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

func (c *cluster) run(ctx context.Context) {
	if c.err != nil { // a bad certificate, say: trying again would not help
		c.stats.errors.Add(1)
		c.log.Error().Msgf("%s: %s", c.name, describe(c.err))
		c.o.notify(Event{Kind: ClusterDown, Cluster: c.name, Reason: describe(c.err)})
		c.looks.never()
		return
	}
	ending, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	if c.o.Follow {
		watch.Go(func() { c.check(ending) })
	}
	var wg sync.WaitGroup
	for _, ns := range c.namespaces() {
		wg.Go(func() { newScope(c, ns).run(ctx) })
	}
	wg.Wait()
}

// namespaces are those that are watched, each once; "" stands for all.
func (c *cluster) namespaces() []string {
	switch {
	case c.o.AllNamespaces, !c.o.literal():
		return []string{""}
	case len(c.o.Namespaces) == 0:
		return []string{c.namespace}
	}
	return c.o.named()
}

// trim keeps of a pod what this run needs.
func (c *cluster) trim(p *corev1.Pod) *pod {
	if c.o.Metadata {
		return trimAll(p)
	}
	return trim(p)
}

// follow runs a follower, which others can find while it runs.
func (c *cluster) follow(ctx context.Context, f *follower) {
	c.mu.Lock()
	c.all[f] = struct{}{}
	c.mu.Unlock()
	f.run(ctx)
	f.notify(ContainerClosed, nil)
	c.mu.Lock()
	delete(c.all, f)
	c.mu.Unlock()
}

// followers are those that run.
func (c *cluster) followers() []*follower {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.all))
}

// close ends the idle connections and what else a run has opened.
func (c *cluster) close() {
	for _, client := range []*core.CoreV1Client{c.api, c.logs, c.shared} {
		if client != nil {
			utilnet.CloseIdleConnectionsFor(httpClient(client).Transport)
		}
	}
	for _, f := range c.closers {
		f()
	}
}

// warnings gives the warnings of an API server to our log, at debug: they are about requests, not about logs.
type warnings struct{ c *cluster }

func (w warnings) HandleWarningHeader(code int, _ string, text string) {
	if code == 299 && text != "" {
		w.c.log.Debug().Msgf("%s: the server warns: %s", w.c.name, text)
	}
}
