package verdict

import (
	"slices"

	"mktail/tail/report"
)

// waits are why containers of pods wait to be started, by podKey and container; a pod that waits for a node has "" for a container. It is
// used under the lock of observed.
type waits map[string]map[string]string

func (w waits) take(e report.Event) {
	key := podKey(e)
	if e.Reason == "" {
		if delete(w[key], e.Container); len(w[key]) == 0 {
			delete(w, key)
		}
		return
	}
	if w[key] == nil {
		w[key] = make(map[string]string)
	}
	w[key][e.Container] = e.Reason
}

// text says of the first few of these pods what they wait for; empty: for nothing.
func (w waits) text(of *podSet) string {
	var all []string
	for key, containers := range w {
		p := of.all[key]
		if p == nil {
			continue
		}
		for container, reason := range containers {
			if container == "" {
				all = append(all, p.name+": not scheduled: "+excerpt(reason))
			} else {
				all = append(all, p.name+"/"+container+": waiting: "+excerpt(reason))
			}
		}
	}
	slices.Sort(all)
	return firstFew(all)
}
