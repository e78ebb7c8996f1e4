package tail

import (
	"slices"
	"strings"
	"sync"

	"mktail/tail/report"
)

// looks counts the scopes that have not tried to list their pods yet, to say once what there was nothing to follow of:
// who has mistyped a name should not wait in silence. And it tells when all of them have, and what they found to follow
// is being followed.
type looks struct {
	o *Options

	mu     sync.Mutex
	open   int
	first  int        // followers of the first looks that have not tried to open a stream
	ready  bool       // that is told
	looked []string   // the clusters of which a scope could list its pods
	found  bool       // a scope found a container
	owned  [][]string // by the owners asked for, the clusters that have pods of them
}

// expect notes that more scopes will look.
func (l *looks) expect(scopes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open += scopes
}

// stream notes a follower of a first look, which calls the result when it has tried to open a stream.
func (l *looks) stream() (tried func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.first++
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.first--
		l.tell()
	})
}

// tell tells that everything was tried, when it was.
func (l *looks) tell() {
	if l.open == 0 && l.first == 0 && !l.ready {
		l.ready = true
		l.o.notify(report.Event{Kind: report.Ready})
	}
}

// done notes that a scope has tried, and with what error.
func (l *looks) done(s *scope, err error) {
	if s.tried {
		return
	}
	s.tried = true
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && !slices.Contains(l.looked, s.c.name) {
		l.looked = append(l.looked, s.c.name)
	}
	l.found = l.found || len(s.followers) > 0
	if l.owned == nil {
		l.owned = make([][]string, len(l.o.Owners))
	}
	for i, found := range s.found {
		if found && !slices.Contains(l.owned[i], s.c.name) {
			l.owned[i] = append(l.owned[i], s.c.name)
		}
	}
	l.close()
}

// never notes that one of the scopes that were expected can't look.
func (l *looks) never() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.close()
}

// close takes note of a scope that is done, and says what there was nothing of when all are.
func (l *looks) close() {
	defer l.tell()
	if l.open--; l.open > 0 || len(l.looked) == 0 {
		return
	}
	if l.o.Follow && !l.found {
		l.o.Log.Info().Msg("no container matches yet; waiting for one")
		return
	}
	for i, owner := range l.o.Owners {
		missing := slices.DeleteFunc(slices.Clone(l.looked), func(name string) bool { return slices.Contains(l.owned[i], name) })
		slices.Sort(missing)
		switch {
		case len(missing) == len(l.looked):
			l.o.Log.Info().Msgf("%s has no pods in any cluster", owner)
		case len(missing) > 0:
			l.o.Log.Info().Msgf("%s has pods in %d of %d clusters, none in %s", owner, len(l.owned[i]), len(l.looked), strings.Join(missing, ", "))
		}
	}
}
