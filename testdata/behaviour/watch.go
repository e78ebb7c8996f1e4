package behaviour

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// watch opens a watch that ends with the test.
func (e *env) watch(o metav1.ListOptions) watch.Interface {
	e.Helper()
	w, err := e.pods.Watch(e.ctx, o)
	if err != nil {
		e.Fatalf("watching with %+v: %v", o, err)
	}
	e.Cleanup(w.Stop)
	return w
}

// next gives the watch's next event.
func (e *env) next(w watch.Interface) watch.Event {
	e.Helper()
	select {
	case ev, ok := <-w.ResultChan():
		if !ok {
			e.Fatal("the watch ended")
		}
		return ev
	case <-e.ctx.Done():
		e.Fatal("no event came")
	}
	panic("unreachable")
}

// version is the version of the namespace's pods now.
func (e *env) version() string {
	e.Helper()
	l, err := e.pods.List(e.ctx, metav1.ListOptions{})
	if err != nil {
		e.Fatal(err)
	}
	return l.ResourceVersion
}

// seen is an event as far as it is compared.
type seen struct {
	kind              watch.EventType
	name, version     string
	phase             corev1.PodPhase
	deleting, started bool
}

func see(ev watch.Event) seen {
	p, ok := ev.Object.(*corev1.Pod)
	if !ok {
		return seen{kind: ev.Type}
	}
	started := len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].State.Running != nil
	return seen{ev.Type, p.Name, p.ResourceVersion, p.Status.Phase, p.DeletionTimestamp != nil, started}
}

func testWatch(e *env) {
	from := e.version()
	w := e.watch(metav1.ListOptions{ResourceVersion: from})
	e.create(e.pod("pod", idle("app")))
	var all []seen
	deleted := false
	for len(all) == 0 || all[len(all)-1].kind != watch.Deleted {
		s := see(e.next(w))
		all = append(all, s)
		switch {
		case len(all) == 1 && (s.kind != watch.Added || s.name != "pod" || s.phase != corev1.PodPending):
			e.Fatalf("the first event is %+v", s)
		case len(all) > 1 && s.kind != watch.Modified && s.kind != watch.Deleted:
			e.Fatalf("event %d is %+v", len(all), s)
		case s.started && !deleted:
			deleted = true
			if err := e.pods.Delete(e.ctx, "pod", metav1.DeleteOptions{}); err != nil {
				e.Fatal(err)
			}
		}
	}
	if !slices.ContainsFunc(all, func(s seen) bool { return s.kind == watch.Modified && s.deleting }) {
		e.Error("no MODIFIED event showed the deletion timestamp")
	}

	// Resumed from any event's version, a watch gives what came after that event, and nothing else.
	for i, s := range all[:len(all)-1] {
		again := e.watch(metav1.ListOptions{ResourceVersion: s.version})
		for _, want := range all[i+1:] {
			if got := see(e.next(again)); got != want {
				e.Fatalf("resumed after event %d: got %+v, want %+v", i, got, want)
			}
		}
		again.Stop()
	}

	// A watch ends cleanly when its time is up.
	seconds := int64(1)
	for ev := range e.watch(metav1.ListOptions{ResourceVersion: e.version(), TimeoutSeconds: &seconds}).ResultChan() {
		e.Errorf("a watch of nothing gave %+v", ev)
	}
}

func testBookmarks(e *env) {
	e.create(e.pod("pod", idle("app")))
	e.running("pod")
	from := e.version()
	seconds := int64(5) // a server sends one before the time is up
	w := e.watch(metav1.ListOptions{ResourceVersion: from, AllowWatchBookmarks: true, TimeoutSeconds: &seconds})
	var mark *corev1.Pod
	for ev := range w.ResultChan() {
		if ev.Type == watch.Bookmark {
			mark = ev.Object.(*corev1.Pod)
		}
	}
	if mark == nil {
		e.Fatal("no bookmark came")
	}
	if mark.ResourceVersion == "" || mark.Name != "" {
		e.Errorf("the bookmark is %+v", mark)
	}
	seconds = 1
	for ev := range e.watch(metav1.ListOptions{ResourceVersion: mark.ResourceVersion, TimeoutSeconds: &seconds}).ResultChan() {
		if ev.Type == watch.Error || ev.Type == watch.Added {
			e.Errorf("resumed from a bookmark: %+v", ev)
		}
	}
}

func testInitialEvents(e *env) {
	e.create(e.pod("a", idle("app")))
	e.create(e.pod("b", idle("app")))
	yes := true
	w := e.watch(metav1.ListOptions{SendInitialEvents: &yes, AllowWatchBookmarks: true,
		ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan})
	added := map[string]bool{}
	for {
		ev := e.next(w)
		if ev.Type == watch.Added {
			added[ev.Object.(*corev1.Pod).Name] = true
		}
		if ev.Type == watch.Bookmark && ev.Object.(*corev1.Pod).Annotations[metav1.InitialEventsAnnotationKey] == "true" {
			break
		}
	}
	if !added["a"] || !added["b"] {
		e.Errorf("the initial events hold %v", added)
	}

	// From no version, too, a watch begins with what there is.
	w = e.watch(metav1.ListOptions{LabelSelector: "pod=b"})
	if s := see(e.next(w)); s.kind != watch.Added || s.name != "b" {
		e.Errorf("a watch from no version begins with %+v", s)
	}
}

// testWatchSelector: a pod is ADDED to a watch when it begins to match, and DELETED when it ceases.
func testWatchSelector(e *env) {
	w := e.watch(metav1.ListOptions{ResourceVersion: e.version(), FieldSelector: "status.phase=Running"})
	e.create(e.pod("pod", idle("app")))
	if s := see(e.next(w)); s.kind != watch.Added || s.phase != corev1.PodRunning {
		e.Fatalf("the first event is %+v", s)
	}
	if err := e.pods.Delete(e.ctx, "pod", metav1.DeleteOptions{}); err != nil {
		e.Fatal(err)
	}
	for {
		if s := see(e.next(w)); s.kind == watch.Deleted {
			break
		} else if s.kind != watch.Modified {
			e.Fatalf("got %+v", s)
		}
	}
}

// testForgotten: only a server that has forgotten its first version can show it; a young one cannot.
func testForgotten(e *env) {
	w, err := e.pods.Watch(e.ctx, metav1.ListOptions{ResourceVersion: "1"})
	if err == nil {
		defer w.Stop()
		select {
		case ev := <-w.ResultChan():
			if ev.Type != watch.Error {
				e.Skipf("this server still has version 1: %+v", see(ev))
			}
			err = apierrors.FromObject(ev.Object)
		case <-time.After(5 * time.Second):
			e.Skip("this server still has version 1")
		}
	}
	if !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
		e.Errorf("got %v, want 410", err)
	}
}
