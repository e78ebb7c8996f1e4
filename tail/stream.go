package tail

import (
	"context"
	"io"
	"mktail/tail/position"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
)

// idleEnd is how long the stream of a deleted pod may be silent before it is taken for finished.
const idleEnd = 30 * time.Second

// enter waits for one of the cluster's streams, those who wait longest first, and says once that others wait; before it does,
// it calls queued. Not ok: ctx or the pod has ended first. If ok the caller calls exit, but not before its container has
// ended if its stream was open: else it would fall silent, and lines might be lost, whenever a stream breaks.
func (c *cluster) enter(ctx context.Context, deleted <-chan struct{}, queued func()) (waited, ok bool) {
	select {
	case c.streams <- struct{}{}:
		return false, true
	default:
	}
	queued()
	c.queue.Do(func() {
		plural := "s"
		if cap(c.streams) == 1 {
			plural = ""
		}
		c.log.Warn().Msgf("%s: more than %d container%s: the others wait until one ends (--max-streams)", c.name, cap(c.streams), plural)
	})
	select {
	case c.streams <- struct{}{}:
		return true, true
	case <-deleted:
	case <-ctx.Done():
	}
	return true, false
}

func (c *cluster) exit() { <-c.streams }

// vacate gives the follower's stream to others, if it has one.
func (f *follower) vacate() {
	if f.placed {
		f.placed, f.kept = false, false
		f.c.exit()
	}
}

// stream is a log request and the body of its answer. One goroutine opens and reads it.
type stream struct {
	ctx    context.Context
	cancel context.CancelFunc
	body   io.ReadCloser
	own    *semaphore.Weighted // to be released; nil: none was acquired
	client *core.CoreV1Client  // that sends the request; nil: logs, while streams may have a connection each, then shared
	since  atomic.Int64        // when the opening or the wait began that is under way, in Unix nanoseconds; 0: none is

	watches       bool   // the connection calls leave and arrive
	left, arrived func() // see watch
}

// newStream makes a stream that is to be opened. The caller closes it.
func newStream(ctx context.Context) *stream {
	s := new(stream)
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.since.Store(time.Now().UnixNano())
	return s
}

// open sends the request and waits for the answer to begin. Where that takes a while it calls asked meanwhile.
func (s *stream) open(c *cluster, ns, pod string, o *corev1.PodLogOptions, asked func()) error {
	if err := c.opens.Acquire(s.ctx, 1); err != nil {
		return err
	}
	// An open counts until the request is on its way, not until the answer: kubelets before 1.32 don't begin to
	// answer before the container's first line.
	release := sync.OnceFunc(func() { c.opens.Release(1) })
	defer release()
	client := s.client
	switch {
	case client != nil:
	case c.own.TryAcquire(1):
		client, s.own = c.logs, c.own
	default:
		client = c.shared
	}
	var on net.Conn
	body, err := client.Pods(ns).GetLogs(pod, o).Stream(httptrace.WithClientTrace(s.ctx, &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) { on = got.Conn },
		WroteRequest: func(httptrace.WroteRequestInfo) {
			release()
			time.AfterFunc(position.Slack, asked)
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

// watch has Read call left when all that has come was read and it waits for more, and arrived after the wait.
func (s *stream) watch(left, arrived func()) { s.left, s.arrived = left, arrived }

func (s *stream) leave() {
	s.since.Store(time.Now().UnixNano())
	if s.left != nil {
		s.left()
	}
}

func (s *stream) arrive() {
	s.since.Store(0)
	if s.arrived != nil {
		s.arrived()
	}
}

func (s *stream) Read(p []byte) (int, error) {
	if !s.watches {
		s.leave()
		defer s.arrive()
	}
	return s.body.Read(p)
}

func (s *stream) Close() error {
	s.cancel()
	if s.own != nil {
		defer s.own.Release(1)
	}
	if s.body == nil {
		return nil
	}
	return s.body.Close()
}

// idle is how long the stream has been waiting for something to come. Any goroutine may ask.
func (s *stream) idle() time.Duration {
	if began := s.since.Load(); began != 0 {
		return time.Since(time.Unix(0, began))
	}
	return 0
}
