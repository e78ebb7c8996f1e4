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

// Key is what the container is known by in the state file.
func (f *Follower) Key() checkpoint.Key {
	return checkpoint.Key{Cluster: f.c.Name, UID: string(f.uid), Container: f.container}
}

// Place returns the place that was reached: all lines up to it have been handed to the output. ok is false if none can be had
// at the moment. Any goroutine may call it.
func (f *Follower) Place() (last checkpoint.Place, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.place
	_, more := f.due()
	s := checkpoint.Place{
		Cluster: f.c.Name, Namespace: f.ns, Pod: f.pod, UID: string(f.uid), Container: f.container,
		At: p.at.ID, Restarts: p.at.Restarts, Started: p.at.Started, Done: p.done, Ended: !more && !f.now.Current.Running,
		Begin: f.begin.id, BeginRestarts: f.begin.restarts, Looked: f.begin.looked, Opened: f.begin.opened,
		Saved: p.cursor.Save(), Sure: p.sure,
	}
	if d := p.doubt; d.ns != 0 {
		s.Suspected = &checkpoint.SuspectedGap{Newest: d.newest, NS: d.ns, Before: d.before, After: d.after, Tries: d.vain}
	}
	switch {
	case p.ahead != nil && p.cursor.Shared(): // as setApart will find
		s.Sure = p.at.ID
	case p.ahead != nil:
		ahead := p.ahead.SavePending()
		s.Ahead, s.Older = &ahead, nil // which is the same
	}
	return s, true
}

// resume goes on at the place that was reached in the last run.
func (f *Follower) resume(s checkpoint.Place) {
	f.begin = beginning{s.Begin, s.BeginRestarts, s.Looked, s.Opened}
	f.place = placeOf(s)
	switch {
	case s.At != "":
		f.born = time.Time{}
	case f.born.IsZero() && (s.Begin == "" || s.Begin != f.now.Current.ID && s.Begin != f.now.Previous.ID):
		// what that run was to read is gone
		f.born = s.Looked
	}
}

func placeOf(s checkpoint.Place) place {
	p := place{at: pods.Instance{ID: s.At, Restarts: s.Restarts, Started: s.Started}, done: s.Done, cursor: s.Saved.Cursor(), sure: s.Sure}
	if s.Ahead != nil {
		p.ahead = s.Ahead.Cursor()
		p.cursor.Beside(p.ahead)
	}
	if d := s.Suspected; d != nil {
		p.doubt = doubt{newest: d.Newest, ns: d.NS, before: d.Before, after: d.After, vain: d.Tries}
	}
	return p
}

// Lost sees to a place of the last run that no pod has taken up. keep reports that the pod lives on: it was not selected this
// time. Else the pod is gone, and a gap is reported if its end was not seen.
func Lost(ctx context.Context, c *Cluster, p checkpoint.Place, src emit.Source) (keep bool) {
	f := &Follower{
		c: c, uid: types.UID(p.UID), ns: p.Namespace, pod: p.Pod, container: p.Container, place: placeOf(p),
		out: c.Out.Stream(src),
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch pod, err := f.ask(ctx); {
	case err == nil && pod.UID == f.uid:
		return true
	case err != nil && !kube.IsPodGone(err):
		c.Log.Debug().Msgf("%s: %s", f.name(), kube.Describe(err))
		return true
	}
	f.despair()
	if !p.Ended && !p.Left {
		f.gap(f.reached(), time.Now().UnixNano(), report.LogUnavailable)
	}
	return false
}
