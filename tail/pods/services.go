package pods

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"mktail/discover/glob"
	"mktail/tail/kube"
)

// services are the selectors of the services asked for in a namespace, or in all, by their places in the list.
type Services map[int][]selector

// selector is a service's: of pods in its namespace.
type selector struct {
	ns string
	labels.Selector
}

func (s Services) Matching(p *corev1.Pod) []int {
	var found []int
	for i, selectors := range s {
		if slices.ContainsFunc(selectors, func(one selector) bool { return one.ns == p.Namespace && one.Matches(labels.Set(p.Labels)) }) {
			found = append(found, i)
		}
	}
	return found
}

// equal tells whether they select alike.
func (s Services) equal(other Services) bool {
	return maps.EqualFunc(s, other, func(a, b []selector) bool {
		return slices.EqualFunc(a, b, func(a, b selector) bool { return a.ns == b.ns && a.String() == b.String() })
	})
}

// errReselected says that the services asked for select other pods than before.
var ErrReselected = errors.New("the services select other pods now")

// ofServices tells whether services are asked for.
func (o *Owners) OfServices() bool {
	return slices.ContainsFunc(o.asked, func(owner Owner) bool {
		kind, err := o.kind(owner.Kind)
		return err == nil && kind == serviceKind
	})
}

// services asks the API for the services that are asked for, in one namespace or in all, and for the version of that.
func (o *Owners) Services(ctx context.Context, ns string) (s Services, version string, err error) {
	list, err := o.kube.ListServices(ctx, ns)
	if err != nil {
		return nil, "", err
	}
	s = make(Services)
	for i, owner := range o.asked {
		switch kind, err := o.kind(owner.Kind); {
		case err != nil:
			return nil, "", err
		case kind != serviceKind:
			continue
		}
		for _, service := range list.Items {
			if glob.Match(owner.Name, service.Name) && len(service.Spec.Selector) > 0 {
				s[i] = append(s[i], selector{service.Namespace, labels.SelectorFromSet(service.Spec.Selector)})
			}
		}
	}
	return s, list.ResourceVersion, nil
}

// await returns errReselected once the services do not select as known any more, or nil when ctx has ended.
func (o *Owners) Await(ctx context.Context, ns string, known Services) error {
	var retry kube.Backoff
	for {
		now, version, err := o.Services(ctx, ns)
		switch {
		case err == nil && !now.equal(known):
			return ErrReselected
		case err == nil:
			retry.Reset()
			err = o.change(ctx, ns, version)
		}
		if err != nil && ctx.Err() == nil {
			o.log.Debug().Msgf("%s: services: %s", o.name, kube.Describe(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retry.Delay(err, o.jitter)):
		}
	}
}

// change returns when something has happened to a service after this version, or the watch has ended.
func (o *Owners) change(ctx context.Context, ns, version string) error {
	w, err := o.kube.WatchServices(ctx, ns, version)
	if err != nil {
		return err
	}
	defer w.Stop()
	<-w.ResultChan()
	return nil
}
