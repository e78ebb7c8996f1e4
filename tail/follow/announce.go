package follow

import "context"

// announceStart logs that the container is there, unless it has.
func (f *Follower) announceStart() {
	if f.c.Options.Announce && !f.announced {
		f.announced = true
		f.c.Log.Info().Msg("+ " + f.name())
	}
}

// announceEnd logs that nothing more comes of the container, once its last line is written, so that a terminal shows both in
// order. It logs nothing if announceStart has not, or if ctx ends first.
func (f *Follower) announceEnd(ctx context.Context) {
	if f.announced && f.c.Out.Sync(ctx) == nil {
		f.announced = false
		f.c.Log.Info().Msg("- " + f.name())
	}
}
