package tail

import (
	"mktail/emit"
	"mktail/tail/report"
)

// notify tells who wants to know.
func (o *Options) notify(e report.Event) {
	if o.Notify != nil {
		o.Notify(e)
	}
}

// notify tells of something that happens to a follower.
func (f *follower) notify(kind report.Kind, gap *emit.Gap) {
	f.c.o.notify(report.Event{
		Kind: kind, Cluster: f.c.name, Namespace: f.ns, Pod: f.pod, UID: string(f.uid), Container: f.container, Gap: gap,
	})
}
