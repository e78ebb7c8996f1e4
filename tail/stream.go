package tail

import (
	"context"
	"io"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// idleEnd is how long the stream of a deleted pod may be silent before it is taken for finished.
const idleEnd = 30 * time.Second

// enter waits for one of the cluster's streams, and says once that others wait. Not ok: ctx or the pod has ended
// first. If ok the caller calls exit.
func (c *cluster) enter(ctx context.Context, deleted <-chan struct{}) (waited, ok bool) {
	select {
	case c.streams <- struct{}{}:
		return false, true
	default:
	}
	c.queue.Do(func() {
		c.log.Warn().Msgf("%s: more than %d containers: the others wait until one ends (--max-streams)", c.name, cap(c.streams))
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

// open opens a log stream. The caller closes it.
func (c *cluster) open(ctx context.Context, ns, pod string, o *corev1.PodLogOptions) (*stream, error) {
	if err := c.opens.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	// An open counts until the request is on its way, not until the answer: kubelets before 1.32 don't begin to
	// answer before the container's first line.
	release := sync.OnceFunc(func() { c.opens.Release(1) })
	defer release()
	ctx, cancel := context.WithCancel(ctx)
	body, err := c.logs.CoreV1().Pods(ns).GetLogs(pod, o).Stream(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { release() },
	}))
	if err != nil {
		cancel()
		return nil, err
	}
	return &stream{body: body, cancel: cancel}, nil
}

// stream is the body of a log request. One goroutine reads it.
type stream struct {
	body    io.ReadCloser
	cancel  context.CancelFunc
	reading atomic.Int64 // when the read began that is under way, in Unix nanoseconds; 0: none is
}

func (s *stream) Read(p []byte) (int, error) {
	s.reading.Store(time.Now().UnixNano())
	n, err := s.body.Read(p)
	s.reading.Store(0)
	return n, err
}

func (s *stream) Close() error {
	s.cancel()
	return s.body.Close()
}

// idle is how long the read has been waiting that is under way. Any goroutine may ask.
func (s *stream) idle() time.Duration {
	if began := s.reading.Load(); began != 0 {
		return time.Since(time.Unix(0, began))
	}
	return 0
}
