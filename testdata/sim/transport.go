package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
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
	if c.addr == "" {
		var err error
		if c.addr, c.release, err = reservePort(); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("tcp", c.addr)
	if err != nil {
		return nil, err
	}
	return &listener{l, c}, nil
}

type listener struct {
	net.Listener
	c *Cluster
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		cn := &conn{Conn: nc, c: l.c, closed: make(chan struct{})}
		if l.c.admit(cn) {
			return cn, nil
		}
		cn.cut(true)
	}
}

// admit takes note of an accepted connection; false if it is to be reset.
func (c *Cluster) admit(cn *conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener == nil || c.closed { // went down meanwhile
		_ = cn.Conn.Close()
		return true
	}
	c.accepted++
	full := c.opt.MaxConnections > 0 && len(c.conns)-len(c.surplus) >= c.opt.MaxConnections
	if full && c.opt.ResetSurplus {
		return false
	}
	if full {
		c.surplus = append(c.surplus, cn)
	}
	if full || c.frozen {
		cn.freeze(true)
	}
	c.conns[cn] = struct{}{}
	return true
}

// leave forgets a connection, and gives its place to the one that has waited longest.
func (c *Cluster) leave(cn *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, cn)
	if i := slices.Index(c.surplus, cn); i >= 0 {
		c.surplus = slices.Delete(c.surplus, i, i+1)
	}
	if len(c.surplus) > 0 && len(c.conns)-len(c.surplus) < c.opt.MaxConnections {
		c.surplus[0].freeze(c.frozen)
		c.surplus = c.surplus[1:]
	}
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
	cn.c.leave(cn)
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
