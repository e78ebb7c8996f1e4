package tail

import (
	"cmp"
	"context"
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"mktail/tail/pods"
	"mktail/tail/position"
)

// tell tells the followers of a pod's containers what the API says of them, and starts those that are missing.
// listed tells that the API was just found to answer, which is worth another try to those who wait for one.
func (s *scope) tell(ctx context.Context, p *pods.Pod, listed bool) {
	s.know(p)
	for _, name := range p.Order {
		st := p.Containers[name]
		if !s.c.o.Container(p, name) {
			continue
		}
		if s.c.o.Previous {
			st = st.OnlyPrevious()
		}
		f := s.followers[p.UID][name]
		switch {
		case f != nil:
			f.update(st, listed)
		case st.Current.ID != "" && (s.c.o.States.Has(st.State) || s.c.o.States.Has(pods.Terminated) && st.Previous.ID != ""):
			s.follow(ctx, p, name, st)
		default:
			s.rememberOne(st)
		}
	}
	s.over(p)
}

func (s *scope) follow(ctx context.Context, p *pods.Pod, container string, st pods.Status) {
	f := newFollower(s.c, p, container, st)
	switch {
	case s.ran(st.Current):
		f.begin.id, f.begin.restarts = st.Current.ID, st.Current.Restarts
		f.place.done = st.Previous.ID // what had ended before mktail looked is not asked for
	case s.ran(st.Previous): // and was not to be followed while it was the current one
		f.begin.id, f.begin.restarts = st.Previous.ID, st.Previous.Restarts
	case p.Created.After(cmp.Or(s.since, s.began)):
		f.born = p.Created
	}
	if !s.looked.IsZero() { // a watch that comes back tells old news
		f.stale = time.Since(time.Unix(st.Current.Started, 0)) > 2*position.Slack
	}
	if last, ok := s.c.o.State.Claim(f.key()); ok {
		f.resume(last)
	}
	if before := s.left[p.UID][container]; before != nil { // it goes on where that one ended
		<-before.ended
		last, _ := before.save()
		f.place, f.begin, f.bytes = placeOf(last), before.begin, before.bytes
		delete(s.left[p.UID], container)
	} else {
		s.c.stats.Containers.Add(1)
	}
	s.c.o.State.Track(f.key(), f.save)
	if s.looked.IsZero() {
		f.tried = s.c.looks.stream()
	}
	if unwanted := s.c.o.Unwanted; unwanted != nil && unwanted(s.c.source(p, container)) {
		f.skip()
		s.enter(p.UID, f)
		return
	}
	exit := func() {}
	if !s.c.o.Follow { // its turn comes here and is its own until it ends, so that few at once are read in order
		select {
		case s.c.streams <- struct{}{}:
			exit = s.c.exit
		case <-ctx.Done():
			return
		}
	}
	following, cancel := context.WithCancel(ctx)
	f.cancel = cancel
	s.enter(p.UID, f)
	f.come()
	s.running.Go(func() {
		defer exit()
		defer cancel()
		s.c.follow(following, f)
		f.part(ctx)
		if s.c.o.Follow && ctx.Err() == nil { // it has ended, or left: what ailed it ails nobody now
			f.health.OK()
		}
	})
}

// enter enters a follower of one of a pod's containers.
func (s *scope) enter(uid types.UID, f *follower) {
	if s.followers[uid] == nil {
		s.followers[uid] = make(map[string]*follower)
	}
	s.followers[uid][f.container] = f
}

// leave ends the followers of a pod that is no longer selected, but remembers where they were: it may come back.
func (s *scope) leave(uid types.UID) {
	s.forget(uid, false)
	if s.followers[uid] == nil {
		return
	}
	for _, f := range s.followers[uid] {
		f.cancel()
		s.c.o.State.Leave(f.key())
	}
	if s.left == nil {
		s.left = make(map[types.UID]map[string]*follower)
	}
	if s.left[uid] == nil {
		s.left[uid] = make(map[string]*follower)
	}
	maps.Copy(s.left[uid], s.followers[uid]) // beside those that have not been taken up since the last time
	delete(s.followers, uid)
}

// gone lets the followers of a deleted pod read to the end of what is there, and forgets them.
func (s *scope) gone(ctx context.Context, uid types.UID) {
	s.forget(uid, true)
	for _, f := range s.followers[uid] {
		close(f.deleted)
		s.running.Go(func() {
			f.linger(ctx)
			<-f.ended
			if ctx.Err() == nil {
				s.c.o.State.Drop(f.key())
			}
		})
	}
	delete(s.followers, uid)
	for _, f := range s.left[uid] {
		s.c.o.State.Drop(f.key())
	}
	delete(s.left, uid)
}
