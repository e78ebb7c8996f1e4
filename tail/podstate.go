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
	namespace, name string

	selected  bool                        // PodFound was reported of it, and not PodGone since
	gone      bool                        // it was deleted: its followers only read to the end
	ended     chan struct{}               // closed when PodEnded was reported of it; nil: it was not due
	followers map[string]*follow.Follower // by container
	dropped   map[string]*follow.Follower // of containers that were no longer selected, by container: they go on if they are again
}

// podStates are the pods of a watch, by UID. The watch's goroutine adds them and changes which followers they have; others may
// look at those that run, and remove a pod that is gone.
type podStates struct {
	mu    sync.Mutex
	byUID map[types.UID]*podState
}

// get returns the state of a pod that is not gone; nil: there is none.
func (s *podStates) get(uid types.UID) *podState {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.byUID[uid]; st != nil && !st.gone {
		return st
	}
	return nil
}

// obtain is get, and makes the state if there is none.
func (s *podStates) obtain(p *pods.Pod) *podState {
	if st := s.get(p.UID); st != nil {
		return st
	}
	st := &podState{
		uid: p.UID, namespace: p.Namespace, name: p.Name,
		followers: make(map[string]*follow.Follower), dropped: make(map[string]*follow.Follower),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byUID[p.UID] = st
	return st
}

// present returns the states of the pods that are not gone.
func (s *podStates) present() []*podState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Collect(maps.Values(s.byUID)), func(st *podState) bool { return st.gone })
}

// put sets the follower of a pod's container.
func (s *podStates) put(st *podState, container string, f *follow.Follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.followers[container] = f
	delete(st.dropped, container)
}

// drop keeps the followers of a pod as dropped, beside those that have not gone on since the last time.
func (s *podStates) drop(st *podState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(st.dropped, st.followers)
	clear(st.followers)
}

// leave notes that a pod is gone. Its followers are still to be found among the running ones.
func (s *podStates) leave(st *podState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.gone, st.dropped = true, nil
}

// remove forgets a pod.
func (s *podStates) remove(st *podState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byUID[st.uid] == st { // else one of the same UID has come since
		delete(s.byUID, st.uid)
	}
}

// following reports whether any container of a pod that is not gone is followed, or was.
func (s *podStates) following() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.byUID {
		if !st.gone && len(st.followers) > 0 {
			return true
		}
	}
	return false
}

// running returns the followers that have not ended.
func (s *podStates) running() (all []*follow.Follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.byUID {
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
