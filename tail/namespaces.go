package tail

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"

	"mktail/tail/kube"
)

// watchEach follows the selected namespaces one by one, where all at once are forbidden: those of exact names, and for the rest
// those that are there and those that come. It takes the place of the watch of all, and returns when that would.
func (c *cluster) watchEach(ctx context.Context, all *podWatch, forbidden error) {
	var running sync.WaitGroup
	defer running.Wait()
	begun := make(map[string]bool)
	begin := func(name string, later bool) {
		if begun[name] || !c.o.SelectsNamespace(name) {
			return
		}
		begun[name] = true
		one := c.watch(name)
		if later {
			one.since = all.began
		}
		c.startup.expect(1)
		running.Go(func() { one.run(ctx) })
	}
	for _, name := range c.o.NamedNamespaces() {
		begin(name, false)
	}
	var retry kube.Backoff
	var version string
	for looked := false; ; {
		err := error(nil)
		if version == "" {
			var list *corev1.NamespaceList
			if list, err = c.kube.ListNamespaces(ctx); err == nil {
				all.health.OK()
				version = list.ResourceVersion
				for _, ns := range list.Items {
					begin(ns.Name, looked)
				}
				if !looked {
					c.startup.tried(all, nil)
				}
				looked = true
			}
		}
		if err == nil && c.o.Follow {
			version, err = c.watchNamespaces(ctx, version, func(name string) { begin(name, true) })
		}
		if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
			version, err = "", nil
		}
		if c.o.AllNamespaces && apierrors.IsForbidden(err) && len(begun) == 0 {
			c.log.Warn().Msgf("%s: all namespaces: %s; following namespace %s instead", c.name, kube.Describe(forbidden), c.namespace)
			begin(c.namespace, false)
			c.startup.tried(all, err)
			return
		}
		if err != nil && ctx.Err() == nil {
			c.stats.Errors.Add(1)
			all.health.Fail("namespaces", err)
			c.startup.tried(all, err)
		}
		delay := retry.Delay(err, c.o.chance)
		if err == nil {
			retry.Reset()
		}
		if !c.o.Follow && (err == nil || retry.Hopeless(err)) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay):
		}
	}
}

// watchNamespaces calls added with each namespace that comes after version, until the watch ends; and returns where it did.
func (c *cluster) watchNamespaces(ctx context.Context, version string, added func(string)) (string, error) {
	w, err := c.kube.WatchNamespaces(ctx, version)
	if err != nil {
		return version, err
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		if event.Type == watch.Error {
			return version, apierrors.FromObject(event.Object)
		}
		if ns, ok := event.Object.(*corev1.Namespace); ok {
			if version = ns.ResourceVersion; event.Type == watch.Added {
				added(ns.Name)
			}
		}
	}
	return version, nil
}
