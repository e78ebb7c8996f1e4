package follow

import "context"

// slot is one of the cluster's places for open streams (--max-streams), as far as a follower has it. A follower whose stream
// was open keeps it until its container has ended: else it would fall silent, and lines might be lost, whenever a stream breaks.
type slot struct {
	c    *Cluster
	held bool
	kept bool // between streams
}

// acquire waits for a slot unless one is held, those who wait longest first, and reports once that others wait; before it
// does, it calls queued. Not ok: ctx or the pod has ended first.
func (s *slot) acquire(ctx context.Context, deleted <-chan struct{}, queued func()) (waited, ok bool) {
	select {
	case s.c.streams <- struct{}{}:
		s.held = true
		return false, true
	default:
	}
	queued()
	s.c.queue.Do(func() {
		plural := "s"
		if cap(s.c.streams) == 1 {
			plural = ""
		}
		s.c.Log.Warn().Msgf("%s: more than %d container%s: the others wait until one ends (--max-streams)", s.c.Name, cap(s.c.streams), plural)
	})
	select {
	case s.c.streams <- struct{}{}:
		s.held = true
		return true, true
	case <-deleted:
	case <-ctx.Done():
	}
	return true, false
}

// reserve waits for a slot, which is kept. Not ok: ctx has ended first.
func (s *slot) reserve(ctx context.Context) (ok bool) {
	select {
	case s.c.streams <- struct{}{}:
		s.held, s.kept = true, true
		return true
	case <-ctx.Done():
		return false
	}
}

// release gives the slot to others, if it is held.
func (s *slot) release() {
	if s.held {
		s.held, s.kept = false, false
		<-s.c.streams
	}
}
