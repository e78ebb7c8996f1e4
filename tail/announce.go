package tail

import "context"

// come says that a container is there, unless that was said.
func (f *follower) come() {
	if f.c.o.Announce && !f.here {
		f.here = true
		f.c.log.Info().Msg("+ " + f.name())
	}
}

// part says that nothing more comes of a container, once its last line is written: who sees both on a terminal sees them in
// order. Nothing is said where come has said nothing, or ctx ends before.
func (f *follower) part(ctx context.Context) {
	if f.here && f.c.out.Sync(ctx) == nil {
		f.here = false
		f.c.log.Info().Msg("- " + f.name())
	}
}
