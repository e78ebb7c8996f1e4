package follow

import "context"

// announceStart says that a container is there, unless that was said.
func (f *Follower) announceStart() {
	if f.c.Options.Announce && !f.announced {
		f.announced = true
		f.c.Log.Info().Msg("+ " + f.name())
	}
}

// announceEnd says that nothing more comes of a container, once its last line is written: who sees both on a terminal sees them in
// order. Nothing is said where announceStart has said nothing, or ctx ends before.
func (f *Follower) announceEnd(ctx context.Context) {
	if f.announced && f.c.Out.Sync(ctx) == nil {
		f.announced = false
		f.c.Log.Info().Msg("- " + f.name())
	}
}
