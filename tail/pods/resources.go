package pods

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/restmapper"
)

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
