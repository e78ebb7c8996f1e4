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

// Owners finds out which of the owners asked for the pods of a cluster belong to. Many goroutines may use it.
type Owners struct {
	name   string // of the cluster
	kube   *kube.Client
	asked  []Owner
	log    zerolog.Logger
	jitter func(time.Duration) time.Duration // see kube.Backoff

	mu     sync.Mutex
	mapper meta.RESTMapper
	kinds  map[string]schema.GroupKind // of the owners asked for, those that the server was asked about
	made   map[types.UID][]made        // by whom, what makes pods was made itself
	hidden map[string]bool             // what one may not see; it was said
}

// made is an owner of a pod, near or far.
type made struct {
	kind schema.GroupKind
	name string
}

// NewOwners makes what looks up the owners asked for in the cluster that messages call name. jitter picks a time below
// another, for the delays between tries.
func NewOwners(name string, client *kube.Client, asked []Owner, log zerolog.Logger, jitter func(time.Duration) time.Duration) *Owners {
	return &Owners{name: name, kube: client, asked: asked, log: log, jitter: jitter}
}

// Matching returns which of the owners asked for a pod belongs to, by their places in the list. Services are not looked at.
func (o *Owners) Matching(ctx context.Context, p *corev1.Pod) (found []int, err error) {
	var chain []made
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
		if chain == nil {
			if chain, err = o.chain(ctx, p.Namespace, p.OwnerReferences, 0); err != nil {
				return nil, err
			}
		}
		if slices.ContainsFunc(chain, func(m made) bool { return m.kind == kind && glob.Match(owner.Name, m.name) }) {
			found = append(found, i)
		}
	}
	return found, nil
}

// kind is what the server calls the kind of an owner; none if it has no such thing.
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

// server knows all resources of the server, also by their short names. The caller holds o.mu.
func (o *Owners) server() meta.RESTMapper {
	if o.mapper == nil {
		cached := memory.NewMemCacheClient(o.kube.Discovery())
		o.mapper = restmapper.NewShortcutExpander(restmapper.NewDeferredDiscoveryRESTMapper(cached), cached, nil)
	}
	return o.mapper
}

// mostSteps is how far owners of owners are looked for.
const maxSteps = 8

// chain gives the owners of what has these references, the owners of those, and so on.
func (o *Owners) chain(ctx context.Context, ns string, refs []metav1.OwnerReference, steps int) (all []made, err error) {
	if steps == maxSteps {
		return nil, nil
	}
	for _, ref := range refs {
		gv, err := schema.ParseGroupVersion(ref.APIVersion)
		if err != nil {
			continue
		}
		kind := gv.WithKind(ref.Kind)
		all = append(all, made{kind.GroupKind(), ref.Name})
		o.mu.Lock()
		further, known := o.made[ref.UID]
		o.mu.Unlock()
		if !known {
			if further, err = o.look(ctx, ns, kind, ref, steps); err != nil {
				return nil, err
			}
			o.mu.Lock()
			if o.made == nil {
				o.made = make(map[types.UID][]made)
			}
			o.made[ref.UID] = further
			o.mu.Unlock()
		}
		all = append(all, further...)
	}
	return all, nil
}

// look asks the API to whom an owner belongs itself. What is no more, or what one may not see, belongs to nobody.
func (o *Owners) look(ctx context.Context, ns string, kind schema.GroupVersionKind, ref metav1.OwnerReference, steps int) ([]made, error) {
	if !o.needs(kind.GroupKind()) {
		return nil, nil
	}
	known, ok := makers[kind.GroupKind()]
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
		o.ReportHidden("what owns each "+ref.Kind, err)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking up %s %s: %w", ref.Kind, ref.Name, err)
	}
	return o.chain(ctx, ns, object.OwnerReferences, steps+1)
}

// hide says once what can't be known because err forbids it.
func (o *Owners) ReportHidden(what string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.hidden[what] {
		return
	}
	if o.hidden == nil {
		o.hidden = make(map[string]bool)
	}
	o.hidden[what] = true
	o.log.Warn().Msgf("%s: it can't be known %s: %s", o.name, what, kube.Describe(err))
}

// needs tells whether it matters to whom what is of this kind belongs: whether owners are asked for that may make it. Those
// that are none of the well-known kinds may make anything.
func (o *Owners) needs(kind schema.GroupKind) bool {
	return slices.ContainsFunc(o.asked, func(owner Owner) bool {
		asked, err := o.kind(owner.Kind)
		if err != nil || asked.Empty() || asked == podKind || asked == serviceKind {
			return false
		}
		maker, made := makers[kind]
		switch _, makes := makers[asked]; {
		case !makes && !slices.Contains(tops, asked):
			return true
		case made:
			return asked == maker.by
		}
		return !slices.Contains(tops, kind)
	})
}
