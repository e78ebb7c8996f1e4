package pods

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"mktail/discover/glob"
	"mktail/tail/kube"
)

// Owners finds out which of the owners that are asked for the pods of a cluster belong to. It keeps what it has learned of kinds,
// and of the owners that were asked about last. Many goroutines may use it.
type Owners struct {
	name   string // of the cluster
	kube   *kube.Client
	asked  []Owner
	log    zerolog.Logger
	jitter func(time.Duration) time.Duration // see kube.Backoff

	lookups   chan struct{} // a place for each object that the server is asked for
	discovery chan struct{} // the place of who asks the server which resources it has, and uses mapper
	mapper    meta.RESTMapperWithContext

	mu       sync.Mutex
	kinds    map[string]schema.GroupKind // of the owners asked for, those that the server was asked about
	recent   map[string]owners           // the owners of owners of pods, by refKey
	older    map[string]owners           // those that were not needed since recent began
	kept     int                         // of recent, before it becomes older
	reported map[string]bool             // what can't be known, as far as it was logged
}

const (
	maxLookups = 64   // objects that the server is asked for at once
	minKept    = 1000 // owners that are kept
)

// NewOwners makes what looks up the owners that are asked for in the cluster that messages call name. jitter returns a random
// time that is less than the one it is given, for the delays between tries. It asks the server for nothing.
func NewOwners(name string, client *kube.Client, asked []Owner, log zerolog.Logger, jitter func(time.Duration) time.Duration) *Owners {
	return &Owners{
		name: name, kube: client, asked: asked, log: log, jitter: jitter, kept: minKept,
		lookups: make(chan struct{}, maxLookups), discovery: make(chan struct{}, 1),
		kinds: make(map[string]schema.GroupKind), recent: make(map[string]owners), reported: make(map[string]bool),
	}
}

// Expect tells how many pods a list has: so many owners, at least, are kept.
func (o *Owners) Expect(pods int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept = max(o.kept, pods)
}

// Matching returns which of the owners asked for a pod belongs to, as indices in their list, by what is known. Services are not
// looked at. It asks the server for nothing. Not known: there may be more, which LookUp finds out.
func (o *Owners) Matching(p *corev1.Pod) (found []int, known bool) {
	known = true
	var ancestors []ancestor
	for i, owner := range o.asked {
		kind, ok := o.kind(owner.Kind)
		switch {
		case !ok:
			known = false
			continue
		case kind == podKind:
			if glob.Match(owner.Name, p.Name) {
				found = append(found, i)
			}
			continue
		case kind == serviceKind, kind.Empty():
			continue
		}
		if ancestors == nil {
			var complete bool
			ancestors, complete = o.ancestors(p.Namespace, p.OwnerReferences, 0)
			known = known && complete
		}
		if slices.ContainsFunc(ancestors, func(a ancestor) bool { return a.kind == kind && glob.Match(owner.Name, a.name) }) {
			found = append(found, i)
		}
	}
	return found, known
}

// LookUp asks the server for what Matching does not know of the pods of a namespace that have these owners, and calls learned
// whenever more is known. An error says that the server could not tell all. A pod does not belong to what the server doesn't have
// or doesn't let us see; that is logged once.
func (o *Owners) LookUp(ctx context.Context, ns string, refs []metav1.OwnerReference, learned func()) error {
	failed := o.lookUpAll(ctx, ns, refs, 0, learned)
	for _, owner := range o.asked {
		if _, ok := o.kind(owner.Kind); !ok {
			failed = cmp.Or(failed, o.discover(ctx, owner.Kind))
			learned()
		}
	}
	return cmp.Or(failed, o.lookUpAll(ctx, ns, refs, 0, learned))
}
