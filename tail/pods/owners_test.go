package pods_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"mktail/tail/kube"
	"mktail/tail/pods"
	"mktail/testdata/sim"
)

// bubble runs a test with a simulated cluster, in memory and by a clock of its own.
func bubble(t *testing.T, name string, f func(t *testing.T, c *sim.Cluster)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, err := sim.Start(sim.Options{Name: "eu", Memory: true})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			f(t, c)
		})
	})
}

// lookup is a client of a cluster with a token, none for the administrator's, and what is asked for and logged by it.
type lookup struct {
	*pods.Owners
	t       *testing.T
	cluster *sim.Cluster
	client  *kube.Client
	log     bytes.Buffer
}

func asking(t *testing.T, c *sim.Cluster, token string, queries ...string) *lookup {
	t.Helper()
	l := &lookup{t: t, cluster: c}
	cfg := c.RESTConfig()
	if token != "" {
		cfg = c.RESTConfigFor(token)
	}
	log := zerolog.New(&l.log)
	client, err := kube.New("eu", kube.User{Config: cfg}, kube.NewShared(kube.Options{Log: log}, 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	l.client = client
	var asked []pods.Owner
	for _, q := range queries {
		o, ok := pods.ParseOwner(q)
		if !ok {
			t.Fatal(q)
		}
		asked = append(asked, o)
	}
	l.Owners = pods.NewOwners("eu", client, asked, log, func(d time.Duration) time.Duration { return d / 2 })
	return l
}

// pods returns the cluster's pods by their names.
func (l *lookup) pods() map[string]*corev1.Pod {
	l.t.Helper()
	list, err := l.client.ListPods(l.t.Context(), "", metav1.ListOptions{})
	if err != nil {
		l.t.Fatal(err)
	}
	all := make(map[string]*corev1.Pod)
	for i := range list.Items {
		all[list.Items[i].Name] = &list.Items[i]
	}
	return all
}

// belongs returns which of the owners asked for a pod belongs to, and looks up what is not known.
func (l *lookup) belongs(p *corev1.Pod) ([]int, error) {
	l.t.Helper()
	if found, known := l.Matching(p); known {
		return found, nil
	}
	if err := l.LookUp(l.t.Context(), p.Namespace, p.OwnerReferences, func() {}); err != nil {
		return nil, err
	}
	found, known := l.Matching(p)
	if !known {
		l.t.Errorf("%s: its owners were looked up, but are not known", p.Name)
	}
	return found, nil
}

// matching returns which pods belong to which of the owners asked for: "web-1-a:0,2 db-0:1".
func (l *lookup) matching() string {
	l.t.Helper()
	all := l.pods()
	var found []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		which, err := l.belongs(all[name])
		if err != nil {
			l.t.Errorf("%s: %v", name, err)
		}
		if len(which) > 0 {
			found = append(found, name+":"+strings.Trim(strings.ReplaceAll(fmt.Sprint(which), " ", ","), "[]"))
		}
	}
	return strings.Join(found, " ")
}

// lookedUp returns the objects that the server was asked for, but for pods.
func (l *lookup) lookedUp() string {
	var all []string
	for _, q := range l.cluster.Requests() {
		if q.Verb == "get" && q.Resource != "pods" {
			all = append(all, q.Resource+q.Path[strings.LastIndexByte(q.Path, '/'):])
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ") // each is asked for once
}

// warned returns what was logged, and empties it.
func (l *lookup) warned() string {
	defer l.log.Reset()
	var all []string
	for line := range strings.Lines(l.log.String()) {
		_, text, _ := strings.Cut(line, `"message":"`)
		text, _, _ = strings.Cut(text, `"}`)
		all = append(all, text)
	}
	return strings.Join(all, "\n")
}

// world has owners of every kind.
func world(c *sim.Cluster) {
	add := func(group, kind, name string, owner *metav1.OwnerReference) *metav1.OwnerReference {
		return c.AddObject(sim.Object{Group: group, Kind: kind, Name: name, Owner: owner})
	}
	pod := func(name string, owner *metav1.OwnerReference) { c.AddPod(sim.PodSpec{Name: name, Owner: owner}) }
	pod("web-1-a", add("apps", "ReplicaSet", "web-1", add("apps", "Deployment", "web", nil)))
	rollout := c.AddObject(sim.Object{Group: "argoproj.io", Version: "v1alpha1", Kind: "Rollout", Short: []string{"ro"}, Name: "blue"})
	pod("blue-1-a", add("apps", "ReplicaSet", "blue-1", rollout))
	pod("night-1-a", add("batch", "Job", "night-1", add("batch", "CronJob", "night", nil)))
	pod("db-0", add("apps", "StatefulSet", "db", nil))
	pod("pg-0", add("pg.io", "Postgres", "pg", nil))
	pod("rc-a", add("", "ReplicationController", "rc", nil))
	fleet := c.AddObject(sim.Object{Group: "fleet.io", Kind: "Fleet", Name: "north", Clusterwide: true, Owner: c.AddObject(sim.Object{Group: "fleet.io", Kind: "Fleet", Name: "top", Clusterwide: true})})
	pod("edge-1-a", add("apps", "ReplicaSet", "edge-1", add("apps", "Deployment", "edge", fleet)))
	pod("hand", nil)
	gone := add("apps", "ReplicaSet", "gone-1", nil)
	gone.Name = "gone-0"
	pod("gone-0-a", gone)
	other := add("apps", "ReplicaSet", "other-1", add("apps", "Deployment", "other", nil))
	other.UID = "u-other"
	pod("other-1-a", other)
	odd := add("apps", "StatefulSet", "odd", nil)
	odd.APIVersion = "a/b/c"
	pod("odd-0", odd)
}

func TestMatching(t *testing.T) {
	// What is looked up is only what an owner that was asked for may have made: known kinds have known makers, and what
	// makes the others nobody knows.
	const unknown = "postgress/pg"
	const deploy = unknown + " replicasets/blue-1 replicasets/edge-1 replicasets/gone-0 replicasets/other-1 replicasets/web-1 rollouts/blue"
	const all = "cronjobs/night deployments/edge deployments/web fleets/north fleets/top jobs/night-1 postgress/pg replicasets/blue-1 replicasets/edge-1 replicasets/gone-0 " +
		"replicasets/other-1 replicasets/web-1 replicationcontrollers/rc rollouts/blue statefulsets/db"
	for _, tt := range []struct{ queries, want, lookedUp, warned string }{
		{"pod/web-1-a po/db-*", "db-0:1 web-1-a:0", "", ""},
		{"svc/x", "", "", ""},
		{"deploy/web", "web-1-a:0", deploy, ""},
		{"svc/x deploy/web pod/none", "web-1-a:1", deploy, ""},
		{"rs/*-1", "blue-1-a:0 edge-1-a:0 other-1-a:0 web-1-a:0", unknown, ""},
		{"cj/night", "night-1-a:0", "jobs/night-1 " + unknown, ""},
		{"job/night-1", "night-1-a:0", unknown, ""},
		{"sts/db sts/d?", "db-0:0,1", unknown, ""},
		{"rc/rc", "rc-a:0", unknown, ""},
		{"ds/x", "", unknown, ""},
		{"ro/blue rollout/b* rollouts.argoproj.io/blue rollouts.v1alpha1.argoproj.io/blue rollouts.v1.argoproj.io/blue", "blue-1-a:0,1,2,3", all,
			"eu: it has no resource rollouts.v1.argoproj.io"},
		{"postgres/pg", "pg-0:0", all, ""},
		{"fleet/north deploy/edge fleet/top", "edge-1-a:0,1,2", all, ""},
		{"deployments.apps/web deployment.v1.apps/web deploy.apps/web", "web-1-a:0,1,2", deploy, ""},
		{"deployments.extensions/web pod.apps/hand", "", "", "eu: it has no resource deployments.extensions\neu: it has no resource pod.apps"},
		{"gizmo/x rs/web-1", "web-1-a:1", unknown, "eu: it has no resource gizmo"},
		{"gizmo/x gizmo/y", "", "", "eu: it has no resource gizmo"},
		{"deploy/other rs/gone-0 rs/gone-1 sts/odd pod/hand", "gone-0-a:1 hand:4", deploy, ""},
	} {
		bubble(t, tt.queries, func(t *testing.T, c *sim.Cluster) {
			world(c)
			l := asking(t, c, "", strings.Fields(tt.queries)...)
			for range 2 { // what was looked up is known from then on
				if got := l.matching(); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			}
			if got := l.lookedUp(); got != tt.lookedUp {
				t.Errorf("looked up %q, want %q", got, tt.lookedUp)
			}
			if got := l.warned(); got != tt.warned {
				t.Errorf("warned of %q, want %q", got, tt.warned)
			}
		})
	}
}

// What a pod names as its owner may be anything.
func TestMatchingOddOwners(t *testing.T) {
	for _, tt := range []struct {
		name  string
		owner metav1.OwnerReference
		query string
	}{
		{"a pod", metav1.OwnerReference{APIVersion: "v1", Kind: "Pod", Name: "x"}, "pod/x"},
		{"a service", metav1.OwnerReference{APIVersion: "v1", Kind: "Service", Name: "x"}, "svc/x"},
		{"nothing", metav1.OwnerReference{Name: "x"}, "gizmo/x"},
		{"a version that is none", metav1.OwnerReference{APIVersion: "a/b/c", Kind: "ReplicationController", Name: "x"}, "rc/x"},
		{"a kind that the server does not know", metav1.OwnerReference{APIVersion: "gone.io/v1", Kind: "Gone", Name: "x"}, "deploy/x"},
	} {
		bubble(t, tt.name, func(t *testing.T, c *sim.Cluster) {
			p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", OwnerReferences: []metav1.OwnerReference{tt.owner}}}
			if found, err := asking(t, c, "", tt.query).belongs(p); err != nil || len(found) > 0 {
				t.Errorf("found %v, %v", found, err)
			}
		})
	}
}

// Owners of owners are looked for eight steps far.
func TestMatchingFar(t *testing.T) {
	bubble(t, "", func(t *testing.T, c *sim.Cluster) {
		var owner *metav1.OwnerReference
		for i := 9; i >= 0; i-- {
			owner = c.AddObject(sim.Object{Group: "x.io", Kind: "Link", Name: fmt.Sprint("l", i), Owner: owner})
		}
		c.AddPod(sim.PodSpec{Name: "web", Owner: owner})
		if got, want := asking(t, c, "", "link/l0", "link/l7", "link/l8", "link/l9").matching(), "web:0,1"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// A failed lookup is an error, and is made again the next time; what one may not see, or is not there, has no owner.
func TestMatchingFails(t *testing.T) {
	for _, tt := range []struct{ path, query, pod, fails, then string }{
		{"/replicasets/", "deploy/web", "web-1-a", "looking up ReplicaSet web-1: ", "[0]"},
		{"/apis", "gizmo/web", "web-1-a", "looking for resource gizmo: ", "[]"},
		{"/apis", "deploy/web", "pg-0", "looking for resource pg.io/v1, Kind=Postgres: ", "[]"},
	} {
		bubble(t, tt.query+" for "+tt.pod, func(t *testing.T, c *sim.Cluster) {
			world(c)
			l := asking(t, c, "", tt.query)
			p := l.pods()[tt.pod]
			fault := c.Inject(sim.Fault{Path: tt.path, Status: 503})
			if found, err := l.belongs(p); err == nil || !strings.HasPrefix(err.Error(), tt.fails) {
				t.Errorf("found %v, error %v, want %q", found, err, tt.fails)
			}
			fault.Remove()
			if found, err := l.belongs(p); err != nil || fmt.Sprint(found) != tt.then {
				t.Errorf("then found %v, error %v, want %s", found, err, tt.then)
			}
		})
	}
	bubble(t, "forbidden", func(t *testing.T, c *sim.Cluster) {
		for _, o := range []sim.Object{{Group: "apps", Kind: "ReplicaSet", Name: "web-1"}, {Group: "apps", Kind: "ReplicaSet", Name: "web-2"},
			{Group: "batch", Kind: "Job", Name: "night-1"}, {Group: "apps", Kind: "StatefulSet", Name: "db"}} {
			c.AddPod(sim.PodSpec{Name: o.Name + "-0", Owner: c.AddObject(o)})
		}
		c.AddToken("pods only", sim.Reader("ann"))
		l := asking(t, c, "pods only", "deploy/web", "sts/db", "cj/night")
		for range 2 {
			if got := l.matching(); got != "db-0:1" {
				t.Errorf("got %q, want what needs no lookup", got)
			}
		}
		warned := l.warned()
		for _, kind := range []string{"ReplicaSet (for deploy/web)", "Job (for cj/night)"} {
			if n := strings.Count(warned, "eu: it can't be known what owns each "+kind+": "); n != 1 {
				t.Errorf("warned %d times of %s:\n%s", n, kind, warned)
			}
		}
		l.WarnUnknown("something else", func(o pods.Owner) bool { return o.Kind != "cj" }, errors.New("why"))
		if got := l.warned(); got != "eu: it can't be known something else (for deploy/web, sts/db): why" {
			t.Errorf("warned of %q", got)
		}
	})
}

// Owners that are not needed any more are forgotten, those that are needed are not.
func TestOwnersForgotten(t *testing.T) {
	bubble(t, "", func(t *testing.T, c *sim.Cluster) {
		l := asking(t, c, "", "deploy/web")
		pod := func(i int) *corev1.Pod {
			ref := metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: fmt.Sprint("rs-", i), UID: types.UID(fmt.Sprint(i))}
			return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", OwnerReferences: []metav1.OwnerReference{ref}}}
		}
		for i := range 5000 {
			for _, p := range []*corev1.Pod{pod(i), pod(0)} {
				if _, err := l.belongs(p); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := len(c.Requests()); n != 5000 {
			t.Errorf("%d lookups of 5000 owners", n)
		}
		known := 0
		for i := range 5000 {
			if _, ok := l.Matching(pod(i)); ok {
				known++
			}
		}
		if known < 1000 || known > 2001 {
			t.Errorf("%d owners are kept, want 1000 to 2001", known)
		}
		l.Expect(4000)
		for i := range 4000 {
			if _, err := l.belongs(pod(i)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 4000 {
			if _, ok := l.Matching(pod(i)); !ok {
				t.Fatalf("owner %d is not kept", i)
			}
		}
	})
}

func TestServices(t *testing.T) {
	bubble(t, "", func(t *testing.T, c *sim.Cluster) {
		service := func(ns, name string, selector map[string]string) {
			c.AddObject(sim.Object{Kind: "Service", Namespace: ns, Name: name, Selector: selector})
		}
		service("default", "front", map[string]string{"app": "web"})
		service("default", "front2", map[string]string{"app": "web", "tier": "2"})
		service("default", "none", nil)
		service("shop", "front", map[string]string{"app": "shop"})
		for name, labels := range map[string]map[string]string{"web": {"app": "web"}, "web2": {"app": "web", "tier": "2"}, "bare": nil, "shop": {"app": "shop"}} {
			c.AddPod(sim.PodSpec{Name: name, Labels: labels})
		}
		c.AddPod(sim.PodSpec{Namespace: "shop", Name: "in-shop", Labels: map[string]string{"app": "shop"}})
		for _, tt := range []struct{ ns, queries, want string }{
			{"default", "svc/front", "web:[0] web2:[0]"},
			{"default", "svc/front deploy/web service/front? services/*", "web:[0 3] web2:[0 2 3]"},
			{"default", "svc/none deploy/front", ""},
			{"shop", "svc/front", "in-shop:[0]"},
			{"", "svc/*", "in-shop:[0] web:[0] web2:[0]"},
			{"", "deploy/web", ""},
		} {
			l := asking(t, c, "", strings.Fields(tt.queries)...)
			if got := l.HasServices(); got != strings.Contains(tt.queries, "svc") {
				t.Errorf("%s: of services %v", tt.queries, got)
			}
			s, version, err := l.Services(t.Context(), tt.ns)
			if err != nil || version == "" {
				t.Fatal(version, err)
			}
			var got []string
			all := l.pods()
			for _, name := range slices.Sorted(maps.Keys(all)) {
				if found := s.Matching(all[name]); len(found) > 0 {
					slices.Sort(found)
					got = append(got, fmt.Sprint(name, ":", found))
				}
			}
			if got := strings.Join(got, " "); got != tt.want {
				t.Errorf("%s in %s: got %q, want %q", tt.queries, tt.ns, got, tt.want)
			}
		}
		l := asking(t, c, "", "svc/front", "gizmo/x")
		fault := c.Inject(sim.Fault{Path: "/services", Status: 503})
		if _, _, err := l.Services(t.Context(), ""); err == nil {
			t.Error("no error when services can't be listed")
		}
		fault.Remove()
		c.Inject(sim.Fault{Path: "/apis", Status: 503})
		if _, _, err := l.Services(t.Context(), ""); err != nil {
			t.Errorf("%v, though only another kind can't be found out", err)
		}
		if only := asking(t, c, "", "gizmo/x"); only.HasServices() {
			t.Error("of services though the kind can't be found out")
		}
	})
}

// AwaitReselection returns once the services select others, however often the watch ends or fails before.
func TestAwaitReselection(t *testing.T) {
	front := func(c *sim.Cluster, ns, app string) {
		c.AddObject(sim.Object{Kind: "Service", Namespace: ns, Name: "front", Selector: map[string]string{"app": app}})
	}
	for _, tt := range []struct {
		name     string
		change   func(*sim.Cluster)
		selected bool // others
	}{
		{"nothing", func(*sim.Cluster) {}, false},
		{"the same again", func(c *sim.Cluster) { front(c, "default", "web") }, false},
		{"one that was not asked for", func(c *sim.Cluster) {
			c.AddObject(sim.Object{Kind: "Service", Name: "back", Selector: map[string]string{"app": "x"}})
		}, false},
		{"other labels", func(c *sim.Cluster) { front(c, "default", "web2") }, true},
		{"another service", func(c *sim.Cluster) { front(c, "shop", "web") }, true},
		{"after a failure", func(c *sim.Cluster) {
			c.Inject(sim.Fault{Path: "/services", Status: 503, Times: 3})
			front(c, "default", "web")
			front(c, "default", "web2")
		}, true},
	} {
		bubble(t, tt.name, func(t *testing.T, c *sim.Cluster) {
			front(c, "default", "web")
			l := asking(t, c, "", "svc/front")
			known, _, err := l.Services(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done, ended := make(chan error, 1), time.Time{}
			go func() {
				err := l.AwaitReselection(ctx, "", known)
				ended = time.Now()
				done <- err
			}()
			for range 8 { // each ends the watch
				front(c, "default", "web")
				time.Sleep(time.Minute)
			}
			before := len(c.Requests())
			tt.change(c)
			changed := time.Now()
			time.Sleep(10 * time.Minute)
			select {
			case err := <-done:
				if !tt.selected || !errors.Is(err, pods.ErrReselected) {
					t.Errorf("returned %v", err)
				}
				if d := ended.Sub(changed); !strings.Contains(tt.name, "failure") && d > kube.FirstDelay {
					t.Errorf("returned after %s", d)
				}
			default:
				if tt.selected {
					t.Error("still waits")
				}
				if n := len(c.Requests()) - before; n > 2 { // a list and a watch
					t.Errorf("%d requests in ten minutes", n)
				}
				cancel()
				if err := <-done; err != nil {
					t.Errorf("returned %v at the end", err)
				}
			}
			cancel()
			failed := strings.Count(l.log.String(), `{"level":"debug","message":"eu: services: `)
			if want := strings.Contains(tt.name, "failure"); (failed > 0) != want || failed > 3 {
				t.Errorf("log: %s", &l.log)
			}
		})
	}
}
