package tail

import (
	"context"
	"fmt"
	"slices"
	"strings"
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
	listWatch
	all     *podWatch            // whose place it takes
	begun   map[string]*podWatch // by namespace
	known   bool                 // the namespaces were listed
	running sync.WaitGroup
}

// watchEach watches the selected namespaces one by one because all at once are forbidden, and returns when the watch of all would.
func (c *cluster) watchEach(ctx context.Context, all *podWatch, forbidden error) {
	flag := "-A"
	if !c.o.AllNamespaces {
		flag = "-n " + strings.Join(c.o.Namespaces, ",")
	}
	n := &namespaceWatch{listWatch: listWatch{c: c, watched: "namespaces (for " + flag + ")"}, all: all, begun: make(map[string]*podWatch)}
	defer n.running.Wait()
	for _, name := range c.o.NamedNamespaces() {
		n.begin(ctx, name, false)
	}
	var retry kube.Backoff
	for {
		watched, err := n.look(ctx)
		if c.o.AllNamespaces && apierrors.IsForbidden(err) && len(n.begun) == 0 {
			own, noun := c.ownNamespaces(), "namespace"
			if len(own) > 1 {
				noun = "namespaces"
			}
			c.log.Warn().Msgf("%s: -A: %s; %s; following %s %s instead", c.name, kube.Describe(forbidden), kube.Describe(err), noun, strings.Join(own, ", "))
			for _, name := range own {
				n.begin(ctx, name, false)
			}
			c.startup.tried(all, err)
			return
		}
		if err != nil && ctx.Err() == nil {
			c.stats.Errors.Add(1)
			all.health.Fail("namespaces", fmt.Errorf("for %s: %w", flag, err))
			c.startup.tried(all, err)
		}
		if watched {
			retry.Reset()
			if err == nil && ctx.Err() == nil {
				continue
			}
		}
		delay := n.delay(retry.Delay(err, c.o.Jitter))
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
	if n.begun[name] != nil || !n.c.o.SelectsNamespace(name) {
		return
	}
	one := n.c.watch(name)
	n.begun[name] = one
	if later {
		one.since = n.all.began
	}
	n.c.startup.expect(n.c.name, 1)
	n.running.Go(func() {
		one.run(ctx)
		n.c.forget(one)
	})
}

// end ends the watch of a namespace that is gone. Those that are selected by their names are waited for.
func (n *namespaceWatch) end(name string) {
	one := n.begun[name]
	if one == nil || slices.Contains(n.c.o.NamedNamespaces(), name) {
		return
	}
	delete(n.begun, name)
	n.c.mu.Lock() // see heard
	defer n.c.mu.Unlock()
	close(one.deleted)
	n.c.o.State.Forget(n.c.name, name)
}

// look lists the namespaces unless that is done, and with Follow watches them until the watch ends. watched is as judge has it.
func (n *namespaceWatch) look(ctx context.Context) (watched bool, err error) {
	if n.version == "" {
		if err := n.list(ctx); err != nil {
			return false, err
		}
	}
	if !n.c.o.Follow {
		return false, nil
	}
	from := n.version
	opened, err := n.watch(ctx)
	if ctx.Err() != nil {
		return false, err
	}
	return n.judge(from, opened, err, func() error { return n.list(ctx) })
}

// list lists the namespaces, and begins and ends the watches of their pods.
func (n *namespaceWatch) list(ctx context.Context) error {
	list, err := n.c.kube.ListNamespaces(ctx)
	if err != nil {
		return err
	}
	n.all.health.OK()
	there := make(map[string]bool, len(list.Items))
	for _, ns := range list.Items {
		there[ns.Name] = true
		n.begin(ctx, ns.Name, n.known)
	}
	for name := range n.begun {
		if !there[name] {
			n.end(name)
		}
	}
	n.listed(list.ResourceVersion)
	if !n.known {
		n.c.startup.tried(n.all, nil)
	}
	n.known = true
	return nil
}

// watch takes what happens to namespaces until the watch ends, and returns when it was opened; zero: it was not.
func (n *namespaceWatch) watch(ctx context.Context) (opened time.Time, err error) {
	w, err := n.c.kube.WatchNamespaces(ctx, n.version)
	if err != nil {
		return opened, err
	}
	defer w.Stop()
	opened = time.Now()
	n.all.health.OK()
	lasting := time.NewTimer(shortWatch)
	defer lasting.Stop()
	for {
		select {
		case <-lasting.C:
			n.reportWatched()
		case event, ok := <-w.ResultChan():
			ns, isNamespace := event.Object.(*corev1.Namespace)
			switch {
			case !ok:
				return opened, nil
			case event.Type == watch.Error:
				return opened, n.c.kube.EventError(event.Object)
			case !isNamespace:
				continue
			case event.Type == watch.Added:
				n.begin(ctx, ns.Name, true)
			case event.Type == watch.Deleted:
				n.end(ns.Name)
			}
			n.version = ns.ResourceVersion
		}
	}
}
