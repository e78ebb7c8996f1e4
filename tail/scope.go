package tail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
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
	services  services
	found     []bool // of the owners asked for, those that have pods
	running   sync.WaitGroup
	health    complaint
}

func newScope(c *cluster, namespace string) *scope {
	s := &scope{
		c: c, namespace: namespace, part: "namespace " + namespace, began: time.Now(), since: c.o.State.since(c.name, namespace),
		known:     make(map[types.UID]*known),
		followers: make(map[types.UID]map[string]*follower), found: make([]bool, len(c.o.Owners)), health: complaint{h: &c.health},
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
	var retry backoff
	for {
		begun := time.Now()
		err := s.look(ctx)
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
		case err == errReselected:
			s.version = ""
			continue
		}
		if time.Since(begun) > settled {
			retry.reset()
		}
		delay := retry.delay(err)
		if left := s.patience(); left > 0 {
			delay = min(delay, left, pollEvery)
		}
		if err != nil {
			s.c.stats.errors.Add(1)
			s.health.fail(s.part, err)
			if errors.Is(err, errRefused) || !s.c.o.Follow && retry.hopeless(err) {
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
		err := s.list(ctx)
		if !s.fallsBack(err) && (err == nil || ctx.Err() == nil) {
			s.c.looks.done(s, err)
		}
		if err != nil {
			return err
		}
	}
	life := int64((watchLife + rand.N(watchLife)).Seconds())
	limit := time.Duration(life)*time.Second + answerLimit // in case the server doesn't end it
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
	if s.c.owners.ofServices() {
		services.Go(func() { reselect(s.c.owners.await(watching, s.namespace, s.services)) })
	}
	o := s.options()
	o.ResourceVersion, o.AllowWatchBookmarks, o.TimeoutSeconds = s.version, true, &life
	w, err := s.c.api.CoreV1().Pods(s.namespace).Watch(watching, o)
	if err != nil {
		return cmp.Or(reselected(watching), err)
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
		s.c.o.State.heard(s.c.name, s.namespace)
		if !s.c.o.Follow && s.patience() == 0 {
			return nil
		}
	}
	return reselected(watching)
}

func reselected(ctx context.Context) error {
	if context.Cause(ctx) == errReselected {
		return errReselected
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
	if node := s.c.o.Node; node != "" && !strings.ContainsAny(node, "*?[\\") {
		o.FieldSelector = strings.TrimPrefix(o.FieldSelector+",spec.nodeName="+node, ",")
	}
	return o
}

// selects tells whether the containers of a pod are to be followed.
func (s *scope) selects(ctx context.Context, p *corev1.Pod) (bool, error) {
	o, followed := &s.c.o.Selection, len(s.followers[p.UID]) > 0
	switch {
	case !o.pod(p), o.Condition != nil && !o.Condition.holds(p) && !(followed && ending(p)):
		return false, nil
	case len(o.Owners) == 0:
		return matches(p.Name, o.Pods, nil), nil
	}
	found, err := s.c.owners.matching(ctx, o.Owners, p)
	if err != nil {
		return false, err
	}
	found = append(found, s.services.matching(p)...)
	for _, i := range found {
		s.found[i] = true
	}
	return len(found) > 0 || len(o.Pods) > 0 && matches(p.Name, o.Pods, nil), nil
}

// errRefused says that pods can't be listed because of what was asked for, such as a field that can't be selected by.
var errRefused = errors.New("the server refuses this selection")

// refused tells whether err is about what was asked for, and no passing thing: it came from the API itself, at first.
func (s *scope) refused(err error) bool {
	return s.looked.IsZero() && (apierrors.IsBadRequest(err) || apierrors.IsInvalid(err)) && !apierrors.IsUnexpectedServerError(err)
}

// list reads all pods, by pages, and lets those go that are no longer there.
func (s *scope) list(ctx context.Context) error {
	var hidden error
	if s.c.owners.ofServices() {
		var err error
		switch s.services, _, err = s.c.owners.services(ctx, s.namespace); {
		case apierrors.IsForbidden(err):
			hidden = err
		case err != nil:
			return fmt.Errorf("looking for services: %w", err)
		}
	}
	var pods []*pod
	listed := make(map[types.UID]bool) // whether it is selected
	begun := time.Now()
	o := s.options()
	o.Limit = pageSize
	for {
		page, err := s.page(ctx, o)
		switch {
		case err == nil:
		case s.refused(err) && o.Continue == "":
			return fmt.Errorf("%w: %w", errRefused, err)
		default:
			return err
		}
		for i := range page.Items {
			p := &page.Items[i]
			switch ok, err := s.selects(ctx, p); {
			case err != nil:
				return err
			case ok:
				pods = append(pods, s.c.trim(p))
				listed[p.UID] = true
			default:
				listed[p.UID] = false
				s.remember(p)
			}
		}
		if o.Continue = page.Continue; o.Continue == "" {
			s.version = page.ResourceVersion
			break
		}
	}
	lives, err := s.unlisted(ctx, listed)
	if err != nil {
		return err
	}
	if hidden != nil { // else not even pods can be listed: that is said, and perhaps other scopes are tried
		s.c.owners.hide("which pods services select", hidden)
	}
	s.health.ok()
	s.c.health.up()
	s.c.o.State.heard(s.c.name, s.namespace)
	for _, p := range pods {
		s.tell(ctx, p, true)
	}
	for uid, selected := range listed {
		if !selected {
			s.leave(uid)
		}
	}
	for uid := range s.known {
		switch {
		case listed[uid]:
		case lives[uid]:
			s.leave(uid)
		default:
			s.gone(ctx, uid)
		}
	}
	if s.looked.IsZero() {
		s.looked = begun
		s.running.Go(func() { s.miss(ctx) })
	}
	return nil
}

// unlisted finds the known pods that are not among those listed, but live on: where the server selects, they are left out
// because their labels, say, have changed.
func (s *scope) unlisted(ctx context.Context, listed map[types.UID]bool) (lives map[types.UID]bool, err error) {
	if s.c.o.Labels == "" && s.c.o.Fields == "" {
		return nil, nil
	}
	lives = make(map[types.UID]bool)
	for uid, k := range s.known {
		if _, ok := listed[uid]; ok {
			continue
		}
		switch p, err := s.get(ctx, k); {
		case err == nil:
			lives[uid] = p.UID == uid
		case podGone(err), apierrors.IsForbidden(err): // who may list need not be allowed to get
		default:
			return nil, err
		}
	}
	return lives, nil
}

func (s *scope) get(ctx context.Context, k *known) (*corev1.Pod, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	return s.c.api.CoreV1().Pods(k.ns).Get(ctx, k.name, metav1.GetOptions{})
}

func (s *scope) page(ctx context.Context, o metav1.ListOptions) (*corev1.PodList, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	return s.c.api.CoreV1().Pods(s.namespace).List(ctx, o)
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

// tell tells the followers of a pod's containers what the API says of them, and starts those that are missing.
// listed tells that the API was just found to answer, which is worth another try to those who wait for one.
func (s *scope) tell(ctx context.Context, p *pod, listed bool) {
	s.know(p)
	for _, name := range p.order {
		st := p.containers[name]
		if !s.c.o.container(p, name) {
			continue
		}
		if s.c.o.Previous {
			st = st.onlyPrevious()
		}
		f := s.followers[p.uid][name]
		switch {
		case f != nil:
			f.update(st, listed)
		case st.current.id != "" && (s.c.o.States.has(st.state) || s.c.o.States.has(Terminated) && st.previous.id != ""):
			s.follow(ctx, p, name, st)
		default:
			s.rememberOne(st)
		}
	}
	s.over(p)
}

func (s *scope) follow(ctx context.Context, p *pod, container string, st status) {
	f := newFollower(s.c, p, container, st)
	switch {
	case s.ran(st.current):
		f.begin.id = st.current.id
		f.place.done = st.previous.id // what had ended before mktail looked is not asked for
	case s.ran(st.previous): // and was not to be followed while it was the current one
		f.begin.id = st.previous.id
	case p.created.After(cmp.Or(s.since, s.began)):
		f.born = p.created
	}
	if !s.looked.IsZero() { // a watch that comes back tells old news
		f.stale = time.Since(time.Unix(st.current.started, 0)) > 2*slack
	}
	if last, ok := s.c.o.State.track(f); ok {
		f.resume(last)
	}
	if before := s.left[p.uid][container]; before != nil { // it goes on where that one ended
		<-before.ended
		f.place, f.begin, f.bytes = before.place, before.begin, before.bytes
		delete(s.left[p.uid], container)
	} else {
		s.c.stats.containers.Add(1)
	}
	if s.looked.IsZero() {
		f.tried = s.c.looks.stream()
	}
	if unwanted := s.c.o.Unwanted; unwanted != nil && unwanted(p.source(s.c, container)) {
		f.skip()
		s.enter(p.uid, f)
		return
	}
	exit := func() {}
	if !s.c.o.Follow { // its turn comes here and is its own until it ends, so that few at once are read in order
		select {
		case s.c.streams <- struct{}{}:
			exit = s.c.exit
		case <-ctx.Done():
			return
		}
	}
	following, cancel := context.WithCancel(ctx)
	f.cancel = cancel
	s.enter(p.uid, f)
	f.come()
	s.running.Go(func() {
		defer exit()
		defer cancel()
		s.c.follow(following, f)
		f.part(ctx)
		if s.c.o.Follow && ctx.Err() == nil { // it has ended, or left: what ailed it ails nobody now
			f.health.ok()
		}
	})
}

// enter enters a follower of one of a pod's containers.
func (s *scope) enter(uid types.UID, f *follower) {
	if s.followers[uid] == nil {
		s.followers[uid] = make(map[string]*follower)
	}
	s.followers[uid][f.container] = f
}

// leave ends the followers of a pod that is no longer selected, but remembers where they were: it may come back.
func (s *scope) leave(uid types.UID) {
	s.forget(uid, false)
	if s.followers[uid] == nil {
		return
	}
	for _, f := range s.followers[uid] {
		f.cancel()
	}
	if s.left == nil {
		s.left = make(map[types.UID]map[string]*follower)
	}
	if s.left[uid] == nil {
		s.left[uid] = make(map[string]*follower)
	}
	maps.Copy(s.left[uid], s.followers[uid]) // beside those that have not been taken up since the last time
	delete(s.followers, uid)
}

// gone lets the followers of a deleted pod read to the end of what is there, and forgets them.
func (s *scope) gone(ctx context.Context, uid types.UID) {
	s.forget(uid, true)
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
	for _, f := range s.left[uid] {
		s.c.o.State.drop(f)
	}
	delete(s.left, uid)
}
