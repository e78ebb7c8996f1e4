package tail

import (
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"mktail/tail/checkpoint"
	"mktail/tail/follow"
	"mktail/tail/kube"
	"mktail/tail/pods"
)

// refused reports whether err is about what was asked for, and no passing thing: it came from the API itself, at first.
func (w *podWatch) refused(err error) bool {
	return w.listedAt.IsZero() && (apierrors.IsBadRequest(err) || apierrors.IsInvalid(err)) && !apierrors.IsUnexpectedServerError(err)
}

// list reads all pods, by pages, and lets those go that are no longer there.
func (w *podWatch) list(ctx context.Context) error {
	var hidden error
	if w.c.owners.HasServices() {
		var err error
		switch w.services, _, err = w.c.owners.Services(ctx, w.namespace); {
		case apierrors.IsForbidden(err):
			hidden = err
		case err != nil:
			return fmt.Errorf("looking for services: %w", err)
		}
	}
	begun := time.Now()
	selected, listed, version, err := w.pages(ctx)
	if err != nil {
		return err
	}
	living, err := w.unlisted(ctx, listed)
	if err != nil {
		return err
	}
	maps.Copy(living, listed)
	w.version = version // not before: else the next look would not list again
	if hidden != nil {  // reported only now: if not even pods can be listed that is reported, and perhaps single namespaces are tried
		w.c.owners.WarnUnknown("which pods services select", hidden)
	}
	w.health.OK()
	w.c.health.Up()
	w.c.o.State.Heard(w.c.name, w.namespace)
	w.reconcile(ctx, selected, living)
	if w.listedAt.IsZero() {
		w.listedAt = begun
		w.running.Go(func() { w.lost(ctx) })
	}
	return nil
}

// pages reads all pods, and returns those that are selected, the UIDs of all, and where a watch goes on.
func (w *podWatch) pages(ctx context.Context) (selected []*pods.Pod, listed map[types.UID]bool, version string, err error) {
	listed = make(map[types.UID]bool)
	answered := false
	version, err = w.eachPod(ctx, w.options(), func(p *corev1.Pod) error {
		answered = true
		switch ok, err := w.selects(ctx, p); {
		case err != nil:
			return err
		case ok:
			selected = append(selected, w.c.trim(p))
		default:
			w.noteUnselected(p)
		}
		listed[p.UID] = true
		return nil
	})
	if w.refused(err) && !answered {
		err = fmt.Errorf("%w: %w", kube.ErrRefused, err)
	}
	return selected, listed, version, err
}

// eachPod lists the pods with these options, by pages, and calls do with each until that fails. It returns where a watch goes on.
func (w *podWatch) eachPod(ctx context.Context, o metav1.ListOptions, do func(p *corev1.Pod) error) (version string, err error) {
	for o.Limit = pageSize; ; {
		page, err := w.c.kube.ListPods(ctx, w.namespace, o)
		if err != nil {
			return "", err
		}
		for i := range page.Items {
			if err := do(&page.Items[i]); err != nil {
				return "", err
			}
		}
		if o.Continue = page.Continue; o.Continue == "" {
			return page.ResourceVersion, nil
		}
	}
}

// unlisted finds the followed pods that are not among those listed, but live on: where the server selects, they are left out
// because their labels, say, have changed.
func (w *podWatch) unlisted(ctx context.Context, listed map[types.UID]bool) (living map[types.UID]bool, err error) {
	living = make(map[types.UID]bool)
	if w.c.o.Labels == "" && w.c.o.Fields == "" {
		return living, nil
	}
	for _, st := range w.pods.present() {
		if !st.selected || listed[st.uid] {
			continue
		}
		switch p, err := w.c.kube.GetPod(ctx, st.namespace, st.name); {
		case err == nil:
			living[st.uid] = p.UID == st.uid
		case kube.IsPodGone(err), apierrors.IsForbidden(err): // who may list need not be allowed to get
		default:
			return nil, err
		}
	}
	return living, nil
}

// lost looks after the places of the last run that no pod has taken up: those whose pods are gone are forgotten, and a gap is
// reported if their ends were not seen. The others were not selected this time, and are kept.
func (w *podWatch) lost(ctx context.Context) {
	w.c.o.State.Unclaimed(w.c.name, w.namespace, func(p checkpoint.Place) (keep bool) {
		gone := &pods.Pod{UID: types.UID(p.UID), Namespace: p.Namespace, Name: p.Pod}
		return follow.Lost(ctx, w.c.follow, p, w.c.source(gone, p.Container))
	})
}
