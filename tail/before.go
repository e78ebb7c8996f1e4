package tail

import (
	"cmp"
	"time"

	"github.com/cespare/xxhash/v2"
	corev1 "k8s.io/api/core/v1"

	"mktail/tail/pods"
	"mktail/tail/position"
)

// before are instances that the first look found but did not follow, by hashes of their IDs: since and tail count for
// them, too, if they are selected later.
type before map[uint64]struct{}

// remember notes what there is of a pod that is not selected at the first look, but may be later.
func (s *scope) remember(p *corev1.Pod) {
	if s.selectsLater() && s.c.o.Pod(p) {
		for _, st := range pods.New(p, false).Containers {
			s.rememberOne(st)
		}
	}
}

// rememberOne is remember of a container.
func (s *scope) rememberOne(st pods.Status) {
	if !s.selectsLater() || !s.ran(st.Current) {
		return
	}
	if s.before == nil {
		s.before = make(before)
	}
	s.before[xxhash.Sum64String(st.Current.ID)] = struct{}{}
}

// selectsLater tells whether this is the first look, and what it leaves out may be selected later all the same.
func (s *scope) selectsLater() bool {
	o := s.c.o
	return s.looked.IsZero() && o.Follow && o.Changeable()
}

// ran tells whether an instance ran before mktail looked. Of what the first look has not found, as of pods whose labels
// did not match then, the start tells. The node's clock may differ from ours: what is in doubt is new, so that no line
// of it is left out.
func (s *scope) ran(in pods.Instance) bool {
	switch started := time.Unix(in.Started, 0); {
	case in.ID == "":
		return false
	case s.looked.IsZero():
		return s.since.IsZero() || started.Before(s.since)
	default:
		_, found := s.before[xxhash.Sum64String(in.ID)]
		return found || in.Started > 0 && started.Add(position.Skew).Before(cmp.Or(s.since, s.looked))
	}
}
