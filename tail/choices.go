package tail

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"mktail/tail/kube"
)

// Choice is a value that a label has on selected pods.
type Choice struct {
	Value    string
	Pods     int
	Clusters int // that these pods are in
}

// choose has the user choose among the values of o.ChooseBy, and narrows the selection to them. Not ok: none was chosen.
func (c *common) choose(ctx context.Context, all []*cluster) (ok bool) {
	found := choices(ctx, all, c.o.ChooseBy)
	release, ok := c.clients.TakeTerminal(ctx) // a plugin that was too slow for the list may still ask the user
	if !ok {
		return false
	}
	values := c.o.Choose(ctx, found)
	release()
	if len(values) == 0 {
		return false
	}
	chosen, err := labels.NewRequirement(c.o.ChooseBy, selection.In, values)
	if err != nil { // no server lets such a value in
		c.log.Error().Msg(err.Error())
		return false
	}
	c.o.Labels = strings.TrimPrefix(c.o.Labels+","+chosen.String(), ",")
	return true
}

// choices are the values that a label has on the pods that are there and selected, sorted. What can't be listed is logged, and
// left out.
func choices(ctx context.Context, all []*cluster, label string) []Choice {
	var mu sync.Mutex
	counts := make(map[string]map[*cluster]int)
	var wg sync.WaitGroup
	for _, c := range all {
		if c.err != nil { // run says it
			continue
		}
		for _, ns := range c.namespaces() {
			wg.Go(func() {
				err := c.selected(ctx, ns, label, func(value string) {
					mu.Lock()
					defer mu.Unlock()
					if counts[value] == nil {
						counts[value] = make(map[*cluster]int)
					}
					counts[value][c]++
				})
				if err != nil && ctx.Err() == nil {
					c.log.Warn().Msgf("%s: listing pods: %s", c.name, kube.Describe(err))
				}
			})
		}
	}
	wg.Wait()
	delete(counts, "")
	list := make([]Choice, 0, len(counts))
	for value, pods := range counts {
		choice := Choice{Value: value, Clusters: len(pods)}
		for _, n := range pods {
			choice.Pods += n
		}
		list = append(list, choice)
	}
	slices.SortFunc(list, func(a, b Choice) int { return cmp.Compare(a.Value, b.Value) })
	return list
}

// selected calls do with the value of that label of each pod that has it, is there and selected, in a namespace or in all of them;
// where that is forbidden, in those that a run would follow instead.
func (c *cluster) selected(ctx context.Context, ns, label string, do func(value string)) error {
	s := newPodWatch(c, ns)
	err := s.each(ctx, label, do)
	switch {
	case !s.fallsBack(err):
		return err
	case c.o.AllNamespaces:
		var errs []error
		for _, name := range c.ownNamespaces() {
			errs = append(errs, newPodWatch(c, name).each(ctx, label, do))
		}
		return cmp.Or(errs...)
	}
	list, err := c.kube.ListNamespaces(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, ns := range list.Items {
		if c.o.SelectsNamespace(ns.Name) {
			errs = append(errs, newPodWatch(c, ns.Name).each(ctx, label, do))
		}
	}
	return cmp.Or(errs...)
}

// each calls do with the value of that label of each of the watch's pods that has it, is there and selected.
func (w *podWatch) each(ctx context.Context, label string, do func(value string)) (err error) {
	if w.c.owners.HasServices() {
		w.services, _, err = w.c.owners.Services(ctx, w.namespace)
		if err != nil && !apierrors.IsForbidden(err) { // which hides services; the list of the run says it
			return err
		}
	}
	for _, other := range w.watches {
		if other.early {
			other.lookedEarly(other.first(ctx))
		}
	}
	o := w.options()
	o.LabelSelector = strings.TrimPrefix(o.LabelSelector+","+label, ",")
	var values []string
	_, err = w.eachPod(ctx, o, func() { values = nil }, func(p *corev1.Pod) error {
		selected, known := w.selects(p)
		if !selected && !known {
			if err := w.c.owners.LookUp(ctx, p.Namespace, p.OwnerReferences, func() {}); err != nil {
				return err
			}
			selected, _ = w.selects(p)
		}
		if selected {
			values = append(values, p.Labels[label])
		}
		return nil
	})
	for _, value := range values {
		do(value)
	}
	return err
}
