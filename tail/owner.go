package tail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/restmapper"
)

// Owner is what pods belong to, as KIND/NAME: a pod itself, what made it through any number of steps (a Deployment makes
// a ReplicaSet, which makes pods), or a Service that selects it.
type Owner struct {
	Kind string // as kubectl has it: a name of a resource, short or long, perhaps with its group
	Name string // a glob
}

func (o Owner) String() string { return o.Kind + "/" + o.Name }

// ParseOwner reads KIND/NAME. It does not know whether there is such a kind.
func ParseOwner(s string) (o Owner, ok bool) {
	kind, name, ok := strings.Cut(s, "/")
	return Owner{strings.ToLower(kind), name}, ok && kind != "" && name != "" && !strings.Contains(name, "/")
}

// kinds are the well-known ones, by every name that kubectl has for them.
var kinds = map[string]schema.GroupKind{
	"pod": podKind, "pods": podKind, "po": podKind,
	"service": serviceKind, "services": serviceKind, "svc": serviceKind,
	"replicationcontroller": controllerKind, "replicationcontrollers": controllerKind, "rc": controllerKind,
	"deployment": deploymentKind, "deployments": deploymentKind, "deploy": deploymentKind,
	"statefulset": statefulSetKind, "statefulsets": statefulSetKind, "sts": statefulSetKind,
	"daemonset": daemonSetKind, "daemonsets": daemonSetKind, "ds": daemonSetKind,
	"replicaset": replicaSetKind, "replicasets": replicaSetKind, "rs": replicaSetKind,
	"job": jobKind, "jobs": jobKind,
	"cronjob": cronJobKind, "cronjobs": cronJobKind, "cj": cronJobKind,
}

var (
	podKind         = schema.GroupKind{Kind: "Pod"}
	serviceKind     = schema.GroupKind{Kind: "Service"}
	controllerKind  = schema.GroupKind{Kind: "ReplicationController"}
	deploymentKind  = schema.GroupKind{Group: "apps", Kind: "Deployment"}
	statefulSetKind = schema.GroupKind{Group: "apps", Kind: "StatefulSet"}
	daemonSetKind   = schema.GroupKind{Group: "apps", Kind: "DaemonSet"}
	replicaSetKind  = schema.GroupKind{Group: "apps", Kind: "ReplicaSet"}
	jobKind         = schema.GroupKind{Group: "batch", Kind: "Job"}
	cronJobKind     = schema.GroupKind{Group: "batch", Kind: "CronJob"}
)

// makers are the kinds that are made by others and make pods themselves, with the resources by which they are looked up: the
// server need not be asked what it has.
var makers = map[schema.GroupKind]maker{
	replicaSetKind: {deploymentKind, schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}},
	jobKind:        {cronJobKind, schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}},
}

type maker struct {
	by       schema.GroupKind // what makes it, but for what only the cluster's own operators know
	resource schema.GroupVersionResource
}

// tops are the kinds that nothing else makes, but for what only the cluster's own operators know.
var tops = []schema.GroupKind{deploymentKind, statefulSetKind, daemonSetKind, cronJobKind, controllerKind}

