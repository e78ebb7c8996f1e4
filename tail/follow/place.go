package follow

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"mktail/emit"
	"mktail/tail/checkpoint"
	"mktail/tail/kube"
	"mktail/tail/pods"
	"mktail/tail/report"
)

// snapshot returns the place in the form of the state file. It is called with the lock held, and not while the output waits.
func (f *Follower) snapshot() checkpoint.Place {
	p := &f.place
	_, more := f.due()
	s := checkpoint.Place{
		Cluster: f.c.Name, Namespace: f.Namespace, Pod: f.Pod, UID: string(f.UID), Container: f.Container,
		At: string(p.at.ID), Unnamed: p.begun && p.at.ID == "", Restarts: p.at.Restarts, Started: int64(p.at.Started),
		Done: string(p.done), Ended: !more && !f.known.Current.Running,
		Begin: string(f.begin.preexisting.ID), BeginRestarts: f.begin.preexisting.Restarts, Looked: f.begin.firstSeen, Opened: f.begin.opened,
		Saved: p.cursor.Save(), Sure: string(p.sure),
	}
	if g := p.suspected; g.ns != 0 {
		s.Suspected = &checkpoint.SuspectedGap{Newest: g.newest, NS: g.ns, Before: g.before, After: g.after, Tries: g.tries}
	}
	switch {
	case p.ahead != nil && p.cursor.Shared(): // as separateEarlyRead will find
		s.Sure = string(p.at.ID)
	case p.ahead != nil:
		ahead := p.ahead.SavePending()
		s.Ahead, s.AheadOf, s.Older = &ahead, string(p.aheadOf), nil // Older is the same
	}
	return s
}

// resume goes on at the place that was reached in the last run.
func (f *Follower) resume(s checkpoint.Place) {
	f.begin.preexisting = pods.InstanceKey{ID: pods.ContainerID(s.Begin), Restarts: s.BeginRestarts}
	f.begin.firstSeen, f.begin.opened = s.Looked, s.Opened
	f.place = placeOf(s)
	switch {
	case f.place.begun:
		f.begin.createdAt = time.Time{}
	case f.begin.createdAt.IsZero() && (s.Begin == "" || !f.begin.isAt(f.known.Current.Key()) && !f.begin.isAt(f.known.Previous.Key())):
		// what that run was to read is gone
		f.begin.createdAt = s.Looked
	}
}

// placeOf is the inverse of snapshot.
func placeOf(s checkpoint.Place) place {
	p := place{
		begun: s.At != "" || s.Unnamed,
		at:    pods.Instance{ID: pods.ContainerID(s.At), Restarts: s.Restarts, Started: pods.Seconds(s.Started)},
		done:  pods.ContainerID(s.Done), cursor: s.Saved.Cursor(), sure: pods.ContainerID(s.Sure),
	}
	if s.Ahead != nil {
		p.ahead, p.aheadOf = s.Ahead.Cursor(), pods.ContainerID(s.AheadOf)
		p.cursor.Beside(p.ahead)
	}
	if d := s.Suspected; d != nil {
		p.suspected = suspectedGap{newest: d.Newest, ns: d.NS, before: d.Before, after: d.After, tries: d.Tries}
	}
	return p
}

// Lost sees to a place of the last run that no pod has taken up. keep reports that the pod lives on: it was not selected this
// time. Else the pod is gone, and a gap is reported if its end was not seen.
func Lost(ctx context.Context, c *Cluster, p checkpoint.Place, src emit.Source) (keep bool) {
	f := &Follower{
		Target: Target{UID: types.UID(p.UID), Namespace: p.Namespace, Pod: p.Pod, Container: p.Container},
		c:      c, place: placeOf(p), out: c.Out.Stream(src),
	}
	f.inbox.init(pods.Status{})
	f.mu.Lock()
	defer f.mu.Unlock()
	switch pod, err := f.ask(ctx); {
	case err == nil && pod.UID == f.UID:
		return true
	case err != nil && !kube.IsPodGone(err):
		c.Log.Debug().Msgf("%s: %s", f.name(), kube.Describe(err))
		return true
	}
	f.reportSuspected()
	if !p.Ended && !p.Left {
		f.gap(f.reached(), time.Now().UnixNano(), report.PodLost)
	}
	return false
}
