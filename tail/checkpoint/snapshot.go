package checkpoint

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// reached is what is known of a container at one time.
type reached struct {
	key    Key
	of     *tracked
	starts int32
	gone   bool
	place  *Place // nil: none is known
}

// take returns what is reached now, for keep to be called with when all lines up to there are written.
func (s *Store) take() (all []reached, lost []*Place) {
	s.mu.Lock()
	for key, t := range s.tracked {
		all = append(all, reached{key: key, of: t, starts: t.starts, gone: t.gone})
	}
	for _, places := range s.loaded {
		for _, p := range places {
			if p.lost {
				lost = append(lost, p)
			}
		}
	}
	s.mu.Unlock()
	for i := range all {
		all[i].place = s.place(all[i].of)
	}
	return all, lost
}

// place returns the present place in a container's log; nil: there is none yet.
func (s *Store) place(t *tracked) *Place {
	s.mu.Lock()
	snapshot := t.snapshot
	s.mu.Unlock()
	var p Place
	ok := false
	if snapshot != nil { // which may wait for the reader of the log, but not for the output
		p, ok = snapshot()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ok {
		t.last = &p
	}
	return t.last
}

// keep has the file hold what was taken, and no longer what is gone.
func (s *Store) keep(all []reached, lost []*Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range all {
		switch {
		case r.gone && s.tracked[r.key] == r.of:
			delete(s.tracked, r.key)
		case r.starts == r.of.starts: // else it was taken before the reading started
			r.of.kept = r.place
		}
	}
	for _, p := range lost {
		s.remove(p)
	}
}

// content returns the content of the file as it is to be now, in an order that depends on the places alone. Places that nobody has
// claimed stay in it.
func (s *Store) content() []byte {
	s.mu.Lock()
	c := content{Seen: maps.Clone(s.seen), Places: make([]Place, 0, len(s.loaded)+len(s.tracked))}
	today := day(time.Now())
	for _, places := range s.loaded {
		for _, p := range places {
			kept := *p
			if kept.met {
				kept.Met = today
			}
			c.Places = append(c.Places, kept)
		}
	}
	for _, t := range s.tracked {
		if t.kept != nil {
			p := *t.kept
			p.Home, p.Met, p.Left = s.homes[p.Cluster], today, t.left
			c.Places = append(c.Places, p)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(c.Places, func(a, b Place) int {
		return cmp.Or(strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Pod, b.Pod),
			strings.Compare(a.UID, b.UID), strings.Compare(a.Container, b.Container))
	})
	data, err := json.Marshal(c)
	if err != nil {
		panic(err) // nothing in it can fail to be marshaled
	}
	return data
}

// day returns the beginning of a time's day. The file has days where it can, so that it changes seldom.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
