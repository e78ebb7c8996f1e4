package sim

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// memBuffer is how many bytes a connection in memory holds in each direction before its writer waits.
const memBuffer = 64 << 10

type memAddr string

func (memAddr) Network() string  { return "tcp" }
func (a memAddr) String() string { return string(a) }

// memListener accepts connections in memory; it blocks only in ways that testing/synctest counts as durable.
type memListener struct {
	addr   memAddr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newMemListener(addr string) *memListener {
	return &memListener{addr: memAddr(addr), conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *memListener) Addr() net.Addr { return l.addr }

func (l *memListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memListener) dial(ctx context.Context) (net.Conn, error) {
	up, down := newMemPipe(), newMemPipe()
	select {
	case l.conns <- &memConn{in: up, out: down, addr: l.addr}:
		return &memConn{in: down, out: up, addr: l.addr}, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// memConn is one end of a connection in memory, buffered as a socket is.
type memConn struct {
	in, out *memPipe
	addr    memAddr
	linger0 bool
}

func (c *memConn) Read(p []byte) (int, error)         { return c.in.read(p) }
func (c *memConn) Write(p []byte) (int, error)        { return c.out.write(p) }
func (c *memConn) LocalAddr() net.Addr                { return c.addr }
func (c *memConn) RemoteAddr() net.Addr               { return c.addr }
func (c *memConn) SetReadDeadline(t time.Time) error  { c.in.deadline(&c.in.rd, t); return nil }
func (c *memConn) SetWriteDeadline(t time.Time) error { c.out.deadline(&c.out.wr, t); return nil }
func (c *memConn) SetLinger(sec int) error            { c.linger0 = sec == 0; return nil }

func (c *memConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *memConn) Close() error {
	c.in.close(true, syscall.EPIPE)
	if c.linger0 {
		c.out.close(true, syscall.ECONNRESET)
	} else {
		c.out.close(false, io.EOF)
	}
	return nil
}

// memPipe is one direction of a connection.
type memPipe struct {
	mu     sync.Mutex
	cond   *sync.Cond
	buf    []byte
	err    error // what ends reads, after buf
	rd, wr memDeadline
}

type memDeadline struct {
	timer *time.Timer
	past  bool
}

func newMemPipe() *memPipe {
	p := &memPipe{}
	p.cond = sync.NewCond(&p.mu)
	return p
}

func (p *memPipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.rd.past:
			return 0, os.ErrDeadlineExceeded
		case len(p.buf) > 0:
			n := copy(b, p.buf)
			p.buf = append(p.buf[:0], p.buf[n:]...)
			p.cond.Broadcast()
			return n, nil
		case p.err == syscall.EPIPE:
			return 0, net.ErrClosed
		case p.err != nil:
			return 0, p.err
		case len(b) == 0:
			return 0, nil
		}
		p.cond.Wait()
	}
}

func (p *memPipe) write(b []byte) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(b) > 0 {
		switch {
		case p.err == io.EOF:
			return n, net.ErrClosed
		case p.err != nil:
			return n, p.err
		case p.wr.past:
			return n, os.ErrDeadlineExceeded
		case len(p.buf) < memBuffer:
			k := min(len(b), memBuffer-len(p.buf))
			p.buf = append(p.buf, b[:k]...)
			b, n = b[k:], n+k
			p.cond.Broadcast()
		default:
			p.cond.Wait()
		}
	}
	return n, nil
}

// close ends the direction with err; drop also throws away what was not read.
func (p *memPipe) close(drop bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil || drop {
		p.err = err
	}
	if drop {
		p.buf = nil
	}
	for _, d := range []*memDeadline{&p.rd, &p.wr} {
		if d.timer != nil {
			d.timer.Stop()
		}
	}
	p.cond.Broadcast()
}

func (p *memPipe) deadline(d *memDeadline, t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.past = !t.IsZero() && !t.After(time.Now())
	if !t.IsZero() && !d.past {
		var timer *time.Timer
		timer = time.AfterFunc(time.Until(t), func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			if d.timer == timer {
				d.past = true
				p.cond.Broadcast()
			}
		})
		d.timer = timer
	}
	p.cond.Broadcast()
}
