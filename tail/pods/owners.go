package pods

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/restmapper"

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

// owners are the owners of an object.
type owners []metav1.OwnerReference

// ancestor is an owner of a pod, an owner of that, and so on.
type ancestor struct {
	kind schema.GroupKind
	name string
}

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

// kind returns the kind that an owner's Kind names; the zero value if the server has no such resource. Not ok: the server is to be
// asked, which discover does.
func (o *Owners) kind(name string) (kind schema.GroupKind, ok bool) {
	if kind, ok := wellKnown(name); ok {
		return kind, true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	kind, ok = o.kinds[name]
	return kind, ok
}

// wellKnown returns the kind that an owner's Kind names, if it is a well-known one.
func wellKnown(name string) (kind schema.GroupKind, ok bool) {
	if kind, ok := kinds[name]; ok {
		return kind, true
	}
	if resource, group, cut := strings.Cut(name, "."); cut { // deployments.apps, deployment.v1.apps
		kind, ok = kinds[resource]
		ok = ok && (kind.Group == group || strings.HasSuffix(group, "."+kind.Group))
	}
	return kind, ok
}

// discover asks the server for the kind that an owner's Kind names, once. That it has no such resource is logged.
func (o *Owners) discover(ctx context.Context, name string) error {
	return o.ask(ctx, func(ctx context.Context) error {
		if _, ok := o.kind(name); ok { // by now
			return nil
		}
		var kind schema.GroupVersionKind
		err := o.match(ctx, func() (err error) {
			versioned, plain := schema.ParseResourceArg(name)
			if versioned != nil {
				if kind, err = o.mapper.KindForWithContext(ctx, *versioned); !meta.IsNoMatchError(err) {
					return err
				}
			}
			kind, err = o.mapper.KindForWithContext(ctx, plain.WithVersion(""))
			return err
		})
		switch {
		case meta.IsNoMatchError(err):
			o.log.Warn().Msgf("%s: it has no resource %s", o.name, name)
		case err != nil:
			return failure("looking for resource "+name, err)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.kinds[name] = kind.GroupKind()
		return nil
	})
}

// ask does something with the mapper. Others wait meanwhile, so that not all of them ask the server for the same.
func (o *Owners) ask(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, o.kube.RequestTimeout())
	defer cancel()
	select {
	case o.discovery <- struct{}{}:
	case <-ctx.Done():
		return failure("asking which resources there are", ctx.Err())
	}
	defer func() { <-o.discovery }()
	return do(ctx)
}

// match does something with the mapper of the server's resources, which knows their short names, too. Where nothing matches in
// what was known before, the server is asked anew; if it can't tell all, that is the error.
func (o *Owners) match(ctx context.Context, do func() error) error {
	if o.mapper != nil {
		if err := do(); !meta.IsNoMatchError(err) {
			return err
		}
	}
	server := discovery.ToDiscoveryInterfaceWithContext(o.kube.Discovery())
	groups, resources, partial := server.ServerGroupsAndResourcesWithContext(ctx)
	if partial != nil && !discovery.IsGroupDiscoveryFailedError(partial) {
		return partial
	}
	known := discovered{server, groups, resources}
	mapped, err := restmapper.GetAPIGroupResourcesWithContext(ctx, known)
	if err != nil {
		return err
	}
	o.mapper = restmapper.NewShortcutExpanderWithContext(restmapper.NewDiscoveryRESTMapperWithContext(mapped), known, nil)
	if err = do(); meta.IsNoMatchError(err) && partial != nil {
		return partial
	}
	return err
}

// discovered is what a server has told of its resources. Nothing is asked again.
type discovered struct {
	discovery.DiscoveryInterfaceWithContext
	groups    []*metav1.APIGroup
	resources []*metav1.APIResourceList
}

// ServerGroupsAndResourcesWithContext returns what the server has told.
func (d discovered) ServerGroupsAndResourcesWithContext(context.Context) ([]*metav1.APIGroup, []*metav1.APIResourceList, error) {
	return d.groups, d.resources, nil
}

// maxSteps bounds how far owners of owners are looked for.
const maxSteps = 8

// ancestors returns the owners of what has these references, the owners of those, and so on, as far as they are known. steps is how
// many there are between that and the pod. Not complete: there may be more.
func (o *Owners) ancestors(ns string, refs owners, steps int) (all []ancestor, complete bool) {
	if steps == maxSteps {
		return nil, true
	}
	complete = true
	for _, ref := range refs {
		kind, ok := kindOf(ref)
		if !ok {
			continue
		}
		all = append(all, ancestor{kind.GroupKind(), ref.Name})
		if !o.matters(kind.GroupKind()) {
			continue
		}
		of, known := o.ownersOf(refKey(ns, ref))
		above, whole := o.ancestors(ns, of, steps+1)
		all, complete = append(all, above...), complete && known && whole
	}
	return all, complete
}

// kindOf returns the kind of an owner; not ok: its version can't be read.
func kindOf(ref metav1.OwnerReference) (kind schema.GroupVersionKind, ok bool) {
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	return gv.WithKind(ref.Kind), err == nil
}

// refKey is what an owner is known by.
func refKey(ns string, ref metav1.OwnerReference) string {
	return cmp.Or(string(ref.UID), ns+"/"+ref.APIVersion+"/"+ref.Kind+"/"+ref.Name)
}

// ownersOf returns the owners of an owner, if they are known.
func (o *Owners) ownersOf(key string) (of owners, known bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if of, known = o.recent[key]; known {
		return of, true
	}
	if of, known = o.older[key]; known {
		o.keep(key, of)
	}
	return of, known
}

// keep keeps the owners of an owner, and in time forgets those that are not needed any more. The caller holds mu.
func (o *Owners) keep(key string, of owners) {
	if len(o.recent) >= o.kept {
		o.older, o.recent = o.recent, make(map[string]owners)
	}
	o.recent[key] = of
}

// lookUpAll asks the server for the owners of what has these references, the owners of those, and so on, as far as they are not
// known. What can be known is kept, whatever fails.
func (o *Owners) lookUpAll(ctx context.Context, ns string, refs owners, steps int, learned func()) (failed error) {
	if steps == maxSteps {
		return nil
	}
	for _, ref := range refs {
		kind, ok := kindOf(ref)
		if !ok || !o.matters(kind.GroupKind()) {
			continue
		}
		key := refKey(ns, ref)
		of, known := o.ownersOf(key)
		if !known {
			var err error
			if of, err = o.lookUp(ctx, ns, kind, ref); err != nil {
				failed = cmp.Or(failed, err)
				continue
			}
			o.mu.Lock()
			o.keep(key, of)
			o.mu.Unlock()
			learned()
		}
		failed = cmp.Or(failed, o.lookUpAll(ctx, ns, of, steps+1, learned))
	}
	return failed
}

// lookUp asks the server for the owners of an owner. One that is gone, or that we may not see, has none.
func (o *Owners) lookUp(ctx context.Context, ns string, kind schema.GroupVersionKind, ref metav1.OwnerReference) (owners, error) {
	known, ok := intermediateKinds[kind.GroupKind()]
	resource, in := known.resource, ns
	if !ok {
		var mapping *meta.RESTMapping
		err := o.ask(ctx, func(ctx context.Context) error {
			err := o.match(ctx, func() (err error) {
				mapping, err = o.mapper.RESTMappingWithContext(ctx, kind.GroupKind(), kind.Version)
				return err
			})
			if err == nil || meta.IsNoMatchError(err) {
				return err
			}
			return failure("looking for resource "+kind.String(), err)
		})
		switch {
		case meta.IsNoMatchError(err):
			return nil, nil
		case err != nil:
			return nil, err
		}
		if resource = mapping.Resource; mapping.Scope.Name() != meta.RESTScopeNameNamespace {
			in = ""
		}
	}
	select {
	case o.lookups <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	object, err := o.kube.GetMetadata(ctx, resource, in, ref.Name)
	<-o.lookups
	switch {
	case apierrors.IsNotFound(err), err == nil && object.UID != ref.UID:
		return nil, nil
	case apierrors.IsForbidden(err):
		o.WarnUnknown("what owns each "+ref.Kind, func(asked Owner) bool { return o.mattersTo(asked, kind.GroupKind()) }, err)
		return nil, nil
	case err != nil:
		return nil, failure("looking up "+ref.Kind+" "+ref.Name, err)
	}
	return object.OwnerReferences, nil
}

// failure returns the error of what has failed. That there was no answer in time is said in words, of which kube.Describe leaves
// nothing out.
func failure(what string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New(kube.Describe(err))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// WarnUnknown logs what can't be known because err forbids it, and which of the owners asked for need it: once for each.
func (o *Owners) WarnUnknown(what string, needs func(Owner) bool, err error) {
	o.warnOnce(fmt.Sprintf("it can't be known %s (for %s)", what, o.askedThat(needs)), err)
}

// WarnServices logs that it can't be known which pods services select, because err forbids it, once.
func (o *Owners) WarnServices(err error) {
	o.WarnUnknown("which pods services select", Owner.isService, err)
}

// warnOnce logs something and its cause, unless it was logged.
func (o *Owners) warnOnce(what string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.reported[what] {
		return
	}
	o.reported[what] = true
	o.log.Warn().Msgf("%s: %s: %s", o.name, what, kube.Describe(err))
}

// askedThat lists those owners asked for that meet a condition.
func (o *Owners) askedThat(needs func(Owner) bool) string {
	var names []string
	for _, owner := range o.asked {
		if needs(owner) {
			names = append(names, owner.String())
		}
	}
	return strings.Join(names, ", ")
}

// matters reports whether it matters who owns an object of this kind: whether owners are asked for that may own it. Those that
// are not of a well-known kind may own anything. Those whose kind is not known yet do not count.
func (o *Owners) matters(kind schema.GroupKind) bool {
	return slices.ContainsFunc(o.asked, func(owner Owner) bool { return o.mattersTo(owner, kind) })
}

// mattersTo is matters for one of the owners asked for.
func (o *Owners) mattersTo(owner Owner, kind schema.GroupKind) bool {
	asked, ok := o.kind(owner.Kind)
	if !ok || asked.Empty() || asked == podKind || asked == serviceKind {
		return false
	}
	of, isIntermediate := intermediateKinds[kind]
	switch _, askedIntermediate := intermediateKinds[asked]; {
	case !askedIntermediate && !slices.Contains(rootKinds, asked):
		return true
	case isIntermediate:
		return asked == of.ownedBy
	}
	return !slices.Contains(rootKinds, kind)
}
