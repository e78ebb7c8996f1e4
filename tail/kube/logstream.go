package kube

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// LogStream is the request for a log and the body of its answer. One goroutine opens, reads and closes it; Idle and Cancel may
// be called by any.
type LogStream struct {
	c      *Client
	ctx    context.Context
	cancel context.CancelFunc
	body   io.ReadCloser // nil: it is not open
	slot   bool          // it has one of Shared.ownStreams
	bytes  atomic.Int64  // that were read
	made   int64         // when NewLog made it, in Unix nanoseconds
	sent   atomic.Bool   // the request was
	idle   atomic.Int64  // when the opening or the wait began that is under way, in Unix nanoseconds; 0: none is

	watched          bool   // by its connection, which calls waitBegins and waitEnds
	onBegins, onEnds func() // see OnWait
}

// Connection is a kind of connection that a log stream may go over.
type Connection int

const (
	// Auto is a connection of the stream's own, while fewer than Options.OwnStreams have one and the server gives it, else one that
	// streams share.
	Auto Connection = iota
	// Own is a connection of the stream's own, however many have one, if the server gives it.
	Own
	// Lists is the connection of the lists and watches. It is for a stream that is soon read to its end, by a reader that never
	// waits for output: a stream that stalls would hold up the lists and watches.
	Lists
)

// LogRequest asks for a container's log.
type LogRequest struct {
	Namespace, Pod string
	Options        *corev1.PodLogOptions
	Over           Connection
	Waiting        func() // is called by another goroutine two seconds after the request was sent, even if the answer has begun or the stream has ended; nil: nothing is
}

// NewLog makes a stream that is to be opened. It counts as idle from now on, and once more from when its request is sent. It ends when ctx
// does. The caller closes it, whether it was opened or not.
func (c *Client) NewLog(ctx context.Context) *LogStream {
	s := &LogStream{c: c, made: time.Now().UnixNano()}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.idle.Store(s.made)
	return s
}

// waitingAfter is when LogRequest.Waiting is called.
const waitingAfter = 2 * time.Second

// Open sends the request and returns when the answer begins, which kubelets before 1.32 do with the container's first line
// only. It is called once.
func (s *LogStream) Open(req LogRequest) error {
	c := s.c
	if err := c.opening.Acquire(s.ctx, 1); err != nil {
		return err
	}
	release := sync.OnceFunc(func() { c.opening.Release(1) }) // when the request is on its way: the answer may take for ever
	defer release()
	wrote := sync.OnceFunc(func() {
		s.idle.CompareAndSwap(s.made, time.Now().UnixNano())
		s.sent.Store(true)
		release()
		if req.Waiting != nil {
			time.AfterFunc(waitingAfter, req.Waiting)
		}
	})
	body, client, x, err := c.send(s.ctx, s.ways(req.Over), wantLog, func(client *core.CoreV1Client) *rest.Request {
		return client.Pods(req.Namespace).GetLogs(req.Pod, req.Options)
	}, wrote)
	s.body = body
	s.idle.Store(0)
	if err == nil {
		err = s.ctx.Err() // the server may answer a request that ends, before its connection is closed
	}
	if err == nil {
		c.entered(s, client)
	}
	if err != nil || client != c.ownLogs {
		s.release()
		return err
	}
	if on := connOf(x.connected()); on != nil {
		on.watcher, s.watched = s, true
	}
	return nil
}

// ways returns the clients to send the request through, and takes one of Shared.ownStreams for it where it must.
func (s *LogStream) ways(over Connection) []*core.CoreV1Client {
	if over == Lists {
		return []*core.CoreV1Client{s.c.lists}
	}
	if over == Auto {
		s.slot = s.c.shared.ownStreams.TryAcquire(1)
	}
	return s.c.ways(over == Own || s.slot)
}

// release gives back what the stream has of Shared.ownStreams.
func (s *LogStream) release() {
	if s.slot {
		s.slot = false
		s.c.shared.ownStreams.Release(1)
	}
}

// OnWait has Read call begins when all that has come was read and it waits for more, and ends after that wait. It is called
// before the first Read.
func (s *LogStream) OnWait(begins, ends func()) { s.onBegins, s.onEnds = begins, ends }

func (s *LogStream) waitBegins() {
	if s.onBegins != nil { // which may wait for the output: the stream is not idle then
		s.onBegins()
	}
	s.idle.Store(time.Now().UnixNano())
}

func (s *LogStream) waitEnds() {
	s.idle.Store(0)
	if s.onEnds != nil {
		s.onEnds()
	}
}

// Read reads the log. It returns when something has come, the stream has ended, or it was cancelled.
func (s *LogStream) Read(p []byte) (int, error) {
	if !s.watched {
		s.waitBegins()
		defer s.waitEnds()
	}
	n, err := s.body.Read(p)
	s.bytes.Add(int64(n))
	if err != nil && s.ctx.Err() != nil { // a server that sees the request end may end its answer cleanly
		err = s.ctx.Err()
	}
	return n, err
}

// Close ends the request and gives its connection back or closes it. It is called once.
func (s *LogStream) Close() error {
	s.cancel()
	defer s.release()
	s.c.left(s)
	if s.body == nil {
		return nil
	}
	return s.body.Close()
}

// Idle returns for how long the stream has been waiting for its answer, or for more of it; 0: it is not waiting. Any goroutine
// may call it.
func (s *LogStream) Idle() time.Duration {
	if began := s.idle.Load(); began != 0 {
		return time.Since(time.Unix(0, began))
	}
	return 0
}

// Sent reports whether the request was sent: a connection was had. Any goroutine may call it.
func (s *LogStream) Sent() bool { return s.sent.Load() }

// Bytes returns how much of the log was read. Any goroutine may call it.
func (s *LogStream) Bytes() int64 { return s.bytes.Load() }

// Cancel ends the stream, whatever it is waiting for: Open or Read returns an error. It does not wait for that. Any goroutine
// may call it, even after Close.
func (s *LogStream) Cancel() { s.cancel() }
