package tail

import (
	"maps"

	"mktail/tail/pods"
	"mktail/tail/report"
)

// reportWaits reports why containers of a selected pod that are to be followed wait to be started, where that has changed.
func (w *podWatch) reportWaits(st *podState, p *pods.Pod) {
	if st == nil || maps.Equal(st.waits, p.Waits) {
		return
	}
	was := st.waits
	st.waits = p.Waits
	send := func(container, reason string) {
		if was[container] == reason || container != "" && !w.c.o.SelectsContainer(p, container) {
			return
		}
		w.c.o.notify(report.Event{Kind: report.ContainerWaits, Cluster: w.c.name, Namespace: p.Namespace, Pod: p.Name, UID: string(p.UID), Container: container, Reason: reason})
	}
	for container := range was {
		if _, still := p.Waits[container]; !still {
			send(container, "")
		}
	}
	for container, reason := range p.Waits {
		send(container, reason)
	}
}
