package kube

import (
	"context"
	"io"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
)

// LogStream is a log request and the body of its answer. One goroutine opens and reads it.
type LogStream struct {
	ctx    context.Context
	cancel context.CancelFunc
	body   io.ReadCloser
	own    *semaphore.Weighted // to be released; nil: none was acquired
	c      *Client
	since  atomic.Int64 // when the opening or the wait began that is under way, in Unix nanoseconds; 0: none is

	watches       bool   // the connection calls leave and arrive
	left, arrived func() // see OnWait
}

// Connection says which connection a request goes over.
type Connection int

const (
	// Auto is a connection of the stream's own, while the run may have more of those, else one that streams share.
	Auto Connection = iota
	// Own is a connection of the stream's own in any case: it waits for no other stream.
	Own
	// Lists is the connection of the lists and watches, for what is soon read to its end and waits for no output.
	Lists
)

// LogRequest asks for a container's log.
type LogRequest struct {
	Namespace, Pod string
	Options        *corev1.PodLogOptions
	Over           Connection
	Waiting        func() // is called when the answer takes a while to begin, perhaps by another goroutine; nil: nobody wants to know
}

// NewLog makes a stream that is to be opened. It ends when ctx does. The caller closes it.
func (c *Client) NewLog(ctx context.Context) *LogStream {
	s := &LogStream{c: c}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.since.Store(time.Now().UnixNano())
	return s
}

// answerExpected is how long an answer may take to begin before Waiting is called.
const answerExpected = 2 * time.Second

// Open sends the request and waits for the answer to begin.
func (s *LogStream) Open(req LogRequest) error {
	c := s.c
	if err := c.opens.Acquire(s.ctx, 1); err != nil {
		return err
	}
	// An open counts until the request is on its way, not until the answer: kubelets before 1.32 don't begin to
	// answer before the container's first line.
	release := sync.OnceFunc(func() { c.opens.Release(1) })
	defer release()
	var client *core.CoreV1Client
	switch {
	case req.Over == Lists:
		client = c.api
	case req.Over == Own:
		client = c.logs
	case c.own.TryAcquire(1):
		client, s.own = c.logs, c.own
	default:
		client = c.shared
	}
	var on net.Conn
	body, err := client.Pods(req.Namespace).GetLogs(req.Pod, req.Options).Stream(httptrace.WithClientTrace(s.ctx, &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) { on = got.Conn },
		WroteRequest: func(httptrace.WroteRequestInfo) {
			release()
			if req.Waiting != nil {
				time.AfterFunc(answerExpected, req.Waiting)
			}
		},
	}))
	s.body = body
	s.since.Store(0)
	if err == nil && client == c.logs {
		if c := connOf(on); c != nil {
			c.watcher, s.watches = s, true
		}
	}
	return err
}

// OnWait has Read call left when all that has come was read and it waits for more, and arrived after the wait.
func (s *LogStream) OnWait(left, arrived func()) { s.left, s.arrived = left, arrived }

func (s *LogStream) leave() {
	s.since.Store(time.Now().UnixNano())
	if s.left != nil {
		s.left()
	}
}

func (s *LogStream) arrive() {
	s.since.Store(0)
	if s.arrived != nil {
		s.arrived()
	}
}

func (s *LogStream) Read(p []byte) (int, error) {
	if !s.watches {
		s.leave()
		defer s.arrive()
	}
	return s.body.Read(p)
}

func (s *LogStream) Close() error {
	s.cancel()
	if s.own != nil {
		defer s.own.Release(1)
	}
	if s.body == nil {
		return nil
	}
	return s.body.Close()
}

// Idle returns how long the stream has been waiting for something to come. Any goroutine may ask.
func (s *LogStream) Idle() time.Duration {
	if began := s.since.Load(); began != 0 {
		return time.Since(time.Unix(0, began))
	}
	return 0
}

// Cancel ends the stream, whatever it is waiting for. Any goroutine may call it.
func (s *LogStream) Cancel() { s.cancel() }
