package tail

import (
	"context"
	"slices"
	"sync"
	"time"

	"mktail/tail/follow"
)

// maxCompared is how many silent streams of a cluster are compared at once. Where a node is dead each takes as long as the API
// may take to answer: it must not hold up the others for long.
const maxCompared = 16

// compareStalled looks again and again for followed streams that should be opened again, and ends them: those that are
// silent although their logs have gone on, and those that go on although their instances have not. And it has suspected gaps
// looked into. It returns when ctx has ended.
func (c *cluster) compareStalled(ctx context.Context) {
	var comparing sync.WaitGroup
	defer comparing.Wait()
	room := make(chan struct{}, maxCompared)
	tick, soon := time.NewTicker(follow.Silence/5), time.NewTicker(follow.Soon)
	defer tick.Stop()
	defer soon.Stop()
	for {
		var due []*follow.Follower
		select {
		case <-ctx.Done():
			return
		case f := <-c.follow.Suspects():
			due = append(due, f)
		case <-soon.C:
			due = c.followersThat((*follow.Follower).FellSilent)
		case <-tick.C:
			due = c.followersThat((*follow.Follower).Suspect)
		}
		for _, f := range due {
			select {
			case <-ctx.Done():
				return
			case room <- struct{}{}:
			}
			comparing.Go(func() {
				defer func() { <-room }()
				f.Compare(ctx)
			})
		}
	}
}

// followersThat returns the followers of which is reports true.
func (c *cluster) followersThat(is func(*follow.Follower) bool) []*follow.Follower {
	return slices.DeleteFunc(c.followers(), func(f *follow.Follower) bool { return !is(f) })
}

// doubtSilent ends followed streams that are silent, to be opened again, whenever a connection to the cluster has proved dead. It
// returns when ctx has ended.
func (c *cluster) doubtSilent(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.kube.Lost():
		}
		for _, f := range c.followers() {
			f.Doubt()
		}
	}
}
