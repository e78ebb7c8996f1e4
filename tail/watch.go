package tail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"mktail/discover/glob"
	"mktail/tail/kube"
	"mktail/tail/pods"
	"mktail/tail/report"
)

const (
	pageSize = 500
	// A watch is reopened after this long and up to twice that, as client-go's own reflectors do.
	watchLife = 5 * time.Minute
	// pollEvery is how often at least pods are listed while something to read is waited for that can't be watched.
	pollEvery = time.Second
)

// podWatch is what is watched in one go: the pods of one namespace of a cluster, or of all. It lists and watches them
// in one goroutine, which alone starts and ends their followers.
type podWatch struct {
	c         *cluster
	namespace string // empty: all
	part      string // its name in messages

	tried       bool // to list pods
	began       time.Time
	since       time.Time // what has come after it is new, though the first list has it; zero: nothing is
	listedAt    time.Time // when pods were first listed: what begins after that is new; zero: not yet
	preexisting preexisting
	version     string // where the watch goes on; empty: pods must be listed
	pods        podStates
	services    pods.Services
	found       []bool // of the owners asked for, those that have pods
	running     sync.WaitGroup
	health      report.Reporter
}

func newPodWatch(c *cluster, namespace string) *podWatch {
	w := &podWatch{
		c: c, namespace: namespace, part: "namespace " + namespace, began: time.Now(), since: c.o.State.Since(c.name, namespace),
		pods: podStates{byUID: make(map[types.UID]*podState)}, found: make([]bool, len(c.o.Owners)), health: c.health.Reporter(),
	}
	if namespace == "" {
		w.part = "all namespaces"
	}
	return w
}

// run returns when ctx has ended, the server has refused the selection, or without Follow when all was read; and all followers
// have ended.
func (w *podWatch) run(ctx context.Context) {
	defer w.running.Wait()
	var retry kube.Backoff
	for {
		begun := time.Now()
		err := w.look(ctx)
		failed := err
		switch {
		case ctx.Err() != nil:
			return
		case !w.c.o.Follow && (err == nil || w.version != ""): // pods could be listed
			if w.patience() == 0 {
				return
			}
			w.version, err = "", nil // they can't be watched, or not for so long
		case w.fallsBack(err):
			w.c.watchEach(ctx, w, err)
			return
		case apierrors.IsResourceExpired(err) || apierrors.IsGone(err): // the server has forgotten w.version
			w.version = ""
			err = nil
		case err == pods.ErrReselected:
			w.version = ""
			continue
		}
		if time.Since(begun) > kube.Settled {
			retry.Reset()
		}
		delay := retry.Delay(err, w.c.o.Jitter)
		if left := w.patience(); left > 0 {
			delay = min(delay, left, pollEvery)
		}
		if err != nil {
			w.c.stats.Errors.Add(1)
			w.health.Fail(w.part, err)
		}
		w.c.startup.tried(w, failed) // after its failure was told of
		if err != nil && (errors.Is(err, kube.ErrRefused) || !w.c.o.Follow && retry.Hopeless(err)) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay):
		}
	}
}

// patience is how long a run that doesn't follow waits yet for something to read.
func (w *podWatch) patience() time.Duration {
	if w.c.o.Follow || w.pods.following() {
		return 0
	}
	return max(0, w.c.o.Patience-time.Since(w.began))
}

// fallsBack reports whether err is about all namespaces, and single ones may be followed instead.
func (w *podWatch) fallsBack(err error) bool {
	return apierrors.IsForbidden(err) && w.namespace == "" && w.listedAt.IsZero()
}

