package sim

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options describes a cluster. The zero value is a healthy cluster of v1.35 on a TCP port of 127.0.0.1.
type Options struct {
	Name    string           // in the CA, the UIDs and the admin's token; "sim" unless set. UIDs follow from it
	Node    string           // the node that pods without one are bound to; "node-1" unless set
	Version string           // gitVersion of /version; "v1.35.4" unless set
	Now     func() time.Time // the cluster's clock, see also Node.SetClock; time.Now unless set. Timers are always package time's
	Zone    *time.Location   // the offset that log stamps are written in; UTC unless set

	Memory   bool      // connections in memory, no socket; only RESTConfig reaches such a cluster, not Kubeconfig
	Down     bool      // starts as after Down
	HTTP1    bool      // HTTP/1.1 only
	HTTP2    bool      // HTTP/2 only: who offers HTTP/1.1 alone is refused by ALPN
	NotAfter time.Time // end of the serving certificate; far away unless set

	MaxConnections int  // open at once, as a load balancer allows: surplus ones wait, open on TCP's level only; no limit unless set
	ResetSurplus   bool // surplus ones are reset
	MaxStreams     int  // of an HTTP/2 connection, open at once; 100 unless set, none when negative

	NoAnonymous bool // requests without credentials are 401, not 403 as system:anonymous

	MaxPage       int64         // pods in a page of a list at most, where a limit is asked for; as many as that unless set
	History       int           // changes that a watch can resume over; 10,000 unless set
	GoneAsStatus  bool          // a watch from a forgotten version is HTTP 410, not an ERROR event
	NoWatchList   bool          // sendInitialEvents is refused, as before v1.32
	NoUID         bool          // pods are served without a UID, as by some servers that only look like an API server
	BookmarkEvery time.Duration // interval of bookmarks; one minute unless set, none when negative

	Backoff   func(restarts int) time.Duration // wait before the n-th restart (from 1); 10 ms doubling to 1 s unless set
	StatusLag time.Duration                    // how long the API's status lags behind a container's end; the log ends at once
	Images    []string                         // images on the node besides mktail.test/loggen:1; others can't be pulled
	Programs  map[string]Program               // by the first word of a container's command, besides /loggen

	LateHeaders  bool // log headers wait for the first byte, as with kubelets before v1.32
	Chunk        int  // greatest write and flush of a log stream in bytes; 32 KiB unless set, one line each when negative
	SplitStreams bool // the gate PodLogsQuerySplitStreams: ?stream=Stdout|Stderr
	MaxLog       int  // bytes after which a log file is rotated; never unless set
	MaxLogFiles  int  // files of a log that are kept, the current one too; 5 unless set
	SkipRotated  bool // a follower that is several rotations behind jumps to the newest file, as the kubelet does

	PodLogsDir    string        // of the nodes; /var/log/pods unless set. What is not below /var/log can't be read as a file
	LogMaxSize    string        // containerLogMaxSize of the nodes, which is only said; MaxLog is what counts
	NoLogFiles    bool          // enableSystemLogHandler is off: no node serves files
	KubeletSettle time.Duration // how long by Now a kubelet knows no pods after KubeletUp: log requests are 404

	RequestLog int // requests that Requests remembers; 10,000 unless set
}

// Program makes a container's process from its arguments (command and args, without the program's own name).
type Program func(args []string) (Run, error)

// Run is a container's process: it writes to stdout and stderr and returns its exit code. It must return soon after ctx
// ends (SIGTERM).
type Run func(ctx context.Context, stdout, stderr io.Writer) int

// Cluster is one simulated cluster. Whoever started it closes it.
type Cluster struct {
	opt     Options
	addr    string
	release func() // gives up the port of addr; nil if there is none
	ca      atomic.Pointer[authority]
	serving atomic.Pointer[tls.Certificate]
	srv     *http.Server
	store   *store
	users   *users
	faults  *faults
	stats   *stats

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // handlers, pods, accept loop

	mu       sync.Mutex
	closed   bool
	listener net.Listener // nil while down
	conns    map[*conn]struct{}
	accepted int     // connections so far
	surplus  []*conn // those of conns that wait for a place, oldest first
	frozen   bool
	memory   *memListener
	door     *door
	pods     map[string]*Pod // by namespace/name
	seq      int             // pods made so far
	kubelet  chan struct{}   // closed when the kubelet goes down
	kubeUp   chan struct{}   // closed while the kubelet is up
	settled  time.Time       // when the kubelet knows its pods
	nodes    map[string]*Node
}

