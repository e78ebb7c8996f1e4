package tail

import "sync/atomic"

// looks counts the scopes that have not tried to list their pods yet, to say once if there was nothing to follow:
// who has mistyped a name should not wait in silence.
type looks struct {
	o      *Options
	open   atomic.Int64
	looked atomic.Bool // a scope could list its pods
	found  atomic.Bool // a scope found a container
}

// done notes that a scope has tried, and with what error.
func (l *looks) done(s *scope, err error) {
	if s.tried {
		return
	}
	s.tried = true
	if err == nil {
		l.looked.Store(true)
	}
	if len(s.followers) > 0 {
		l.found.Store(true)
	}
	if l.open.Add(-1) == 0 && l.o.Follow && l.looked.Load() && !l.found.Load() {
		l.o.Log.Info().Msg("no container matches yet; waiting for one")
	}
}
