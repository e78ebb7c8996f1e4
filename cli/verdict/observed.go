package verdict

import (
	"sync"

	"mktail/emit"
	"mktail/tail/report"
)

// observed is what a run has seen of its clusters and pods. Many goroutines may use it.
type observed struct {
	mu       sync.Mutex
	ready    bool // all clusters were tried
	clusters clusterSet
	pods     podSet
}

func newObserved(o Options) *observed {
	return &observed{clusters: newClusterSet(o), pods: newPodSet(o)}
}

// happened takes an event.
func (o *observed) happened(e report.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch e.Kind {
	case report.ClusterUp:
		o.clusters.up(e.Cluster)
		o.pods.clusterUp(e.Cluster)
	case report.ClusterDown:
		o.clusters.of(e.Cluster).up = false
	case report.PartDown:
		o.clusters.of(e.Cluster).down[e.Part] = struct{}{}
	case report.PartUp:
		delete(o.clusters.of(e.Cluster).down, e.Part)
	case report.ContainerOpen:
		o.clusters.of(e.Cluster).opened = true
	case report.Ready:
		o.ready = true
	case report.PodFound:
		o.pods.found(e)
	case report.PodEnded:
		o.pods.ended(e)
	case report.PodGone:
		o.pods.gone(e)
	}
}

// match notes that a record of src matches, and reports whether the run waited for that.
func (o *observed) match(src emit.Source) (wanted bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pods.match(src)
}

// outcome returns what is decided by all pods, containers or clusters: succeeded, podFailed or undecided.
func (o *observed) outcome() outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ready {
		return undecided
	}
	return o.pods.outcome()
}

// settled reports whether enough pods were there, and whether it is known how many clusters can be read, or enough of them can.
func (o *observed) settled() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.pods.tooFew() && (o.ready || o.clusters.proven())
}

// lacking says that fewer clusters can be read than required; empty: enough can. Unless Options.Strict, that is not known
// before all were tried.
func (o *observed) lacking() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.clusters.strict && !o.ready {
		return ""
	}
	return o.clusters.lacking()
}

// unmet says what the run still waits for of pods, containers or clusters; empty: nothing.
func (o *observed) unmet() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if unmet := o.pods.unmet(); unmet != "" {
		return unmet
	}
	if (o.pods.each != "" || o.pods.untilDone) && !o.ready {
		return "not every cluster was tried"
	}
	return ""
}

// readable reports whether all of a cluster can be read, as far as is known.
func (o *observed) readable(cluster string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.clusters.of(cluster).whole()
}

// noPods reports whether no pod with a container that matches is there.
func (o *observed) noPods() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.pods.all) == 0
}

// tooFewPods reports whether the pods of --wait-pods were never there at once.
func (o *observed) tooFewPods() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pods.tooFew()
}

// failures returns what failed in pods, sorted.
func (o *observed) failures() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pods.sortedFailures()
}
