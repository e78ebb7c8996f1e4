package tail

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/tail/kube"
	"mktail/tail/report"
)

const (
	// getEvery is how often pods are got that cannot be listed.
	getEvery = 5 * time.Second
	// listAgain is how often such pods are listed nevertheless: a server that is starting up may forbid what it allows later.
	listAgain = 5 * time.Minute
)

// byName is how the pods of a watch are got one by one, by their exact names, where they cannot be listed.
type byName struct {
	names  []string          // of all pods that are selected; empty: others may be, too
	pods   []report.Reporter // of the names, in their order
	used   bool              // the pods are got
	denied time.Time         // when a list was forbidden last
}

// listPods lists the pods with these options: a page, if they have a limit. Where lists are forbidden, and the pods are selected by
// their names, it gets each: a role may allow that alone.
func (w *podWatch) listPods(ctx context.Context, o metav1.ListOptions) (*corev1.PodList, error) {
	b := &w.byName
	if b.used && time.Since(b.denied) < listAgain {
		if got, err := w.getPods(ctx); !apierrors.IsForbidden(err) {
			return got, err
		}
	}
	page, err := w.c.kube.ListPods(ctx, w.namespace, o)
	switch {
	case err == nil && b.used:
		b.used = false
		for i := range b.pods {
			b.pods[i].OK()
		}
		w.c.log.Info().Msgf("%s: %s can be listed again", w.c.name, w.watched)
		return page, nil
	case !apierrors.IsForbidden(err), len(b.names) == 0, w.namespace == "", w.serverSelects():
		return page, err
	}
	b.denied = time.Now()
	got, failed := w.getPods(ctx)
	switch {
	case apierrors.IsForbidden(failed):
		return nil, fmt.Errorf("%w; getting pod/%s: %s", err, b.names[0], kube.Describe(failed))
	case failed != nil:
		return nil, failed
	case !b.used && w.c.o.Follow:
		w.c.log.Warn().Msgf("%s: %s cannot be listed: %s; asked for by name every %s instead", w.c.name, w.watched, kube.Describe(err), getEvery)
	}
	b.used = true
	return got, nil
}

// getPods gets the pods by their names, those that are there. Some may be forbidden, but not all.
func (w *podWatch) getPods(ctx context.Context) (*corev1.PodList, error) {
	list, forbidden := new(corev1.PodList), make([]error, len(w.byName.names))
	allowed := false
	for i, name := range w.byName.names {
		p, err := w.c.kube.GetPod(ctx, w.namespace, name)
		switch {
		case apierrors.IsForbidden(err):
			forbidden[i] = err
			continue
		case err == nil:
			list.Items = append(list.Items, *p)
		case !kube.IsPodGone(err):
			return nil, err
		}
		allowed = true
	}
	if !allowed {
		return nil, forbidden[0]
	}
	for i, err := range forbidden {
		if err == nil {
			w.byName.pods[i].OK()
		} else {
			w.byName.pods[i].Fail("pod "+w.namespace+"/"+w.byName.names[i], err)
		}
	}
	return list, nil
}
