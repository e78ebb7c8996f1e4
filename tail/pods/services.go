package pods

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/watch"

	"mktail/discover/glob"
	"mktail/tail/kube"
)

// Services are the selectors of the services that are asked for, in one namespace or in all, by the indices of their owners in
// the list of those asked for. The zero value selects nothing. They are not changed after they were made.
type Services map[int][]selector

// selector is that of one service: it selects pods of the service's namespace.
type selector struct {
	ns string
	labels.Selector
}

// Matching returns which of the owners asked for are services that select p, as indices in their list, in no order.
func (s Services) Matching(p *corev1.Pod) []int {
	var found []int
	for i, selectors := range s {
		if slices.ContainsFunc(selectors, func(one selector) bool { return one.ns == p.Namespace && one.Matches(labels.Set(p.Labels)) }) {
			found = append(found, i)
		}
	}
	return found
}

// equal reports whether both select alike.
func (s Services) equal(other Services) bool {
	return maps.EqualFunc(s, other, func(a, b []selector) bool {
		return slices.EqualFunc(a, b, func(a, b selector) bool { return a.ns == b.ns && a.String() == b.String() })
	})
}

// ErrReselected says that the services asked for select other pods than before.
var ErrReselected = errors.New("the services select other pods now")

// HasServices reports whether services are asked for.
func (o *Owners) HasServices() bool { return slices.ContainsFunc(o.asked, Owner.isService) }

func (o Owner) isService() bool {
	kind, ok := wellKnown(o.Kind)
	return ok && kind == serviceKind
}

// Services lists the services that are asked for, in a namespace or with "" in all, and returns the resource version of the
// list.
func (o *Owners) Services(ctx context.Context, ns string) (s Services, version string, err error) {
	list, err := o.kube.ListServices(ctx, ns)
	if err != nil {
		return nil, "", err
	}
	s = make(Services)
	for i, owner := range o.asked {
		if !owner.isService() {
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

// shortWatch is how long a watch must last, if it brings nothing, for it not to count as failed.
const shortWatch = time.Second

// AwaitReselection blocks until the services that are asked for don't select as known any more, when it returns ErrReselected,
// or until ctx ends, when it returns nil. It lists and watches the services of a namespace, or with "" of all, and retries with
// backoff what fails.
func (o *Owners) AwaitReselection(ctx context.Context, ns string, known Services) error {
	var retry kube.Backoff
	for {
		now, version, err := o.Services(ctx, ns)
		switch {
		case err == nil && !now.equal(known):
			return ErrReselected
		case err == nil:
			begun, changed := time.Now(), false
			if changed, err = o.change(ctx, ns, version); changed || err == nil && time.Since(begun) > shortWatch {
				retry.Reset()
			}
			if apierrors.IsForbidden(err) && ctx.Err() == nil {
				o.warnOnce(fmt.Sprintf("services cannot be watched (for %s), and are listed instead", o.askedThat(Owner.isService)), err)
			}
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

// change returns when something has happened to a service after this resource version, or the watch has ended without that.
func (o *Owners) change(ctx context.Context, ns, version string) (changed bool, err error) {
	w, err := o.kube.WatchServices(ctx, ns, version)
	if err != nil {
		return false, err
	}
	defer w.Stop()
	event, ok := <-w.ResultChan()
	return ok && event.Type != watch.Error, nil
}
