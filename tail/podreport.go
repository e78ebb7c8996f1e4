package tail

import (
	"maps"
	"slices"

	"mktail/tail/pods"
	"mktail/tail/report"
)

// reportState reports the state of a pod if that is wanted and new. st is nil if none of its containers is followed. What had failed
// before the first list is not reported as failed.
func (w *podWatch) reportState(st *podState, p *pods.Pod) {
	if st == nil || p.State == nil {
		return
	}
	e := report.Event{Kind: report.PodState, Cluster: w.c.name, Namespace: p.Namespace, Pod: p.Name, UID: string(p.UID), State: p.State.Lines}
	was := st.state
	for _, name := range slices.Sorted(maps.Keys(p.State.Failed)) {
		failed := p.State.Failed[name]
		known := was == nil && w.listedAt.IsZero() // it may have failed long ago
		if was != nil {
			last, ok := was.Failed[name] // some have no ID
			known = ok && last.ID == failed.ID
		}
		if !known && w.c.o.SelectsContainer(p, name) {
			e.Failures = append(e.Failures, failed.What)
		}
	}
	if was == nil || len(e.Failures) > 0 || !slices.Equal(was.Lines, p.State.Lines) {
		st.state = p.State
		w.c.o.notify(e)
	}
}