// Start brings a cluster up. The error is one of listening or of making certificates.
func Start(opt Options) (*Cluster, error) {
	opt.defaults()
	c := &Cluster{
		opt:     opt,
		store:   newStore(opt),
		faults:  &faults{},
		stats:   newStats(opt.RequestLog),
		conns:   map[*conn]struct{}{},
		pods:    map[string]*Pod{},
		nodes:   map[string]*Node{},
		kubelet: make(chan struct{}),
		kubeUp:  make(chan struct{}),
	}
	close(c.kubeUp)
	c.Node(opt.Node)
	c.door = new(door)
	c.door.to.Store(c)
	c.users = newUsers(opt.NoAnonymous, c.adminToken())
	c.store.changed = c.stats.poke
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if err := c.RenewCA(); err != nil {
		return nil, err
	}
	c.srv = &http.Server{
		Handler:     http.HandlerFunc(c.serve),
		ErrorLog:    log.New(io.Discard, "", 0),
		TLSConfig:   c.tlsConfig(),
		BaseContext: func(net.Listener) context.Context { return c.ctx },
		ConnContext: withConn,
		HTTP2:       &http.HTTP2Config{MaxConcurrentStreams: opt.MaxStreams},
		Protocols:   new(http.Protocols),
	}
	if opt.MaxStreams < 0 {
		c.srv.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){"h2": refuseStreams}
	}
	if opt.HTTP2 {
		c.srv.TLSConfig.GetConfigForClient = requireHTTP2(c.srv.TLSConfig)
	}
	c.srv.Protocols.SetHTTP1(!opt.HTTP2)
	c.srv.Protocols.SetHTTP2(!opt.HTTP1)
	if err := c.listen(); err != nil {
		return nil, err
	}
	for _, name := range []string{"default", "kube-system"} {
		c.store.addNamespace(name)
	}
	if opt.Down {
		c.Down()
	}
	return c, nil
}

func (o *Options) defaults() {
	def(&o.Name, "sim")
	def(&o.Node, "node-1")
	def(&o.Version, "v1.35.4")
	def(&o.Zone, time.UTC)
	def(&o.History, 10_000)
	def(&o.BookmarkEvery, time.Minute)
	def(&o.Chunk, 32<<10)
	def(&o.RequestLog, 10_000)
	def(&o.MaxLogFiles, 5)
	def(&o.MaxStreams, 100) // the API server's own limit
	def(&o.PodLogsDir, "/var/log/pods")
	o.PodLogsDir = path.Clean(o.PodLogsDir)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Backoff == nil {
		o.Backoff = func(n int) time.Duration { return min(time.Second, 10*time.Millisecond<<min(n-1, 10)) }
	}
	o.Images = append(slices.Clone(o.Images), "mktail.test/loggen:1")
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// listen opens the cluster's address and serves it.
func (c *Cluster) listen() error {
	l, err := c.open()
	if err != nil {
		return err
	}
	c.addr = l.Addr().String()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.listener != nil { // meanwhile
		return l.Close()
	}
	c.listener = l
	c.work.Go(func() { _ = c.srv.ServeTLS(l, "", "") }) // ends when Down or Close closes l
	return nil
}

// URL is the address of the API server.
func (c *Cluster) URL() string { return "https://" + c.addr }

// Name is Options.Name.
func (c *Cluster) Name() string { return c.opt.Name }

// Down closes the listener and cuts every connection, as when the API server's process dies; pods run on.
func (c *Cluster) Down() {
	c.mu.Lock()
	l := c.listener
	c.listener = nil
	c.mu.Unlock()
	if l != nil {
		_ = l.Close()
	}
	c.CutConnections()
}

// CutConnections closes every connection; new ones are accepted. What was sent before still arrives.
func (c *Cluster) CutConnections() {
	c.mu.Lock()
	conns := c.conns
	c.conns, c.surplus = map[*conn]struct{}{}, nil
	c.mu.Unlock()
	for cn := range conns {
		cn.cut(false)
	}
}

// Up listens again on the same address after Down. The error is one of listening, as when another process took the port.
func (c *Cluster) Up() error {
	c.mu.Lock()
	up := c.listener != nil || c.closed
	c.mu.Unlock()
	if up {
		return nil
	}
	return c.listen()
}

// Freeze stops the network: open connections carry nothing in either direction and are not closed; new ones open on
// TCP's level only.
func (c *Cluster) Freeze() { c.setFrozen(true) }

// Thaw ends Freeze: what was held back is delivered.
func (c *Cluster) Thaw() { c.setFrozen(false) }

func (c *Cluster) setFrozen(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen = on
	for cn := range c.conns {
		cn.freeze(on || slices.Contains(c.surplus, cn))
	}
}

// Swallow has the open connections carry nothing from now on, in either direction, as a proxy does that has lost its other
// side: they are not closed. New ones work.
func (c *Cluster) Swallow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for cn := range c.conns {
		cn.freeze(true)
	}
}

// Close ends the server, every pod and every connection, and returns when no goroutine of the cluster is left but those
// of connections about to end.
func (c *Cluster) Close() {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.Down()
	if c.release != nil {
		c.release()
	}
	_ = c.srv.Close()
	c.work.Wait()
	c.door.to.Store(nil)
}

// enter counts a handler in; false once the cluster is closing.
func (c *Cluster) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.work.Add(1)
	return true
}
