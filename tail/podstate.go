package tail

import (
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"mktail/tail/follow"
	"mktail/tail/pods"
)

// podState is what a watch knows of a pod of which containers are followed, or were.
type podState struct {
	uid             types.UID
	identity        string // see pods.Identity
	namespace, name string

	inquiry   int                         // counts the times that the pod was seen, or asked about; see vanished
	selected  bool                        // PodFound was reported of it, and not PodGone since
	gone      bool                        // it was deleted: its followers only read to the end
	ended     chan struct{}               // closed when PodEnded was reported of it; nil: it was not due
	followers map[string]*follow.Follower // by container
	dropped   map[string]*follow.Follower // of containers that were no longer selected, by container: they go on if they are again
	waits     map[string]string           // why its containers wait, as was reported; see pods.Pod
	state     *pods.State                 // that was reported last; nil: none was
	retired   []string                    // containers whose followers have ended for good; of a static pod those are kept
}

// followed reports whether a container of the pod is followed, or was to its end.
func (st *podState) followed() bool { return len(st.followers)+len(st.retired) > 0 }

// static reports whether the pod is a static one, of which the API has but a mirror.
func (st *podState) static() bool { return pods.Static(st.uid, st.identity) }

// podStates are the pods of a watch, by their identity. The watch's goroutine adds them and changes which followers they have; others may
// look at those that run, and remove a pod that is gone.
type podStates struct {
	mu  sync.Mutex
	all map[string]*podState
}

// get returns the state of a pod that is not gone; nil: there is none.
func (s *podStates) get(identity string) *podState {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.all[identity]; st != nil && !st.gone {
		return st
	}
	return nil
}

// seen returns the state of a pod that the API tells of; nil: there is none. A pod that was taken for deleted goes on in another state
// from where its followers are, which end. So does a static pod that has another mirror.
func (s *podStates) seen(identity string, uid types.UID) *podState {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.all[identity]
	if was == nil || !was.gone && was.uid == uid {
		return was
	}
	st := &podState{uid: uid, identity: identity, namespace: was.namespace, name: was.name, retired: was.retired}
	st.dropped = make(map[string]*follow.Follower)
	maps.Copy(st.dropped, was.dropped)
	maps.Copy(st.dropped, was.followers)
	for _, f := range was.followers {
		f.Cancel()
	}
	s.all[identity] = st
	return st
}

// obtain is seen, and makes the state if there is none.
func (s *podStates) obtain(p *pods.Pod) *podState {
	if st := s.seen(p.Identity, p.UID); st != nil {
		return st
	}
	st := &podState{uid: p.UID, identity: p.Identity, namespace: p.Namespace, name: p.Name}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[p.Identity] = st
	return st
}

// replaced reports whether a pod was taken for deleted, but goes on in another state.
func (s *podStates) replaced(st *podState) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.all[st.identity]
	return now != nil && now != st
}

// mirroredAnew reports whether p is the mirror of a static pod that was known by another one.
func (s *podStates) mirroredAnew(p *pods.Pod) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.all[p.Identity]
	return was != nil && was.uid != p.UID
}

// present returns the states of the pods that are not gone.
func (s *podStates) present() []*podState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Collect(maps.Values(s.all)), func(st *podState) bool { return st.gone })
}

// put sets the follower of a pod's container.
func (s *podStates) put(st *podState, container string, f *follow.Follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.followers == nil {
		st.followers = make(map[string]*follow.Follower)
	}
	st.followers[container] = f
	delete(st.dropped, container)
}

// retire forgets a follower that has ended for good, unless it was dropped, or another goes on from it. A pod that has ended may be there
// for long, and it is not to cost what a follower does. A static one may run again, with another mirror.
func (s *podStates) retire(st *podState, container string, f *follow.Follower) (retired bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.static() || st.followers[container] != f || s.all[st.identity] != st {
		return false
	}
	st.retired = append(st.retired, container)
	if delete(st.followers, container); len(st.followers) == 0 {
		st.followers = nil
	}
	return true
}

// drop keeps the followers of a pod as dropped, beside those that have not gone on since the last time.
func (s *podStates) drop(st *podState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.dropped == nil {
		st.dropped = make(map[string]*follow.Follower)
	}
	maps.Copy(st.dropped, st.followers)
	st.followers = nil
}

// orphans returns the followers that were dropped of containers that a static pod no longer has, and forgets them.
func (s *podStates) orphans(st *podState, p *pods.Pod) (all []*follow.Follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, f := range st.dropped {
		if _, has := p.Containers[name]; st.static() && !has {
			all = append(all, f)
			delete(st.dropped, name)
		}
	}
	return all
}

// leave notes that a pod is gone. Its followers are still to be found among the running ones.
func (s *podStates) leave(st *podState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.gone = true
}

// forget forgets a pod and does what is to be done with it, unless it has come again.
func (s *podStates) forget(st *podState, do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[st.identity] == st {
		delete(s.all, st.identity)
		do()
	}
}

// following reports whether any container of a pod that is not gone is followed, or was.
func (s *podStates) following() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.all {
		if !st.gone && st.followed() {
			return true
		}
	}
	return false
}

// running returns the followers that have not ended.
func (s *podStates) running() (all []*follow.Follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.all {
		for _, f := range st.followers {
			select {
			case <-f.Done():
			default:
				all = append(all, f)
			}
		}
	}
	return all
}
