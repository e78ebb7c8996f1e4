package checkpoint

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

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
	followed := maps.Clone(s.tracked)
	s.mu.Unlock()
	for _, t := range followed {
		if p, ok := s.place(t); ok {
			p.Home, p.Met = s.homes[p.Cluster], today
			c.Places = append(c.Places, p)
		}
	}
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

// place returns the present place in a container's log. Not ok: there is none yet.
func (s *Store) place(t *tracked) (p Place, ok bool) {
	s.mu.Lock()
	snapshot := t.snapshot
	s.mu.Unlock()
	if snapshot != nil { // which may wait for the reader of the log, but not for the output
		p, ok = snapshot()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ok {
		t.last = &p
	}
	if t.last == nil {
		return Place{}, false
	}
	p = *t.last
	p.Left = t.left
	return p, true
}

// day returns the beginning of a time's day. The file has days where it can, so that it changes seldom.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
