package follow

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
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
		Begin: string(f.begin.preexisting.ID), BeginRestarts: f.begin.preexisting.Restarts, Looked: f.begin.firstSeen, Opened: f.begin.opened, Untailed: f.begin.untailed,
		Saved: p.cursor.Save(), Head: p.head, Sure: string(p.sure), Reported: p.reported, Rotated: p.rotated,
	}
	if f.static() {
		s.Static = f.Identity
	}
	if g := p.suspected; g.ns != 0 {
		s.Suspected = &checkpoint.SuspectedGap{Newest: g.newest, NS: g.ns, Before: g.before, After: g.after, Rests: g.rests, Tries: g.tries}
	}
	if p.unstamped != nil {
		u := p.unstamped.Save()
		s.Unstamped = &u
	}
	switch {
	case p.ahead == nil && p.aheadOf == p.at.ID:
		s.AheadOf = string(p.aheadOf)
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
	f.begin.firstSeen, f.begin.opened, f.begin.untailed, f.begin.resumed = s.Looked, s.Opened, s.Untailed, true
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
		done:  pods.ContainerID(s.Done), cursor: s.Saved.Cursor(), sure: pods.ContainerID(s.Sure), aheadOf: pods.ContainerID(s.AheadOf),
		head: s.Head, reported: s.Reported, rotated: s.Rotated,
	}
	if s.Ahead != nil {
		p.ahead = s.Ahead.Cursor()
		p.cursor.Beside(p.ahead)
	}
	if s.Unstamped != nil {
		p.unstamped = s.Unstamped.Unstamped()
	}
	if d := s.Suspected; d != nil {
		p.suspected = suspectedGap{newest: d.Newest, ns: d.NS, before: d.Before, after: d.After, rests: d.Rests, tries: d.Tries}
	}
	return p
}

// Lost sees to a place of the last run that no pod has taken up. keep reports that the pod may live on: it was not selected this
// time. Else the pod is gone, and a gap is reported if its end was not seen. pod is the one that lives on, if it was found.
func Lost(ctx context.Context, c *Cluster, p checkpoint.Place, src emit.Source) (pod *corev1.Pod, keep bool) {
	f := &Follower{
		Target: Target{UID: types.UID(p.UID), Identity: p.Identity(), Namespace: p.Namespace, Pod: p.Pod, Container: p.Container},
		c:      c, place: placeOf(p), out: c.Out.Stream(src),
	}
	f.inbox.init(pods.Status{})
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.out.End()
	switch pod, err := f.ask(ctx); {
	case err == nil && (pods.Identity(pod) == f.Identity || pod.UID == f.UID): // earlier versions of mktail knew static pods by their UIDs
		if _, has := pods.New(pod, false).Containers[p.Container]; has || !f.static() { // only of a static pod may a container be taken away
			return pod, true
		}
	case err != nil && !kube.IsPodGone(err):
		c.Log.Debug().Msgf("%s: %s", f.name(), kube.Describe(err))
		return nil, true
	}
	f.reportSuspected()
	if !p.Ended && !p.Left {
		f.gap(f.reached(), time.Now().UnixNano(), report.PodLost)
	}
	return nil, false
}
