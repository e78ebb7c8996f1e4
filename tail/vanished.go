package tail

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"

	"mktail/tail/kube"
	"mktail/tail/pods"
)

const (
	// maxAsked is about how many pods of a watch the server is asked at once.
	maxAsked = 16
	// sweepEvery is how often the server is asked about pods that it does not tell of any longer.
	sweepEvery = 5 * time.Minute
)

// vanished finds out what has become of a pod that the server no longer tells of, and does what follows. Where the server selects,
// the pod may live on: with other labels, or in another phase. Until that is known its followers go on.
func (w *podWatch) vanished(ctx context.Context, st *podState) {
	st.inquiry++
	inquiry := st.inquiry
	w.running.Go(func() {
		p, ok := w.find(ctx, st)
		if !ok {
			return
		}
		w.tell(func() {
			switch {
			case st.inquiry != inquiry || w.pods.get(st.identity) != st: // it was seen since, or asked about again
			case p == nil:
				w.podDeleted(ctx, st)
			case st.selected: // else it is not now, either
				w.untold(ctx, p)
			}
		})
	})
}

// untold takes what the API says of a pod that was selected, but which the watch does not tell of. Where the server selects it has left
// that, perhaps because it has ended; else it is where it was.
func (w *podWatch) untold(ctx context.Context, p *corev1.Pod) {
	if w.serverSelects() && !ended(p) {
		w.podUnselected(pods.Identity(p), p.UID)
		return
	}
	w.syncFollowers(ctx, w.c.trim(p), false)
	if st := w.pods.get(pods.Identity(p)); st != nil && w.serverSelects() {
		w.podGone(st, false)
	}
}

// serverSelects reports whether the server tells only of pods that it selects.
func (w *podWatch) serverSelects() bool {
	o := w.selectors()
	return o.LabelSelector != "" || o.FieldSelector != ""
}

// ended reports whether no container of a pod will run again.
func ended(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

// find asks the server for a pod until it answers. p is nil if the pod is gone. Not ok: the run is over.
func (w *podWatch) find(ctx context.Context, st *podState) (p *corev1.Pod, ok bool) {
	var retry kube.Backoff
	for {
		select {
		case w.asking <- struct{}{}:
		case <-w.over:
			return nil, false
		}
		p, err := w.c.kube.GetPod(ctx, st.namespace, st.name)
		<-w.asking
		switch {
		case ctx.Err() != nil:
			return nil, false
		case err == nil && pods.Identity(p) == st.identity && (p.UID == st.uid || pods.New(p, false).Started()):
			return p, true // or another mirror that its node has told of
		case err == nil, kube.IsPodGone(err):
			return nil, true
		}
		w.c.log.Debug().Msgf("%s: %s/%s: %s", w.c.name, st.namespace, st.name, kube.Describe(err))
		select {
		case <-time.After(retry.Delay(err, w.c.o.Jitter)):
		case <-w.over:
			return nil, false
		}
	}
}

// sweep has the server asked, now and then, about the pods that it does not tell of any longer: those that are gone are forgotten.
func (w *podWatch) sweep(ctx context.Context) {
	if time.Since(w.swept) < sweepEvery || !w.serverSelects() {
		return
	}
	w.swept = time.Now()
	for _, st := range w.pods.present() {
		if !st.selected {
			w.vanished(ctx, st)
		}
	}
}
