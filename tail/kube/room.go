package kube

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// How log streams get along with few connections. A server, or what is in front of it, may allow a client only so many, and let
// surplus ones wait or reset them.
const (
	// connectTime is how long a stream waits for a connection, over all the ways that it may go.
	connectTime = 10 * time.Second
	// sharingTime is how long streams share connections once one could not have its own.
	sharingTime = 5 * time.Minute
	// listsFirst is how long no stream opens a connection of its own after lists and watches have got none, or until they have one.
	listsFirst = 30 * time.Second
	// roomEvery is how often one stream is ended for lists and watches that wait for a connection, maxRoom how often in a row.
	roomEvery = 2 * time.Second
	maxRoom   = 3
)

// room is what a client knows of the connections that its server allows.
type room struct {
	mu      sync.Mutex
	sharing *core.CoreV1Client // that streams go through until then, in place of a connection of their own
	until   time.Time
	lists   time.Time    // until then lists and watches come first
	made    int          // streams that were ended for lists and watches since these had a connection
	http1   bool         // the server has no HTTP/2: each request takes a connection
	streams []*LogStream // that have a connection of their own, the newest last
}

// ways returns through which clients a log stream may go, in the order in which they are tried. own says that it is to have a
// connection of its own.
func (c *Client) ways(own bool) []*core.CoreV1Client {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	now := time.Now()
	all := []*core.CoreV1Client{c.ownLogs, c.sharedLogs, c.lists}
	switch {
	case c.room.http1 && own:
		all = all[:1]
	case c.room.http1:
		all = all[1:2]
	case now.Before(c.room.until):
		all = all[slices.Index(all, c.room.sharing):]
	case !own || now.Before(c.room.lists):
		all = all[1:]
	}
	return all
}

// send sends a request of a log or a file over a connection that can be had, and returns the body of the answer, through which client it
// came, and what became of the request.
func (c *Client) send(ctx context.Context, ways []*core.CoreV1Client, want content, ask func(*core.CoreV1Client) *rest.Request, wrote func()) (
	body io.ReadCloser, client *core.CoreV1Client, x *exchange, err error) {
	refused := false // through the client before
	for _, client = range ways {
		if client == c.ownLogs && c.waitsForLists() {
			err = errNoConnection
			continue
		}
		x = &exchange{want: want, wrote: wrote, patience: connectTime / time.Duration(len(ways)), late: c.closeIdle}
		// A proxy that compresses holds lines back until there are many.
		body, err = ask(client).SetHeader("Accept-Encoding", "identity").Stream(x.in(ctx))
		if ctx.Err() != nil {
			break
		}
		if !x.refused() {
			if refused {
				c.share(client)
			}
			break
		}
		if client != c.ownLogs && x.connected() != nil { // there is a connection, but something is wrong with the server
			break
		}
		refused = true
	}
	return body, client, x, err
}

// beforeStreams makes the exchange of a list, a watch or the like.
func (c *Client) beforeStreams() *exchange { return &exchange{late: c.makeRoom, first: true} }

// share has streams go through this client for a while.
func (c *Client) share(through *core.CoreV1Client) {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	c.room.sharing, c.room.until = through, time.Now().Add(sharingTime)
}

// waitsForLists reports whether connections are left to lists and watches.
func (c *Client) waitsForLists() bool {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	return time.Now().Before(c.room.lists)
}

// makeRoom closes idle connections and ends the newest log stream, so that lists and watches get its connection.
func (c *Client) makeRoom() {
	c.closeIdle()
	if s := c.giveUp(); s != nil {
		s.Cancel()
		c.log.Debug().Msgf("%s: lists and watches get no connection: a log stream is ended for them", c.name)
	}
}

// giveUp takes the stream off that is to be ended for lists and watches; nil: none is.
func (c *Client) giveUp() *LogStream {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	n := len(c.room.streams)
	if n == 0 || c.room.made == maxRoom {
		return nil
	}
	c.room.made++
	c.room.lists = time.Now().Add(listsFirst)
	s := c.room.streams[n-1]
	c.room.streams = c.room.streams[:n-1]
	return s
}

// connected notes that lists and watches have a connection.
func (c *Client) connected(http1 bool) {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	c.room.http1 = http1
	c.room.made, c.room.lists = 0, time.Time{}
}

// entered notes that a stream was opened through this client.
func (c *Client) entered(s *LogStream, through *core.CoreV1Client) {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	if through == c.ownLogs || c.room.http1 {
		c.room.streams = append(c.room.streams, s)
	}
}

// left notes that a stream has ended.
func (c *Client) left(s *LogStream) {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	if i := slices.Index(c.room.streams, s); i >= 0 {
		c.room.streams = slices.Delete(c.room.streams, i, i+1)
	}
}

// limited reports whether a connection failed as those fail that a server, or what is in front of it, allows no more of.
func limited(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" && op.Timeout() { // by its own limit, or by the request's
		return true
	}
	var late interface{ Timeout() bool }
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &late) && late.Timeout() && !errors.Is(err, context.DeadlineExceeded)
}
