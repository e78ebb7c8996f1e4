package pods

import (
	"context"
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
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/restmapper"

	"mktail/discover/glob"
	"mktail/tail/kube"
)

// Owners finds out which of the owners that are asked for the pods of a cluster belong to. It keeps what it has learned of owners
// and of kinds. Many goroutines may use it; each waits while another asks the server which resources it has.
type Owners struct {
	name   string // of the cluster
	kube   *kube.Client
	asked  []Owner
	log    zerolog.Logger
	jitter func(time.Duration) time.Duration // see kube.Backoff

	mu       sync.Mutex
	mapper   meta.RESTMapper
	kinds    map[string]schema.GroupKind // of the owners asked for, those that the server was asked about
	above    map[types.UID][]ancestor    // the ancestors of owners of pods
	reported map[string]bool             // what can't be known, as far as it was logged
}

// ancestor is an owner of a pod, an owner of that, and so on.
type ancestor struct {
	kind schema.GroupKind
	name string
}

// NewOwners makes what looks up the owners that are asked for in the cluster that messages call name. jitter returns a random
// time that is less than the one it is given, for the delays between tries. It asks the server for nothing.
func NewOwners(name string, client *kube.Client, asked []Owner, log zerolog.Logger, jitter func(time.Duration) time.Duration) *Owners {
	return &Owners{name: name, kube: client, asked: asked, log: log, jitter: jitter}
}

// Matching returns which of the owners asked for a pod belongs to, as indices in their list. Services are not looked at. An
// error says that the server could not tell. A pod does not belong to what the server doesn't have or doesn't let us see; that
// is logged once.
func (o *Owners) Matching(ctx context.Context, p *corev1.Pod) (found []int, err error) {
	var ancestors []ancestor
	for i, owner := range o.asked {
		kind, err := o.kind(owner.Kind)
		switch {
		case err != nil:
			return nil, err
		case kind == podKind:
			if glob.Match(owner.Name, p.Name) {
				found = append(found, i)
			}
			continue
		case kind == serviceKind, kind.Empty():
			continue
		}
		if ancestors == nil {
			if ancestors, err = o.ancestors(ctx, p.Namespace, p.OwnerReferences, 0); err != nil {
				return nil, err
			}
		}
		if slices.ContainsFunc(ancestors, func(a ancestor) bool { return a.kind == kind && glob.Match(owner.Name, a.name) }) {
			found = append(found, i)
		}
	}
	return found, nil
}

// kind returns the kind that an owner's Kind names; the zero value if the server has no such resource, which is logged once. The
// server is asked only if it is not a well-known kind, and once.
func (o *Owners) kind(name string) (schema.GroupKind, error) {
	if kind, ok := kinds[name]; ok {
		return kind, nil
	}
	if resource, group, ok := strings.Cut(name, "."); ok { // deployments.apps, deployment.v1.apps
		if kind, ok := kinds[resource]; ok && (kind.Group == group || strings.HasSuffix(group, "."+kind.Group)) {
			return kind, nil
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if kind, ok := o.kinds[name]; ok {
		return kind, nil
	}
	versioned, plain := schema.ParseResourceArg(name)
	var kind schema.GroupVersionKind
	err := error(&meta.NoResourceMatchError{})
	if versioned != nil {
		kind, err = o.server().KindFor(*versioned)
	}
	if meta.IsNoMatchError(err) {
		kind, err = o.server().KindFor(plain.WithVersion(""))
	}
	switch {
	case meta.IsNoMatchError(err):
		o.log.Warn().Msgf("%s: it has no resource %s", o.name, name)
	case err != nil:
		return schema.GroupKind{}, fmt.Errorf("looking for resource %s: %w", name, err)
	}
	if o.kinds == nil {
		o.kinds = make(map[string]schema.GroupKind)
	}
	o.kinds[name] = kind.GroupKind()
	return o.kinds[name], nil
}

// server returns the mapper of the server's resources, which knows their short names, too. The caller holds o.mu, also while
// using it.
func (o *Owners) server() meta.RESTMapper {
	if o.mapper == nil {
		cached := memory.NewMemCacheClient(o.kube.Discovery())
		o.mapper = restmapper.NewShortcutExpander(restmapper.NewDeferredDiscoveryRESTMapper(cached), cached, nil)
	}
	return o.mapper
}

// maxSteps bounds how far owners of owners are looked for.
const maxSteps = 8

// ancestors returns the owners of what has these references, the owners of those, and so on. steps is how many there are
// between that and the pod.
func (o *Owners) ancestors(ctx context.Context, ns string, refs []metav1.OwnerReference, steps int) (all []ancestor, err error) {
	if steps == maxSteps {
		return nil, nil
	}
	for _, ref := range refs {
		gv, err := schema.ParseGroupVersion(ref.APIVersion)
		if err != nil {
			continue
		}
		kind := gv.WithKind(ref.Kind)
		all = append(all, ancestor{kind.GroupKind(), ref.Name})
		o.mu.Lock()
		above, known := o.above[ref.UID]
		o.mu.Unlock()
		if !known {
			if above, err = o.lookUp(ctx, ns, kind, ref, steps); err != nil {
				return nil, err
			}
			o.mu.Lock()
			if o.above == nil {
				o.above = make(map[types.UID][]ancestor)
			}
			o.above[ref.UID] = above
			o.mu.Unlock()
		}
		all = append(all, above...)
	}
	return all, nil
}

// lookUp asks the server for the ancestors of an owner. One that is gone, or that we may not see, has none.
func (o *Owners) lookUp(ctx context.Context, ns string, kind schema.GroupVersionKind, ref metav1.OwnerReference, steps int) ([]ancestor, error) {
	if !o.matters(kind.GroupKind()) {
		return nil, nil
	}
	known, ok := intermediateKinds[kind.GroupKind()]
	resource, namespaced := known.resource, true
	if !ok {
		o.mu.Lock()
		mapping, err := o.server().RESTMapping(kind.GroupKind(), kind.Version)
		o.mu.Unlock()
		switch {
		case meta.IsNoMatchError(err):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("looking for resource %s: %w", kind, err)
		}
		resource, namespaced = mapping.Resource, mapping.Scope.Name() == meta.RESTScopeNameNamespace
	}
	in := ns
	if !namespaced {
		in = ""
	}
	object, err := o.kube.GetMetadata(ctx, resource, in, ref.Name)
	switch {
	case apierrors.IsNotFound(err), err == nil && object.UID != ref.UID:
		return nil, nil
	case apierrors.IsForbidden(err):
		o.WarnUnknown("what owns each "+ref.Kind, err)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking up %s %s: %w", ref.Kind, ref.Name, err)
	}
	return o.ancestors(ctx, ns, object.OwnerReferences, steps+1)
}

// WarnUnknown logs what can't be known because err forbids it, such as "which pods services select": once for each.
func (o *Owners) WarnUnknown(what string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.reported[what] {
		return
	}
	if o.reported == nil {
		o.reported = make(map[string]bool)
	}
	o.reported[what] = true
	o.log.Warn().Msgf("%s: it can't be known %s: %s", o.name, what, kube.Describe(err))
}

// matters reports whether it matters who owns an object of this kind: whether owners are asked for that may own it. Those that
// are not of a well-known kind may own anything.
func (o *Owners) matters(kind schema.GroupKind) bool {
	return slices.ContainsFunc(o.asked, func(owner Owner) bool {
		asked, err := o.kind(owner.Kind)
		if err != nil || asked.Empty() || asked == podKind || asked == serviceKind {
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
	})
}
