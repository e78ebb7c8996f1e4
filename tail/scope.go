package tail

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	pageSize = 500
	// answerLimit is how long a server may take to answer; after that it counts as silent.
	answerLimit = time.Minute
	// A watch is opened anew after this long and up to twice that, as client-go's own reflectors do.
	watchLife = 5 * time.Minute
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
	looked    bool      // pods have been listed: what appears from now on is new
	version   string    // where the watch goes on; empty: pods must be listed
	followers map[types.UID]map[string]*follower
	left      map[types.UID]map[string]*follower // of pods that live on but no longer have the labels
	running   sync.WaitGroup
	health    complaint
}

func newScope(c *cluster, namespace string) *scope {
	s := &scope{c: c, began: time.Now(), since: c.o.State.since(c.name, namespace), followers: make(map[types.UID]map[string]*follower), health: complaint{h: &c.health}}
	s.watch(namespace)
	return s
}

func (s *scope) watch(namespace string) {
	s.namespace, s.part = namespace, "namespace "+namespace
	if namespace == "" {
		s.part = "all namespaces"
	}
}

// run returns when ctx has ended, or without Follow when all was read, and all followers have ended.
func (s *scope) run(ctx context.Context) {
	defer s.running.Wait()
	var retry backoff
	for {
		begun := time.Now()
		err := s.look(ctx)
		switch {
		case ctx.Err() != nil, err == nil && !s.c.o.Follow:
			return
		case s.fallsBack(err):
			s.c.log.Warn().Msgf("%s: all namespaces: %s; following namespace %s instead", s.c.name, describe(err), s.c.namespace)
			s.watch(s.c.namespace)
			continue
		case apierrors.IsResourceExpired(err) || apierrors.IsGone(err): // the server has forgotten s.version
			s.version = ""
			err = nil
		}
		if time.Since(begun) > settled {
			retry.reset()
		}
		delay := retry.delay(err)
		if err != nil {
			s.c.stats.errors.Add(1)
			s.health.fail(s.part, err)
			if !s.c.o.Follow && retry.hopeless(err) {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay):
		}
	}
}

// fallsBack tells whether err is about all namespaces, and the context's may be followed instead.
func (s *scope) fallsBack(err error) bool {
	return apierrors.IsForbidden(err) && s.namespace == "" && !s.looked
}

// look lists the pods unless that is done, and follows what happens to them until the watch ends.
func (s *scope) look(ctx context.Context) error {
	if s.version == "" {
		err := s.list(ctx)
		if !s.fallsBack(err) {
			s.c.looks.done(s, err)
		}
		if err != nil {
			return err
		}
		s.health.ok()
		if !s.c.o.Follow {
			return nil
		}
	}
	life := int64((watchLife + rand.N(watchLife)).Seconds())
	watching, cancel := context.WithTimeout(ctx, time.Duration(life)*time.Second+answerLimit) // in case the server doesn't end it
	defer cancel()
	w, err := s.c.api.CoreV1().Pods(s.namespace).Watch(watching, metav1.ListOptions{
		LabelSelector: s.c.o.Labels, ResourceVersion: s.version, AllowWatchBookmarks: true, TimeoutSeconds: &life,
	})
	if err != nil {
		return err
	}
	defer w.Stop()
	if s.health.troubled() { // the API answers again: no follower need wait longer
		s.health.ok()
		for _, containers := range s.followers {
			for _, f := range containers {
				f.update(f.told, true)
			}
		}
	}
	for event := range w.ResultChan() {
		if event.Type == watch.Error {
			return apierrors.FromObject(event.Object)
		}
		p, ok := event.Object.(*corev1.Pod)
		if !ok {
			return fmt.Errorf("watching pods: unexpected %T", event.Object)
		}
		s.version = p.ResourceVersion
		s.c.o.State.heard(s.c.name, s.namespace)
		switch event.Type {
		case watch.Added, watch.Modified:
			s.update(ctx, s.c.trim(p), false)
		case watch.Deleted:
			if p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning && s.c.o.Labels != "" {
				s.leave(p.UID)
			} else {
				s.update(ctx, s.c.trim(p), false)
				s.gone(ctx, p.UID)
			}
		}
	}
	return nil
}

