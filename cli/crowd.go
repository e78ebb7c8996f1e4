package cli

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"mktail/emit"
	"mktail/tail"
)

// crowd knows the pods and clusters of a run, for the verdicts that are about all of them.
type crowd struct {
	each     string // "pod", "container" or "cluster": each must match; empty: need not
	done     bool   // each pod must end
	least    int    // pods that are waited for
	clusters int    // in all; 0: lines come from stdin
	required int    // of them, those that must be readable
	strict   bool   // also while it is not known yet which are

	mu       sync.Mutex
	ready    bool              // all clusters were tried
	enough   bool              // so many pods as are waited for were there at once
	reached  map[string]*reach // the clusters that were heard of
	pods     map[string]*one   // that are there; or, if they must end, have ended
	present  int               // of them, those that are there
	alive    int               // of them, those that have not ended
	wanted   map[string]string // by its key, the name of each that has to match yet
	matched  map[string]bool   // the keys of those that did
	failures []string
}

// reach is how far a cluster can be read.
type reach struct {
	ever   bool            // its pods could be listed
	up     bool            // they can be, or could when that was last tried
	down   map[string]bool // the parts of it that can't be read
	opened bool            // so could a log
}

// whole tells whether all of the cluster can be read, for all that is known.
func (r *reach) whole() bool { return r.up && len(r.down) == 0 }

// one is a pod.
type one struct {
	name  string
	keys  []string
	ended bool
}

func newCrowd() *crowd {
	return &crowd{reached: make(map[string]*reach), pods: make(map[string]*one), wanted: make(map[string]string), matched: make(map[string]bool)}
}

// key is that of what must match if the records of a container do.
func (c *crowd) key(cluster, uid, container string) string {
	switch c.each {
	case "cluster":
		return cluster
	case "pod":
		return cluster + "/" + uid
	}
	return cluster + "/" + uid + "/" + container
}

// happened takes an event.
func (c *crowd) happened(e tail.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, name := e.Cluster+"/"+e.UID, e.Cluster+": "+e.Namespace+"/"+e.Pod
	switch e.Kind {
	case tail.ClusterUp:
		r := c.reach(e.Cluster)
		if r.ever, r.up = true, true; c.each == "cluster" {
			c.want(e.Cluster, e.Cluster)
		}
	case tail.ClusterDown:
		c.reach(e.Cluster).up = false
	case tail.PartDown:
		c.reach(e.Cluster).down[e.Part] = true
	case tail.PartUp:
		delete(c.reach(e.Cluster).down, e.Part)
	case tail.ContainerOpen:
		c.reach(e.Cluster).opened = true
	case tail.Ready:
		c.ready = true
	case tail.PodFound:
		p := &one{name: name}
		for _, container := range e.Containers {
			switch key := c.key(e.Cluster, e.UID, container); c.each {
			case "pod":
				c.want(key, name)
				p.keys = append(p.keys, key)
			case "container":
				c.want(key, name+"/"+container)
				p.keys = append(p.keys, key)
			}
		}
		c.pods[id] = p
		c.present++
		c.alive++
		c.enough = c.enough || c.present >= c.least
	case tail.PodEnded:
		if p := c.pods[id]; p != nil {
			p.ended = true
			c.alive--
			c.fail(name, e.Failures)
		}
	case tail.PodGone:
		p := c.pods[id]
		if p == nil {
			return
		}
		c.present--
		for _, key := range p.keys {
			delete(c.wanted, key)
			delete(c.matched, key)
		}
		if !p.ended {
			c.alive--
		}
		c.fail(name, e.Failures)
		if p.ended = p.ended || len(e.Failures) > 0; !p.ended || !c.done {
			delete(c.pods, id)
		}
	}
}

func (c *crowd) reach(cluster string) *reach {
	r := c.reached[cluster]
	if r == nil {
		r = &reach{down: make(map[string]bool)}
		c.reached[cluster] = r
	}
	return r
}

func (c *crowd) fail(name string, failures []string) {
	for _, failure := range failures {
		if !c.done {
			return
		}
		c.failures = append(c.failures, name+": "+failure)
	}
}

// match notes that a record of src matches, and tells whether that was waited for.
func (c *crowd) match(src emit.Source) (wanted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := c.key(src.Cluster, src.UID, src.Container)
	if _, wanted = c.wanted[key]; wanted {
		delete(c.wanted, key)
		c.matched[key] = true
	}
	return wanted
}

// want notes something that must match.
func (c *crowd) want(key, name string) {
	if !c.matched[key] {
		c.wanted[key] = name
	}
}

// verdict is what has been decided about all; undecided if nothing is.
func (c *crowd) verdict() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.ready || !c.enough && c.least > 0:
		return undecided
	case c.each != "" && len(c.wanted) == 0 && len(c.matched) > 0:
		return exitOK
	case c.done && len(c.pods) > 0 && c.alive == 0:
		if len(c.failures) > 0 {
			return exitWorkload
		}
		return exitOK
	}
	return undecided
}

func (c *crowd) unmatched() (names []string) {
	for _, name := range c.wanted {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (c *crowd) running() (names []string) {
	for _, p := range c.pods {
		if !p.ended {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return names
}

// settled tells whether enough pods were there, and whether it is known how many clusters can be read, or enough of them can.
func (c *crowd) settled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.least > 0 && !c.enough {
		return false
	}
	return c.ready || c.count(func(r *reach) bool { return r.whole() && r.opened || !c.strict && r.ever }) >= c.required
}

// count is how many clusters are so.
func (c *crowd) count(so func(*reach) bool) (n int) {
	for _, r := range c.reached {
		if so(r) {
			n++
		}
	}
	return n
}

// unrequired says that fewer clusters can be read than must; empty: not so. If not told how many must, it is enough that one
// could be.
func (c *crowd) unrequired() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.count(func(r *reach) bool { return r.whole() || !c.strict && r.ever })
	if n >= c.required || !c.strict && !c.ready {
		return ""
	}
	return fmt.Sprintf("%d of %s could be read, and %d must be", n, plural(c.clusters, "cluster"), c.required)
}

// readable tells whether a cluster can be read.
func (c *crowd) readable(cluster string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reach(cluster).whole()
}

// unmet says what is waited for of pods or clusters; empty: nothing is.
func (c *crowd) unmet() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.least > 0 && !c.enough:
		return fmt.Sprintf("%d of %d pods were there", c.present, c.least)
	case c.each != "" && len(c.wanted) > 0:
		return several(c.unmatched()) + " did not match --until"
	case c.done && c.alive > 0:
		return several(c.running()) + " did not end"
	case c.each != "" && len(c.matched) == 0, c.done && len(c.pods) == 0:
		return "no pod was there"
	case (c.each != "" || c.done) && !c.ready:
		return "not every cluster was tried"
	}
	return ""
}

// none tells whether no pod with a container that matches is there.
func (c *crowd) none() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pods) == 0
}

// tooFew tells whether there were never so many pods as are waited for.
func (c *crowd) tooFew() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.least > 0 && !c.enough
}

// failed says what failed.
func (c *crowd) failed() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(slices.Values(c.failures))
}

// several names the first few of many.
func several(names []string) string {
	const most = 5
	if more := len(names) - most; more > 0 {
		names = append(slices.Clone(names[:most]), fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}
