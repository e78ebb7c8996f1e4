package kube

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

const (
	// aheadBytes is how much a connection reads at once if fullReads in a row brought all that was asked for, which was
	// far less, until one brings less.
	aheadBytes = 32 << 10
	fullReads  = 4
	// A connection that has brought less than littleBytes briskReads times in a row, at intervals of less than twice its wait,
	// lets more come for that long before it reads on. A kubelet sends each line by itself, which wakes whoever waits for it.
	briskReads  = 8
	littleBytes = aheadBytes / 2
	ownWait     = time.Millisecond
	sharedWait  = 10 * time.Millisecond // each of many streams has little to say
)

// conn is the connection of log streams. It tells a stream that has it alone when it waits for the network: what a server sends at
// once may be a single line, and comes as a TLS record of its own, so that the reader can't tell by what one Read brings
// whether more is at hand. Once it is watched, only who reads the stream may read it.
type conn struct {
	net.Conn
	wait    time.Duration
	watcher *LogStream // nil: none yet, or many share it

	ahead      *[aheadBytes]byte // nil while little comes
	start, end int               // of what was read ahead and not yet taken
	full       int               // reads in a row that brought all that was asked for
	brisk      int               // reads in a row that brought little soon after the one before
	arrived    time.Time
}

// aheads are buffers of aheadBytes. One whose connection is closed meanwhile is not given back: a Read may still fill it.
var aheads = sync.Pool{New: func() any { return new([aheadBytes]byte) }}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// dialConns makes a conn of each connection.
func dialConns(dial dialFunc, wait time.Duration) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: c, wait: wait}, nil
	}
}

// connOf finds the conn beneath TLS; nil: there is none.
func connOf(c net.Conn) *conn {
	for {
		switch on := c.(type) {
		case *conn:
			return on
		case *tls.Conn:
			c = on.NetConn()
		default:
			return nil
		}
	}
}

func (c *conn) Read(p []byte) (int, error) {
	if c.start == c.end {
		if n, err := c.fill(p); c.start == c.end {
			return n, err
		}
	}
	n := copy(p, c.ahead[c.start:c.end])
	c.start += n
	if c.start == c.end && c.full == 0 {
		aheads.Put(c.ahead)
		c.ahead = nil
	}
	return n, nil
}

// fill reads from the network, into p or ahead.
func (c *conn) fill(p []byte) (n int, err error) {
	if c.watcher != nil {
		c.watcher.leave()
		defer c.watcher.arrive()
	}
	if c.brisk >= briskReads {
		time.Sleep(c.wait - time.Duration(time.Now().UnixNano())%c.wait) // all at once: each would wake the process
	}
	if c.full >= fullReads && c.ahead == nil && len(p) < aheadBytes/4 {
		c.ahead = aheads.Get().(*[aheadBytes]byte)
	}
	asked := len(p)
	if c.ahead == nil {
		n, err = c.Conn.Read(p)
	} else {
		asked = aheadBytes
		n, err = c.Conn.Read(c.ahead[:])
		c.start, c.end = 0, n
	}
	if c.full++; n < len(p) {
		c.full = 0
	}
	now := time.Now()
	if n < min(littleBytes, asked) && now.Sub(c.arrived) < 2*c.wait {
		c.brisk++
	} else {
		c.brisk = 0
	}
	c.arrived = now
	return n, err
}
