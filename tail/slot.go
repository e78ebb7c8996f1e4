package tail

import "context"

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
