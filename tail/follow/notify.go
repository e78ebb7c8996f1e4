package follow

import (
	"mktail/emit"
	"mktail/tail/report"
)

// notify tells of something that happens to a follower.
func (f *Follower) notify(kind report.Kind, gap *emit.Gap) {
	f.c.Notify(report.Event{
		Kind: kind, Cluster: f.c.Name, Namespace: f.ns, Pod: f.pod, UID: string(f.uid), Container: f.container, Gap: gap,
	})
}
