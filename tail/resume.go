package tail

import (
	"context"
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"mktail/tail/checkpoint"
	"mktail/tail/kube"
	"mktail/tail/pods"
	"mktail/tail/report"
)

func (f *follower) key() checkpoint.Key {
	return checkpoint.Key{Cluster: f.c.name, UID: string(f.uid), Container: f.container}
}

// home is what a cluster is known by in the state's file, whatever its name is: the context and where that leads. Gateways
// tell their clusters apart by the name in TLS.
func (c *Cluster) home() string {
	server := c.Config.Host
	if u, err := url.Parse(server); err == nil {
		u.User = nil // the file holds no secrets
		server = u.String()
	}
	if name := c.Config.ServerName; name != "" {
		server += "#" + name
	}
	return c.Context + "@" + server
}

// save gives the place that was reached. All lines up to it have been handed to the output.
func (f *follower) save() (last checkpoint.Place, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.place
	_, more := f.due()
	s := checkpoint.Place{
		Cluster: f.c.name, Namespace: f.ns, Pod: f.pod, UID: string(f.uid), Container: f.container,
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
func (f *follower) resume(s checkpoint.Place) {
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

// miss looks after the places of the last run that no pod of the scope has taken up: those whose pods are gone are
// forgotten, and a gap is reported if their ends were not seen. The others were not selected this time, and are kept.
func (s *scope) miss(ctx context.Context) {
	s.c.o.State.Unclaimed(s.c.name, s.namespace, func(p checkpoint.Place) (keep bool) {
		f := &follower{
			c: s.c, uid: types.UID(p.UID), ns: p.Namespace, pod: p.Pod, container: p.Container, place: placeOf(p),
			out: s.c.out.Stream(s.c.source(&pods.Pod{UID: types.UID(p.UID), Namespace: p.Namespace, Name: p.Pod}, p.Container)),
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		switch pod, err := f.ask(ctx); {
		case err == nil && pod.UID == f.uid:
			return true
		case err != nil && !kube.IsPodGone(err):
			s.c.log.Debug().Msgf("%s: %s", f.name(), kube.Describe(err))
			return true
		}
		f.despair()
		if !p.Ended && !p.Left {
			f.gap(f.reached(), time.Now().UnixNano(), report.LogUnavailable)
		}
		return false
	})
}
