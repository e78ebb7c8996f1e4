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
	// A watch is opened anew after this long and up to twice that, as client-go's own reflectors do.
	watchLife = 5 * time.Minute
	// pollEvery is how often at least pods are listed while something to read is waited for that can't be watched.
	pollEvery = time.Second
)

// scope is what is watched in one go: the pods of one namespace of a cluster, or of all. It lists and watches them
// in one goroutine, which alone knows the followers.
type scope struct {
	c         *cluster
	namespace string // empty: all
	part      string // its name in messages

	tried     bool // to list pods
	began     time.Time
	since     time.Time // what has come after it is new, though found at the first look; zero: nothing is
	looked    time.Time // when pods were first listed: what begins after that is new; zero: not yet
	before    before
	version   string // where the watch goes on; empty: pods must be listed
	known     map[types.UID]*known
	followers map[types.UID]map[string]*follower
	left      map[types.UID]map[string]*follower // of pods that live on but are no longer selected
	services  pods.Services
	found     []bool // of the owners asked for, those that have pods
	running   sync.WaitGroup
	health    report.Reporter
}

func newScope(c *cluster, namespace string) *scope {
	s := &scope{
		c: c, namespace: namespace, part: "namespace " + namespace, began: time.Now(), since: c.o.State.Since(c.name, namespace),
		known:     make(map[types.UID]*known),
		followers: make(map[types.UID]map[string]*follower), found: make([]bool, len(c.o.Owners)), health: c.health.Reporter(),
	}
	if namespace == "" {
		s.part = "all namespaces"
	}
	return s
}

// run returns when ctx has ended, the server has refused the selection, or without Follow when all was read; and all followers
// have ended.
func (s *scope) run(ctx context.Context) {
	defer s.running.Wait()
	var retry kube.Backoff
	for {
		begun := time.Now()
		err := s.look(ctx)
		failed := err
		switch {
		case ctx.Err() != nil:
			return
		case !s.c.o.Follow && (err == nil || s.version != ""): // pods could be listed
			if s.patience() == 0 {
				return
			}
			s.version, err = "", nil // they can't be watched, or not for so long
		case s.fallsBack(err):
			s.c.spread(ctx, s, err)
			return
		case apierrors.IsResourceExpired(err) || apierrors.IsGone(err): // the server has forgotten s.version
			s.version = ""
			err = nil
		case err == pods.ErrReselected:
			s.version = ""
			continue
		}
		if time.Since(begun) > kube.Settled {
			retry.Reset()
		}
		delay := retry.Delay(err, s.c.o.chance)
		if left := s.patience(); left > 0 {
			delay = min(delay, left, pollEvery)
		}
		if err != nil {
			s.c.stats.Errors.Add(1)
			s.health.Fail(s.part, err)
		}
		s.c.looks.done(s, failed) // after its failure was told of
		if err != nil && (errors.Is(err, kube.ErrRefused) || !s.c.o.Follow && retry.Hopeless(err)) {
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
func (s *scope) patience() time.Duration {
	if s.c.o.Follow || len(s.followers) > 0 {
		return 0
	}
	return max(0, s.c.o.Patience-time.Since(s.began))
}

// fallsBack tells whether err is about all namespaces, and single ones may be followed instead.
func (s *scope) fallsBack(err error) bool {
	return apierrors.IsForbidden(err) && s.namespace == "" && s.looked.IsZero()
}

// look lists the pods unless that is done, and follows what happens to them until the watch ends; without Follow, until there
// is something to read.
func (s *scope) look(ctx context.Context) error {
	if s.version == "" {
		if err := s.list(ctx); err != nil {
			return err
		}
		s.c.looks.done(s, nil)
	}
	life := int64((watchLife + s.c.o.chance(watchLife)).Seconds())
	limit := time.Duration(life)*time.Second + s.c.kube.RequestTimeout() // in case the server doesn't end it
	if !s.c.o.Follow {
		if limit = s.patience(); limit == 0 {
			return nil
		}
	}
	watching, end := context.WithTimeout(ctx, limit)
	defer end()
	watching, reselect := context.WithCancelCause(watching)
	var services sync.WaitGroup
	defer services.Wait()
	defer reselect(nil)
	if s.c.owners.OfServices() {
		services.Go(func() { reselect(s.c.owners.Await(watching, s.namespace, s.services)) })
	}
	o := s.options()
	o.ResourceVersion, o.AllowWatchBookmarks, o.TimeoutSeconds = s.version, true, &life
	w, err := s.c.kube.WatchPods(watching, s.namespace, o)
	if err != nil {
		return cmp.Or(reselected(watching), err)
	}
	defer w.Stop()
	if s.health.Failing() { // the API answers again: no follower need wait longer
		s.health.OK()
		for _, containers := range s.followers {
			for _, f := range containers {
				f.update(f.told, true)
			}
		}
	}
	for event := range w.ResultChan() {
		if event.Type == watch.Error {
			return cmp.Or(reselected(watching), apierrors.FromObject(event.Object))
		}
		p, ok := event.Object.(*corev1.Pod)
		if !ok {
			return fmt.Errorf("watching pods: unexpected %T", event.Object)
		}
		if err := s.happened(ctx, event.Type, p, o); err != nil {
			return err // the event comes again
		}
		s.version = p.ResourceVersion
		s.c.o.State.Heard(s.c.name, s.namespace)
		if !s.c.o.Follow && s.patience() == 0 {
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
func (s *scope) happened(ctx context.Context, event watch.EventType, p *corev1.Pod, o metav1.ListOptions) error {
	switch event {
	case watch.Added, watch.Modified:
		return s.update(ctx, p)
	case watch.Deleted:
		if p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning && (o.LabelSelector != "" || o.FieldSelector != "") {
			s.leave(p.UID)
			return nil
		}
		if err := s.update(ctx, p); err != nil {
			return err
		}
		s.gone(ctx, p.UID)
	}
	return nil
}

// options are what the server selects pods by.
func (s *scope) options() metav1.ListOptions {
	o := metav1.ListOptions{LabelSelector: s.c.o.Labels, FieldSelector: s.c.o.Fields}
	if node := s.c.o.Node; node != "" && !glob.Is(node) && !strings.Contains(node, `\`) {
		o.FieldSelector = strings.TrimPrefix(o.FieldSelector+",spec.nodeName="+node, ",")
	}
	return o
}

// selects tells whether the containers of a pod are to be followed.
func (s *scope) selects(ctx context.Context, p *corev1.Pod) (bool, error) {
	o, followed := &s.c.o.Selection, len(s.followers[p.UID]) > 0
	switch {
	case !o.Pod(p), o.Condition != nil && !o.Condition.Holds(p) && !(followed && pods.Ending(p)):
		return false, nil
	case len(o.Owners) == 0:
		return pods.Matches(p.Name, o.Pods, nil), nil
	}
	found, err := s.c.owners.Matching(ctx, p)
	if err != nil {
		return false, err
	}
	found = append(found, s.services.Matching(p)...)
	for _, i := range found {
		s.found[i] = true
	}
	return len(found) > 0 || len(o.Pods) > 0 && pods.Matches(p.Name, o.Pods, nil), nil
}

// update takes what the API says of a pod.
func (s *scope) update(ctx context.Context, p *corev1.Pod) error {
	switch ok, err := s.selects(ctx, p); {
	case err != nil:
		return err
	case ok:
		s.tell(ctx, s.c.trim(p), false)
	default:
		s.leave(p.UID)
	}
	return nil
}