// list reads all pods, by pages, and lets those go that are no longer there.
func (s *scope) list(ctx context.Context) error {
	var pods []*pod
	o := metav1.ListOptions{LabelSelector: s.c.o.Labels, Limit: pageSize}
	for {
		page, err := s.page(ctx, o)
		if err != nil {
			return err
		}
		for i := range page.Items {
			if p := &page.Items[i]; s.c.o.pod(p.Name) {
				pods = append(pods, s.c.trim(p))
			}
		}
		if o.Continue = page.Continue; o.Continue == "" {
			s.version = page.ResourceVersion
			break
		}
	}
	s.c.o.State.heard(s.c.name, s.namespace)
	there := make(map[types.UID]bool, len(pods))
	for _, p := range pods {
		there[p.uid] = true
		s.update(ctx, p, true)
	}
	for uid := range s.followers {
		if !there[uid] {
			s.gone(ctx, uid)
		}
	}
	if !s.looked {
		s.running.Go(func() { s.miss(ctx) })
	}
	s.looked = true
	return nil
}

func (s *scope) page(ctx context.Context, o metav1.ListOptions) (*corev1.PodList, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	return s.c.api.CoreV1().Pods(s.namespace).List(ctx, o)
}

// update tells the followers of a pod's containers what the API says of them, and starts those that are missing.
// listed tells that the API was just found to answer, which is worth another try to those who wait for one.
func (s *scope) update(ctx context.Context, p *pod, listed bool) {
	if !s.c.o.pod(p.name) {
		return
	}
	for name, st := range p.containers {
		if !s.c.o.container(name) {
			continue
		}
		f := s.followers[p.uid][name]
		switch {
		case f != nil:
			f.update(st, listed)
		case st.current.id != "":
			s.follow(ctx, p, name, st)
		}
	}
}

func (s *scope) follow(ctx context.Context, p *pod, container string, st status) {
	old := !s.looked && (s.since.IsZero() || time.Unix(st.current.started, 0).Before(s.since))
	f := newFollower(s.c, p, container, st, old)
	if !old && p.created.After(cmp.Or(s.since, s.began)) {
		f.born = p.created
	}
	if last, ok := s.c.o.State.track(f); ok {
		f.resume(last)
	}
	if before := s.left[p.uid][container]; before != nil { // it goes on where that one ended
		<-before.ended
		f.place, f.begin = before.place, before.begin
		delete(s.left[p.uid], container)
	}
	following, cancel := context.WithCancel(ctx)
	f.cancel = cancel
	if s.followers[p.uid] == nil {
		s.followers[p.uid] = make(map[string]*follower)
	}
	s.followers[p.uid][container] = f
	s.running.Go(func() {
		defer cancel()
		s.c.follow(following, f)
		if s.c.o.Follow && ctx.Err() == nil { // it has ended, or left: what ailed it ails nobody now
			f.health.ok()
		}
	})
}

// leave ends the followers of a pod whose labels no longer match, but remembers where they were: it may come back.
func (s *scope) leave(uid types.UID) {
	for _, f := range s.followers[uid] {
		f.cancel()
	}
	if s.left == nil {
		s.left = make(map[types.UID]map[string]*follower)
	}
	s.left[uid] = s.followers[uid]
	delete(s.followers, uid)
}

// gone lets the followers of a deleted pod read to the end of what is there, and forgets them.
func (s *scope) gone(ctx context.Context, uid types.UID) {
	for _, f := range s.followers[uid] {
		close(f.deleted)
		s.running.Go(func() {
			f.linger(ctx)
			<-f.ended
			if ctx.Err() == nil {
				s.c.o.State.drop(f)
			}
		})
	}
	delete(s.followers, uid)
}
