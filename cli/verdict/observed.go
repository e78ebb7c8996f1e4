package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"mktail/emit"
	"mktail/tail/report"
)

// observed is what a run has seen of its clusters and pods. Many goroutines may use it.
type observed struct {
	allowEmpty bool // see Options.AllowEmpty

	mu       sync.Mutex
	ready    bool // all clusters were tried
	late     bool // a cluster has come up since, of which not all is known yet
	told     bool // becomesReady has reported it
	clusters clusterSet
	pods     podSet
	times    map[string]int // by podKey, how often a pod was found that is not gone: it may be found again before it is told gone
	waits    waits
	unread   []string // with Options.UntilDone: of pods that have ended, what could not be read to the end, and why
}

func newObserved(o Options) *observed {
	return &observed{allowEmpty: o.AllowEmpty, clusters: newClusterSet(o), pods: newPodSet(o), times: make(map[string]int), waits: make(waits)}
}

// happened takes an event, and returns what it tells of failed attempts of Jobs.
func (o *observed) happened(e report.Event) (attempts []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch e.Kind {
	case report.ClusterUp:
		o.late = o.clusters.up(e.Cluster) && o.ready || o.late
		o.pods.clusterUp(e.Cluster)
	case report.ClusterDown:
		o.clusters.of(e.Cluster).up = false
	case report.PartDown, report.PartUp:
		o.clusters.part(e)
	case report.ContainerOpen:
		o.clusters.of(e.Cluster).opened = true
	case report.ContainerWaits:
		o.waits.take(e)
	case report.Ready:
		o.ready, o.late = true, false
	case report.PodFound:
		delete(o.waits, podKey(e)) // they are reported next
		if o.times[podKey(e)]++; o.times[podKey(e)] == 1 {
			o.pods.found(e)
		}
	case report.PodUndecided:
		o.pods.undecided[podKey(e)] = podName(e)
	case report.PodDecided:
		delete(o.pods.undecided, podKey(e))
	case report.PodEnded:
		attempts = o.pods.attempt(e)
		o.pods.ended(e)
		if !o.pods.untilDone { // nothing else asks, and a long run sees many pods
			break
		}
		for _, what := range e.Unread {
			o.unread = append(o.unread, podName(e)+"/"+what)
		}
	case report.PodGone:
		if o.times[podKey(e)] > 1 {
			o.times[podKey(e)]--
			break
		}
		delete(o.times, podKey(e))
		attempts = o.pods.attempt(e)
		o.pods.gone(e)
		delete(o.waits, podKey(e))
	case report.JobFound:
		o.pods.jobs.found(e)
	case report.JobEnded:
		o.pods.jobs.ended(e)
	case report.JobGone:
		o.pods.jobs.gone(e)
	case report.Rollout:
		o.pods.rollouts.changed(e)
	case report.RolloutGone:
		o.pods.rollouts.gone(e)
	case report.JobsForbidden:
		o.pods.jobs.byPods = true
	}
	return attempts
}

// becomesReady reports, once, that all clusters were tried, and what the run requires holds.
func (o *observed) becomesReady() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.told || !o.ready || o.late || o.pods.tooFew() || o.clusters.lacking() != "" || o.clusters.forbidden() != "" {
		return false
	}
	o.told = true
	return true
}

// match notes that a record of src matches, and reports whether the run waited for that.
func (o *observed) match(src emit.Source) (wanted bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pods.match(src)
}

// eachMatched reports whether all has matched that Options.UntilEach is about, as far as is known.
func (o *observed) eachMatched() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ready && !o.late && o.pods.ownersAwaited() == "" && len(o.pods.wanted) == 0 && len(o.pods.matched) > 0
}

// outcome returns what is decided by all pods, containers or clusters: succeeded, podFailed, podUnread or undecided. A success, or what
// hides one, is not before all that is required can be read.
func (o *observed) outcome() outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ready || o.late {
		return undecided
	}
	switch d := o.pods.outcome(); {
	case d != succeeded:
		return d
	case o.clusters.lacking() != "" || o.clusters.forbidden() != "":
		return undecided
	case o.pods.untilDone && len(o.unread) > 0:
		return podUnread
	}
	return succeeded
}

// settled reports whether enough pods were there and enough clusters can be read.
func (o *observed) settled() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.pods.tooFew() && o.pods.rollouts.unmet() == "" && o.clusters.lacking() == "" && (o.ready || o.clusters.proven())
}

// lacking says that fewer clusters can be read than required, or none of the namespaces that were named; empty: enough can. Unless
// Options.Strict, that is not known before all were tried; with now, it counts as it is.
func (o *observed) lacking(now bool) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.clusters.strict && !o.ready && !now {
		return ""
	}
	return cmp.Or(o.clusters.lacking(), o.clusters.forbidden())
}

// unmet says what the run still waits for of pods, containers or clusters; empty: nothing.
func (o *observed) unmet() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if unmet := o.pods.unmet(); unmet != "" && !(o.allowEmpty && o.pods.each == "" && len(o.pods.all)+len(o.pods.undecided) == 0 && !o.pods.tooFew()) {
		return unmet
	}
	if (o.pods.each != "" || o.pods.untilDone || len(o.pods.rollouts.wanted.all) > 0) && (!o.ready || o.late) {
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

// noPods reports whether no pod with a container that matches is there, nor a Job or rollout that is waited for.
func (o *observed) noPods() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.pods.all)+len(o.pods.jobs.all)+len(o.pods.rollouts.all) == 0
}

// exitUnknown reports whether all has ended, but no container of the name that --exit-code-from gives.
func (o *observed) exitUnknown() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pods.exitUnknown()
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
	return o.pods.failures()
}

// exitCode returns the exit code of the container of --exit-code-from, if all has ended and that is known and not 0; else code.
func (o *observed) exitCode(code int) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if of, known := o.pods.exitCode(); known && of != 0 && o.pods.done() {
		return of
	}
	return code
}

// leftUnread returns what could not be read to the end of pods that have ended, sorted.
func (o *observed) leftUnread() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Sorted(slices.Values(o.unread))
}

// waiting says which containers wait to be started, and why; empty: none does.
func (o *observed) waiting() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.waits.text(&o.pods)
}

// unknownOwners says of which pods it is not known whether they are selected; empty: of none.
func (o *observed) unknownOwners() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pods.unknownOwners()
}

// progress says how many pods, containers or clusters have matched of those that must; empty: it is not about these.
func (o *observed) progress() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.pods.matched)
	all := n + len(o.pods.wanted)
	if o.pods.each == "" || all == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %s matched", n, plural(all, string(o.pods.each)))
}
