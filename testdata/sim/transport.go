package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is an accepted connection below TLS that can be frozen and cut.
type conn struct {
	net.Conn
	c      *Cluster
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex
	gate    chan struct{} // closed when thawed; nil while nothing is frozen
	written int64         // bytes written so far, as TLS has them
	wake    chan struct{} // closed when written grows; nil while nobody waits
}

// open listens on the cluster's address: at first any, later the same.
func (c *Cluster) open() (net.Listener, error) {
	if c.opt.Memory {
		l := newMemListener(c.opt.Name + ".sim:6443")
		c.mu.Lock()
		c.memory = l
		c.mu.Unlock()
		return &listener{l, c}, nil
	}
	addr := c.addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	// An outgoing connection of the machine may hold the port for a moment.
	for end := time.Now().Add(10 * time.Second); ; {
		l, err := net.Listen("tcp", addr)
		if err == nil {
			return &listener{l, c}, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(end) {
			return nil, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

type listener struct {
	net.Listener
	c *Cluster
}

func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	cn := &conn{Conn: nc, c: l.c, closed: make(chan struct{})}
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if l.c.listener == nil || l.c.closed { // went down meanwhile
		_ = nc.Close()
		return cn, nil
	}
	if l.c.frozen {
		cn.freeze(true)
	}
	l.c.conns[cn] = struct{}{}
	return cn, nil
}

func (cn *conn) Read(p []byte) (int, error) {
	n, err := cn.Conn.Read(p)
	if !cn.pass() {
		return 0, net.ErrClosed
	}
	return n, err
}

func (cn *conn) Write(p []byte) (int, error) {
	if !cn.pass() {
		return 0, net.ErrClosed
	}
	n, err := cn.Conn.Write(p)
	cn.mu.Lock()
	defer cn.mu.Unlock()
	cn.written += int64(n)
	if cn.wake != nil {
		close(cn.wake)
		cn.wake = nil
	}
	return n, err
}

// sent is how many bytes were written so far.
func (cn *conn) sent() int64 {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	return cn.written
}

// await waits until n bytes were written: HTTP/2's Flush returns before they are.
func (cn *conn) await(ctx context.Context, n int64) {
	for {
		cn.mu.Lock()
		if cn.written >= n {
			cn.mu.Unlock()
			return
		}
		if cn.wake == nil {
			cn.wake = make(chan struct{})
		}
		wake := cn.wake
		cn.mu.Unlock()
		select {
		case <-wake:
		case <-cn.closed:
			return
		case <-ctx.Done():
			return
		}
	}
}

// pass waits while the connection is frozen; false once it is closed.
func (cn *conn) pass() bool {
	for {
		cn.mu.Lock()
		gate := cn.gate
		cn.mu.Unlock()
		if gate == nil {
			return true
		}
		select {
		case <-gate:
		case <-cn.closed:
			return false
		}
	}
}

func (cn *conn) freeze(on bool) {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	switch {
	case on && cn.gate == nil:
		cn.gate = make(chan struct{})
	case !on && cn.gate != nil:
		close(cn.gate)
		cn.gate = nil
	}
}

func (cn *conn) Close() error {
	cn.once.Do(func() { close(cn.closed) })
	cn.c.mu.Lock()
	delete(cn.c.conns, cn)
	cn.c.mu.Unlock()
	return cn.Conn.Close()
}

// cut closes the connection below TLS, without its goodbye; with reset the peer gets RST and may lose what is under way.
func (cn *conn) cut(reset bool) {
	if reset {
		if l, ok := cn.Conn.(interface{ SetLinger(sec int) error }); ok {
			_ = l.SetLinger(0)
		}
	}
	_ = cn.Close()
}

type connKey struct{}

func withConn(ctx context.Context, nc net.Conn) context.Context {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, nc)
}

func connOf(ctx context.Context) *conn {
	cn, _ := ctx.Value(connKey{}).(*conn)
	return cn
}

// door leads to a cluster until that is closed. client-go keeps its transports for ever, and so what they dial with: that
// must not be the cluster itself.
type door struct{ to atomic.Pointer[Cluster] }

func (d *door) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if c := d.to.Load(); c != nil {
		return c.dial(ctx, network, addr)
	}
	return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: memAddr(addr), Err: syscall.ECONNREFUSED}
}

// dial opens a connection in memory.
func (c *Cluster) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	c.mu.Lock()
	l := c.memory
	if c.listener == nil {
		l = nil
	}
	c.mu.Unlock()
	if l != nil {
		if nc, err := l.dial(ctx); !errors.Is(err, net.ErrClosed) {
			return nc, err
		}
	}
	return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: memAddr(addr), Err: syscall.ECONNREFUSED}
}
