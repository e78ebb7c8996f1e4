package kube

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

const (
	// readAheadSize is how much a connection reads at once after fullReads reads in a row that brought all that was asked for,
	// where that was far less. It stops when a read brings less than was asked for.
	readAheadSize = 32 << 10
	fullReads     = 4
	// A connection that has brought less than smallRead smallReads times in a row, less than twice its coalesce apart, waits
	// for up to that long before each further read. A kubelet sends each line by itself, which wakes whoever waits for it.
	smallReads = 8
	smallRead  = readAheadSize / 2
	// The coalesce of connections that carry one stream, and of those that streams share: each of many brings little.
	ownCoalesce    = time.Millisecond
	sharedCoalesce = 10 * time.Millisecond
)

// conn is a connection of log streams. It tells a stream that has it alone when it waits for the network: what a server sends
// at once may be a single line, and comes as a TLS record of its own, so that a reader can't know from what one Read brings
// whether more is at hand. Once watcher is set, only the goroutine that reads the stream may read the connection.
type conn struct {
	net.Conn
	coalesce time.Duration
	watcher  *LogStream // nil: none yet, or many share the connection

	ahead      *[readAheadSize]byte // nil while little comes
	start, end int                  // of what was read ahead and not yet taken
	full       int                  // reads in a row that brought all that was asked for
	small      int                  // reads in a row that brought little soon after the one before
	arrived    time.Time            // when the last read returned
}

// aheads are buffers for reading ahead. That of a connection that is closed meanwhile is not given back: a Read may still
// fill it.
var aheads = sync.Pool{New: func() any { return new([readAheadSize]byte) }}

// dialFunc opens a connection, as net.Dialer.DialContext does.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// dialConns returns a dialFunc that makes a conn of each connection that dial opens.
func dialConns(dial dialFunc, coalesce time.Duration) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: c, coalesce: coalesce}, nil
	}
}

// connOf returns the conn beneath TLS; nil: there is none.
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

// Read reads what was read ahead, else from the network.
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

// fill reads from the network once, into p or ahead. n counts bytes in p only if start is end afterwards.
func (c *conn) fill(p []byte) (n int, err error) {
	if c.watcher != nil {
		c.watcher.waitBegins()
		defer c.watcher.waitEnds()
	}
	if c.small >= smallReads {
		time.Sleep(c.coalesce - time.Duration(time.Now().UnixNano())%c.coalesce) // all connections at once: each would wake the process
	}
	if c.full >= fullReads && c.ahead == nil && len(p) < readAheadSize/4 {
		c.ahead = aheads.Get().(*[readAheadSize]byte)
	}
	asked := len(p)
	if c.ahead == nil {
		n, err = c.Conn.Read(p)
	} else {
		asked = readAheadSize
		n, err = c.Conn.Read(c.ahead[:])
		c.start, c.end = 0, n
	}
	if c.full++; n < len(p) {
		c.full = 0
	}
	now := time.Now()
	if n < min(smallRead, asked) && now.Sub(c.arrived) < 2*c.coalesce {
		c.small++
	} else {
		c.small = 0
	}
	c.arrived = now
	return n, err
}
