package tail

import (
	"cmp"
	"time"

	"github.com/cespare/xxhash/v2"
	corev1 "k8s.io/api/core/v1"

	"mktail/tail/pods"
)

// preexisting are instances that the first list had but that were not followed, by hashes of their IDs: since and tail count
// for them, too, if they are selected later.
type preexisting map[uint64]struct{}

// note notes what there is of a container that is not followed at the first list, but may be later.
func (x *preexisting) note(w *podWatch, st pods.Status) {
	if !w.selectsLater() || !w.ran(st.Current) {
		return
	}
	if *x == nil {
		*x = make(preexisting)
	}
	(*x)[xxhash.Sum64String(string(st.Current.ID))] = struct{}{}
}

// noteUnselected notes what there is of a pod that is not selected at the first list, but may be later.
func (w *podWatch) noteUnselected(p *corev1.Pod) {
	if w.selectsLater() && w.c.o.SelectsPod(p) {
		for _, st := range pods.New(p, false).Containers {
			w.preexisting.note(w, st)
		}
	}
}

// selectsLater reports whether this is the first list, and what it leaves out may be selected later all the same.
func (w *podWatch) selectsLater() bool {
	return w.listedAt.IsZero() && w.c.o.Follow && w.c.o.Changeable()
}

// skew is how far clocks are taken to be apart.
const skew = time.Minute

// ran reports whether an instance ran before mktail looked. Of what the first list did not have, as of pods whose labels
// did not match then, the start tells. The node's clock may differ from ours: what is in doubt is new, so that no line
// of it is left out.
func (w *podWatch) ran(in pods.Instance) bool {
	switch started := in.Started.Time(); {
	case in.ID == "":
		return false
	case w.listedAt.IsZero():
		return w.since.IsZero() || started.Before(w.since)
	default:
		_, found := w.preexisting[xxhash.Sum64String(string(in.ID))]
		return found || in.Started > 0 && started.Add(skew).Before(cmp.Or(w.since, w.listedAt))
	}
}
