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

// namespaceWatch takes the place of the watch of all namespaces where that is forbidden: it watches the pods of the selected
// namespaces one by one, those of exact names, and for the rest those that are there and those that come.
type namespaceWatch struct {
	c       *cluster
	all     *podWatch // whose place it takes
	begun   map[string]bool
	listed  bool   // the namespaces were listed
	version string // where their watch goes on; empty: they must be listed
	running sync.WaitGroup
}

// watchEach watches the selected namespaces one by one because all at once are forbidden, and returns when the watch of all would.
func (c *cluster) watchEach(ctx context.Context, all *podWatch, forbidden error) {
	n := &namespaceWatch{c: c, all: all, begun: make(map[string]bool)}
	defer n.running.Wait()
	for _, name := range c.o.NamedNamespaces() {
		n.begin(ctx, name, false)
	}
	var retry kube.Backoff
	for {
		err := n.look(ctx)
		if c.o.AllNamespaces && apierrors.IsForbidden(err) && len(n.begun) == 0 {
			c.log.Warn().Msgf("%s: all namespaces: %s; following namespace %s instead", c.name, kube.Describe(forbidden), c.namespace)
			n.begin(ctx, c.namespace, false)
			c.startup.tried(all, err)
			return
		}
		if err != nil && ctx.Err() == nil {
			c.stats.Errors.Add(1)
			all.health.Fail("namespaces", err)
			c.startup.tried(all, err)
		}
		delay := retry.Delay(err, c.o.Jitter)
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

// begin begins to watch the pods of a namespace, if it is selected. later says that the namespace came after the first list.
func (n *namespaceWatch) begin(ctx context.Context, name string, later bool) {
	if n.begun[name] || !n.c.o.SelectsNamespace(name) {
		return
	}
	n.begun[name] = true
	one := n.c.watch(name)
	if later {
		one.since = n.all.began
	}
	n.c.startup.expect(1)
	n.running.Go(func() { one.run(ctx) })
}

// look lists the namespaces unless that is done, and with Follow watches them until the watch ends.
func (n *namespaceWatch) look(ctx context.Context) (err error) {
	if n.version == "" {
		list, err := n.c.kube.ListNamespaces(ctx)
		if err != nil {
			return err
		}
		n.all.health.OK()
		n.version = list.ResourceVersion
		for _, ns := range list.Items {
			n.begin(ctx, ns.Name, n.listed)
		}
		if !n.listed {
			n.c.startup.tried(n.all, nil)
		}
		n.listed = true
	}
	if !n.c.o.Follow {
		return nil
	}
	n.version, err = n.c.watchNamespaces(ctx, n.version, func(name string) { n.begin(ctx, name, true) })
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		n.version, err = "", nil
	}
	return err
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
