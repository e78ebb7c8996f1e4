package tail

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"mktail/tail/follow"
	"mktail/tail/position"
)

// awaitUntil returns true when it is later than until and all that was written before was read, or is reported as unread. Streams that
// bring later lines end by themselves.
func awaitUntil(ctx context.Context, until time.Time, all []*cluster) bool {
	timer := time.NewTimer(time.Until(until) + position.Slack)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	}
	var reading sync.WaitGroup
	for _, c := range all {
		if c.kube != nil {
			reading.Go(func() {
				c.awaitRead(ctx)
				c.ended.Store(ctx.Err() == nil)
			})
		}
	}
	reading.Wait()
	return ctx.Err() == nil
}

// awaitRead returns when the logs of the cluster are read as far as they were written by now. What makes no progress for as long as
// a request may take is given up.
func (c *cluster) awaitRead(ctx context.Context) {
	patience := c.kube.RequestTimeout()
	for begun := time.Now(); ; {
		untried := c.startup.untried(c.name)
		if !untried && !c.health.Down() { // else pods may not be known that came before
			break
		}
		if time.Since(begun) >= patience {
			c.unanswered.Store(untried)
			patience = 0
			break
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(position.Slack / 2):
		}
	}
	awaited := make(map[*follow.Follower]bool)
	for end := time.Now().Add(2 * patience); c.awaitFollowers(ctx, awaited, patience) && patience > 0; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(position.Slack / 2): // which others take to go on
		}
		patience = max(0, min(patience, time.Until(end)))
	}
}

// awaitFollowers awaits the followers that were not awaited yet. again reports whether one of them was dropped, so that another may go on.
func (c *cluster) awaitFollowers(ctx context.Context, awaited map[*follow.Follower]bool, patience time.Duration) (again bool) {
	var reading sync.WaitGroup
	var dropped atomic.Bool
	for _, f := range c.followers() {
		if awaited[f] {
			continue
		}
		awaited[f] = true
		reading.Go(func() {
			if f.AwaitRead(ctx, patience) {
				dropped.Store(true)
			}
		})
	}
	reading.Wait()
	return dropped.Load()
}