// owners finds out to whom the pods of a cluster belong.
type owners struct {
	c         *cluster
	meta      metadata.Interface
	discovery discovery.DiscoveryInterface

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

// matching tells which of the owners asked for a pod belongs to, by their places in the list. Services are not looked at.
func (o *owners) matching(ctx context.Context, all []Owner, p *corev1.Pod) (found []int, err error) {
	var chain []made
	for i, owner := range all {
		kind, err := o.kind(owner.Kind)
		switch {
		case err != nil:
			return nil, err
		case kind == podKind:
			if glob(owner.Name, p.Name) {
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
		if slices.ContainsFunc(chain, func(m made) bool { return m.kind == kind && glob(owner.Name, m.name) }) {
			found = append(found, i)
		}
	}
	return found, nil
}

// kind is what the server calls the kind of an owner; none if it has no such thing.
func (o *owners) kind(name string) (schema.GroupKind, error) {
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
		o.c.log.Warn().Msgf("%s: it has no resource %s", o.c.name, name)
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
func (o *owners) server() meta.RESTMapper {
	if o.mapper == nil {
		cached := memory.NewMemCacheClient(o.discovery)
		o.mapper = restmapper.NewShortcutExpander(restmapper.NewDeferredDiscoveryRESTMapper(cached), cached, nil)
	}
	return o.mapper
}

// mostSteps is how far owners of owners are looked for.
const mostSteps = 8

// chain gives the owners of what has these references, the owners of those, and so on.
func (o *owners) chain(ctx context.Context, ns string, refs []metav1.OwnerReference, steps int) (all []made, err error) {
	if steps == mostSteps {
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
func (o *owners) look(ctx context.Context, ns string, kind schema.GroupVersionKind, ref metav1.OwnerReference, steps int) ([]made, error) {
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
	var in metadata.ResourceInterface = o.meta.Resource(resource)
	if namespaced {
		in = o.meta.Resource(resource).Namespace(ns)
	}
	ctx, cancel := context.WithTimeout(ctx, o.c.o.AnswerIn)
	defer cancel()
	object, err := in.Get(ctx, ref.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), err == nil && object.UID != ref.UID:
		return nil, nil
	case apierrors.IsForbidden(err):
		o.hide("what owns each "+ref.Kind, err)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking up %s %s: %w", ref.Kind, ref.Name, err)
	}
	return o.chain(ctx, ns, object.OwnerReferences, steps+1)
}

// hide says once what can't be known because err forbids it.
func (o *owners) hide(what string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.hidden[what] {
		return
	}
	if o.hidden == nil {
		o.hidden = make(map[string]bool)
	}
	o.hidden[what] = true
	o.c.log.Warn().Msgf("%s: it can't be known %s: %s", o.c.name, what, describe(err))
}

// needs tells whether it matters to whom what is of this kind belongs: whether owners are asked for that may make it. Those
// that are none of the well-known kinds may make anything.
func (o *owners) needs(kind schema.GroupKind) bool {
	return slices.ContainsFunc(o.c.o.Owners, func(owner Owner) bool {
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

// services are the selectors of the services asked for in a namespace, or in all, by their places in the list.
type services map[int][]selector

// selector is a service's: of pods in its namespace.
type selector struct {
	ns string
	labels.Selector
}

func (s services) matching(p *corev1.Pod) []int {
	var found []int
	for i, selectors := range s {
		if slices.ContainsFunc(selectors, func(one selector) bool { return one.ns == p.Namespace && one.Matches(labels.Set(p.Labels)) }) {
			found = append(found, i)
		}
	}
	return found
}

// equal tells whether they select alike.
func (s services) equal(other services) bool {
	return maps.EqualFunc(s, other, func(a, b []selector) bool {
		return slices.EqualFunc(a, b, func(a, b selector) bool { return a.ns == b.ns && a.String() == b.String() })
	})
}

// errReselected says that the services asked for select other pods than before.
var errReselected = errors.New("the services select other pods now")

// ofServices tells whether services are asked for.
func (o *owners) ofServices() bool {
	return slices.ContainsFunc(o.c.o.Owners, func(owner Owner) bool {
		kind, err := o.kind(owner.Kind)
		return err == nil && kind == serviceKind
	})
}

// services asks the API for the services that are asked for, in one namespace or in all, and for the version of that.
func (o *owners) services(ctx context.Context, ns string) (s services, version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.c.o.AnswerIn)
	defer cancel()
	list, err := o.c.api.Services(ns).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, "", err
	}
	s = make(services)
	for i, owner := range o.c.o.Owners {
		switch kind, err := o.kind(owner.Kind); {
		case err != nil:
			return nil, "", err
		case kind != serviceKind:
			continue
		}
		for _, service := range list.Items {
			if glob(owner.Name, service.Name) && len(service.Spec.Selector) > 0 {
				s[i] = append(s[i], selector{service.Namespace, labels.SelectorFromSet(service.Spec.Selector)})
			}
		}
	}
	return s, list.ResourceVersion, nil
}

// await returns errReselected once the services do not select as known any more, or nil when ctx has ended.
func (o *owners) await(ctx context.Context, ns string, known services) error {
	var retry backoff
	for {
		now, version, err := o.services(ctx, ns)
		switch {
		case err == nil && !now.equal(known):
			return errReselected
		case err == nil:
			retry.reset()
			err = o.change(ctx, ns, version)
		}
		if err != nil && ctx.Err() == nil {
			o.c.log.Debug().Msgf("%s: services: %s", o.c.name, describe(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retry.delay(err, o.c.o.chance)):
		}
	}
}

// change returns when something has happened to a service after this version, or the watch has ended.
func (o *owners) change(ctx context.Context, ns, version string) error {
	w, err := o.c.api.Services(ns).Watch(ctx, metav1.ListOptions{ResourceVersion: version})
	if err != nil {
		return err
	}
	defer w.Stop()
	<-w.ResultChan()
	return nil
}
