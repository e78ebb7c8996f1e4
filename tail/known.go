package tail

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"mktail/tail/pods"
	"mktail/tail/report"
)

// known is a selected pod, from when it is found until it is gone.
type known struct {
	ns, name string
	ended    chan struct{} // closed when it was told that the pod has ended; nil: it has not
}

// know tells of a pod that is found.
func (s *scope) know(p *pods.Pod) {
	if s.known[p.UID] != nil {
		return
	}
	var containers []string
	for name := range p.Containers {
		if s.c.o.Container(p, name) {
			containers = append(containers, name)
		}
	}
	if len(containers) == 0 {
		return
	}
	slices.Sort(containers)
	s.known[p.UID] = &known{ns: p.Namespace, name: p.Name}
	s.c.o.notify(report.Event{Kind: report.PodFound, Cluster: s.c.name, Namespace: p.Namespace, Pod: p.Name, UID: string(p.UID), Containers: containers})
}

// over tells that a pod has ended, if it has, when its followers have.
func (s *scope) over(p *pods.Pod) {
	k := s.known[p.UID]
	if k == nil || !p.Ended || k.ended != nil {
		return
	}
	k.ended = make(chan struct{})
	s.after(p.UID, func() {
		defer close(k.ended)
		s.c.o.notify(report.Event{Kind: report.PodEnded, Cluster: s.c.name, Namespace: p.Namespace, Pod: p.Name, UID: string(p.UID), Failures: p.Failures})
	})
}

// forget tells that a pod is gone: deleted, or else not selected any longer.
func (s *scope) forget(uid types.UID, deleted bool) {
	k := s.known[uid]
	if k == nil {
		return
	}
	delete(s.known, uid)
	gone := report.Event{Kind: report.PodGone, Cluster: s.c.name, Namespace: k.ns, Pod: k.name, UID: string(uid)}
	if deleted && k.ended == nil {
		gone.Failures = []string{"deleted before it ended"}
	}
	s.after(uid, func() {
		if k.ended != nil {
			<-k.ended
		}
		s.c.o.notify(gone)
	})
}

// after does something when the followers that a pod has now have ended.
func (s *scope) after(uid types.UID, do func()) {
	var ended []chan struct{}
	for _, f := range s.followers[uid] {
		ended = append(ended, f.ended)
	}
	s.running.Go(func() {
		for _, c := range ended {
			<-c
		}
		do()
	})
}
