package follow

import (
	"context"
	"fmt"

	"mktail/tail/pods"
)

// announceStart logs that the container is there, unless it has.
func (f *Follower) announceStart() {
	if f.c.Options.Announce && !f.announced {
		f.announced = true
		f.c.Log.Info().Msg("+ " + f.name())
	}
}

// announceRestart logs that the container was restarted, if in comes after another instance that was read, once that one's last line is
// written, so that a terminal shows both in order. It is called before in is taken up.
func (f *Follower) announceRestart(ctx context.Context, in pods.Instance) {
	if !f.announced || !f.place.begun || f.place.in(in) || in.Restarts == 0 {
		return
	}
	text := fmt.Sprintf("%s restarted (%s time)", f.shortName(), ordinal(in.Restarts))
	if before := f.known.Previous; before.ID != "" && !before.Same(in) { // what the API knows is the end of the instance before the current one
		text += ": " + before.Outcome.String()
	}
	f.out.Flush()
	f.mu.idle(func() {
		if f.c.Out.Sync(ctx) == nil {
			f.c.Log.Info().Msg(text)
		}
	})
}

// announceEnd logs that nothing more comes of the container, and how it has ended, if it has, once its last line is written. It logs
// nothing if announceStart has not, or if ctx ends first.
func (f *Follower) announceEnd(ctx context.Context) {
	if !f.announced || f.c.Out.Sync(ctx) != nil {
		return
	}
	f.announced = false
	f.mu.Lock()
	done := f.place.done
	f.mu.Unlock()
	if last := f.known.Current; last.ID != "" && !last.Running && last.ID == done {
		f.c.Log.Info().Msgf("%s ended: %s", f.shortName(), last.Outcome)
	}
	f.c.Log.Info().Msg("- " + f.name())
}

// shortName is what messages about this container alone call it: with its cluster and namespace where there is more than one.
func (f *Follower) shortName() string {
	name := f.Pod + "/" + f.Container
	if f.c.Options.ShowNamespaces {
		name = f.Namespace + "/" + name
	}
	if f.c.Options.ShowClusters {
		name = f.c.Name + ": " + name
	}
	return name
}

// ordinal returns a number as a place in an order: 1st, 2nd, 3rd, 4th, 11th.
func ordinal(n int) string {
	suffix := "th"
	if tens := n / 10 % 10; tens != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprint(n, suffix)
}