// look lists the pods unless that is done, and follows what happens to them until the watch ends; without Follow, until there
// is something to read.
func (w *podWatch) look(ctx context.Context) error {
	if w.version == "" {
		if err := w.list(ctx); err != nil {
			return err
		}
		w.c.startup.tried(w, nil)
	}
	life := int64((watchLife + w.c.o.Jitter(watchLife)).Seconds())
	limit := time.Duration(life)*time.Second + w.c.kube.RequestTimeout() // in case the server doesn't end it
	if !w.c.o.Follow {
		if limit = w.patience(); limit == 0 {
			return nil
		}
	}
	watching, end := context.WithTimeout(ctx, limit)
	defer end()
	watching, reselect := context.WithCancelCause(watching)
	var services sync.WaitGroup
	defer services.Wait()
	defer reselect(nil)
	if w.c.owners.HasServices() {
		services.Go(func() { reselect(w.c.owners.AwaitReselection(watching, w.namespace, w.services)) })
	}
	o := w.options()
	o.ResourceVersion, o.AllowWatchBookmarks, o.TimeoutSeconds = w.version, true, &life
	events, err := w.c.kube.WatchPods(watching, w.namespace, o)
	if err != nil {
		return cmp.Or(reselected(watching), err)
	}
	defer events.Stop()
	if w.health.Failing() { // the API answers again: no follower need wait longer
		w.health.OK()
		for _, f := range w.pods.running() {
			f.Wake()
		}
	}
	for event := range events.ResultChan() {
		if event.Type == watch.Error {
			return cmp.Or(reselected(watching), apierrors.FromObject(event.Object))
		}
		p, ok := event.Object.(*corev1.Pod)
		if !ok {
			return fmt.Errorf("watching pods: unexpected %T", event.Object)
		}
		if err := w.happened(ctx, event.Type, p, o); err != nil {
			return err // the event comes again
		}
		w.version = p.ResourceVersion
		w.c.o.State.Heard(w.c.name, w.namespace)
		if !w.c.o.Follow && w.patience() == 0 {
			return nil
		}
	}
	return reselected(watching)
}

func reselected(ctx context.Context) error {
	if context.Cause(ctx) == pods.ErrReselected {
		return pods.ErrReselected
	}
	return nil
}

// happened takes an event of a watch with these options.
func (w *podWatch) happened(ctx context.Context, event watch.EventType, p *corev1.Pod, o metav1.ListOptions) error {
	switch event {
	case watch.Added, watch.Modified:
		return w.update(ctx, p)
	case watch.Deleted:
		if p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning && (o.LabelSelector != "" || o.FieldSelector != "") {
			w.podUnselected(p.UID)
			return nil
		}
		if err := w.update(ctx, p); err != nil {
			return err
		}
		w.podDeleted(ctx, p.UID)
	}
	return nil
}

// options are what the server selects pods by.
func (w *podWatch) options() metav1.ListOptions {
	o := metav1.ListOptions{LabelSelector: w.c.o.Labels, FieldSelector: w.c.o.Fields}
	if node := w.c.o.Node; node != "" && !glob.Is(node) && !strings.Contains(node, `\`) {
		o.FieldSelector = strings.TrimPrefix(o.FieldSelector+",spec.nodeName="+node, ",")
	}
	return o
}

// selects reports whether the containers of a pod are to be followed.
func (w *podWatch) selects(ctx context.Context, p *corev1.Pod) (bool, error) {
	o, st := &w.c.o.Selection, w.pods.get(p.UID)
	followed := st != nil && len(st.followers) > 0
	switch {
	case !o.SelectsPod(p), o.Condition != nil && !o.Condition.Holds(p) && !(followed && pods.Ending(p)):
		return false, nil
	case len(o.Owners) == 0:
		return o.MatchesName(p.Name), nil
	}
	found, err := w.c.owners.Matching(ctx, p)
	if err != nil {
		return false, err
	}
	found = append(found, w.services.Matching(p)...)
	for _, i := range found {
		w.found[i] = true
	}
	return len(found) > 0 || len(o.Pods) > 0 && o.MatchesName(p.Name), nil
}

// update takes what the API says of a pod.
func (w *podWatch) update(ctx context.Context, p *corev1.Pod) error {
	switch ok, err := w.selects(ctx, p); {
	case err != nil:
		return err
	case ok:
		w.syncFollowers(ctx, w.c.trim(p), false)
	default:
		w.podUnselected(p.UID)
	}
	return nil
}
