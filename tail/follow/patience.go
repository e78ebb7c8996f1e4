package follow

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"mktail/tail/kube"
)

// patience ends a live stream that was to begin with a line that was seen, if it brings none.
type patience struct {
	of    *kube.LogStream
	timer *time.Timer // nil: it was never limited
	over  atomic.Bool
}

// limit is called when the stream begins to wait for more.
func (p *patience) limit(r *reading) {
	switch {
	case r.mode != live || r.count == 0 || !r.f.place.cursor.NoOverlap():
		p.stop()
	case p.timer == nil:
		p.timer = time.AfterFunc(moment, func() {
			p.over.Store(true)
			p.of.Cancel()
		})
	default:
		p.timer.Reset(moment)
	}
}

// stop has the stream go on.
func (p *patience) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// missedInTime returns the error with which the stream ended, or missed if patience has ended it.
func (r *reading) missedInTime(err error) error {
	if err != nil && r.patience.over.Load() && outcomeOf(err) == streamEnded {
		return missed
	}
	return err
}

// errUnanswered is the error of a request that was sent, and has brought nothing for too long.
var errUnanswered = fmt.Errorf("%w", context.DeadlineExceeded)

// bound ends a stream that is not followed if it brings nothing for too long. The caller calls stop when the stream has ended.
func (r *reading) bound() (stop func()) {
	if r.mode == live {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		timer := time.NewTimer(testLimit) // the least that limit returns
		defer timer.Stop()
		for {
			select {
			case <-done:
				return
			case <-timer.C:
			}
			left := r.limit() - r.body.Idle()
			if left <= 0 {
				r.late.Store(true)
				r.body.Cancel()
				return
			}
			timer.Reset(min(left, testLimit))
		}
	}()
	return func() { close(done) }
}

// limit is how long the stream may bring nothing. That is less for the log of a previous instance, for which the current one waits, once the
// request was sent: before that, the node can't answer.
func (r *reading) limit() time.Duration {
	if r.in.Previous && r.f.c.Options.Follow && r.body.Sent() {
		return testLimit
	}
	return r.f.c.Kube.RequestTimeout()
}

// timedOut returns the error of a stream, or that it has brought nothing for too long.
func (r *reading) timedOut(err error) error {
	switch {
	case err == nil || !r.late.Load():
	case !r.body.Sent():
		return context.DeadlineExceeded
	default:
		return errUnanswered
	}
	return err
}
