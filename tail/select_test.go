package tail_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/tail"
	"mktail/tail/pods"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// pods are those of which lines came, in order.
func (s *session) pods() string {
	s.t.Helper()
	var all []string
	for _, r := range s.records() {
		all = append(all, r.NS+"/"+r.Pod+"/"+r.Container)
	}
	slices.Sort(all)
	return strings.ReplaceAll(strings.ReplaceAll(strings.Join(slices.Compact(all), " "), "default/", ""), "/app", "")
}

func ownersOf(t *testing.T, queries ...string) (all []pods.Owner) {
	t.Helper()
	for _, q := range queries {
		o, ok := pods.ParseOwner(q)
		if !ok {
			t.Fatal(q)
		}
		all = append(all, o)
	}
	return all
}

// rollout makes what a Deployment does: a ReplicaSet, and pods of that.
func rollout(t *testing.T, c *sim.Cluster, owner *metav1.OwnerReference, revision string, pods ...string) {
	t.Helper()
	hash := map[string]string{"app": owner.Name, "pod-template-hash": revision}
	rs := c.AddObject(sim.Object{Group: "apps", Kind: "ReplicaSet", Name: owner.Name + "-" + revision, Owner: owner, Body: &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Labels: hash, Annotations: map[string]string{"deployment.kubernetes.io/revision": revision}}}})
	for _, name := range pods {
		write(t, c.AddPod(sim.PodSpec{Name: name, Owner: rs, Labels: hash}).Container("app"), name)
	}
}

func TestOwners(t *testing.T) {
	world := func(t *testing.T) *sim.Cluster {
		c := simulated(t, sim.Options{})
		rollout(t, c, c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "web"}), "1", "web-1-a", "web-1-b")
		rollout(t, c, c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "web2"}), "1", "web2-1-a")
		rollout(t, c, c.AddObject(sim.Object{Group: "argoproj.io", Version: "v1alpha1", Kind: "Rollout", Short: []string{"ro"}, Name: "blue"}), "1", "blue-a")
		job := c.AddObject(sim.Object{Group: "batch", Kind: "Job", Name: "nightly-1", Owner: c.AddObject(sim.Object{Group: "batch", Kind: "CronJob", Name: "nightly"})})
		write(t, c.AddPod(sim.PodSpec{Name: "nightly-1-x", Owner: job}).Container("app"), "night")
		db := c.AddObject(sim.Object{Group: "apps", Kind: "StatefulSet", Name: "db"})
		write(t, c.AddPod(sim.PodSpec{Name: "db-0", Owner: db}).Container("app"), "db")
		write(t, c.AddPod(sim.PodSpec{Name: "web-by-hand", Labels: map[string]string{"app": "web"}}).Container("app"), "hand")
		c.AddObject(sim.Object{Kind: "Service", Name: "front", Selector: map[string]string{"app": "web"}})
		return c
	}
	for _, tt := range []struct{ queries, pods string }{
		{"deploy/web", "web-1-a web-1-b"},
		{"deployments.apps/web", "web-1-a web-1-b"},
		{"deployment/web*", "web-1-a web-1-b web2-1-a"},
		{"rs/web-1", "web-1-a web-1-b"},
		{"rollout/blue", "blue-a"},
		{"ro/blue", "blue-a"},
		{"rollouts.argoproj.io/blue", "blue-a"},
		{"cronjob/nightly", "nightly-1-x"},
		{"job/nightly-1", "nightly-1-x"},
		{"sts/db", "db-0"},
		{"po/db-0", "db-0"},
		{"pod/web-1-?", "web-1-a web-1-b"},
		{"svc/front", "web-1-a web-1-b web-by-hand"},
		{"sts/db deploy/web2", "db-0 web2-1-a"},
		{"deploy/db", ""},
		{"deploy/none", ""},
		{"gizmo/web", ""},
	} {
		bubble(t, tt.queries, func(t *testing.T) {
			c := world(t)
			defer c.Close()
			for _, all := range []bool{false, true} {
				s := start(t, tail.Options{Tail: -1, Selection: pods.Selection{AllNamespaces: all, Owners: ownersOf(t, strings.Fields(tt.queries)...)}}, c)
				<-s.done
				if got := s.pods(); got != tt.pods {
					t.Errorf("all namespaces %v: got %q, want %q\nstderr:\n%s", all, got, tt.pods, s.logged())
				}
			}
		})
	}
	bubble(t, "with a pattern, and labels", func(t *testing.T) {
		c := world(t)
		defer c.Close()
		o := tail.Options{Tail: -1, Selection: pods.Selection{Owners: ownersOf(t, "sts/db"), Pods: []*regexp.Regexp{regexp.MustCompile("^web2")}}}
		s := start(t, o, c)
		<-s.done
		if got := s.pods(); got != "db-0 web2-1-a" {
			t.Error(got)
		}
		o.Labels = "app=web2"
		s = start(t, o, c)
		<-s.done
		if got := s.pods(); got != "web2-1-a" {
			t.Error(got)
		}
	})
	bubble(t, "roll out", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		web := c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "web"})
		rollout(t, c, web, "1", "web-1-a")
		o := following()
		o.Owners = ownersOf(t, "deploy/web")
		s := start(t, o, c)
		time.Sleep(time.Second)
		rollout(t, c, web, "2", "web-2-a")
		c.Down() // nobody can be asked who owns the next
		c.Up()
		rollout(t, c, web, "3", "web-3-a")
		time.Sleep(time.Minute)
		s.stop()
		if got := s.pods(); got != "web-1-a web-2-a web-3-a" {
			t.Errorf("%s\n%s", got, s.logged())
		}
	})
	bubble(t, "a lookup that fails for a while", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		o := following()
		o.Owners = ownersOf(t, "deploy/web")
		s := start(t, o, c)
		time.Sleep(time.Second)
		c.Inject(sim.Fault{Verb: "get", Path: "/replicasets/", Times: 5, Status: 503})
		rollout(t, c, c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "web"}), "1", "web-1-a")
		time.Sleep(time.Minute)
		s.stop()
		s.want("web-1-a", "app", "web-1-a")
	})
	bubble(t, "who may not look owners up", func(t *testing.T) {
		c := world(t)
		defer c.Close()
		c.AddToken("pods only", sim.Reader("ann"))
		s := startAs(t, tail.Options{Tail: -1, Selection: pods.Selection{Owners: ownersOf(t, "deploy/web*", "rs/web-1", "sts/db")}}, []string{"pods only"}, c)
		<-s.done
		if got, want := s.pods(), "db-0 web-1-a web-1-b"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if n := strings.Count(s.logged(), "it can't be known what owns each ReplicaSet"); n != 1 {
			t.Errorf("reported %d times: %s", n, s.logged())
		}
		for query, want := range map[string]string{"rs/web-1": "web-1-a web-1-b", "job/nightly*": "nightly-1-x", "cronjob/none sts/db": "db-0", "deployments.apps/none job/nightly-1": "nightly-1-x"} {
			s := startAs(t, tail.Options{Tail: -1, Selection: pods.Selection{Owners: ownersOf(t, strings.Fields(query)...)}}, []string{"pods only"}, c)
			<-s.done
			if got := s.pods(); got != want {
				t.Errorf("%s: got %q, want %q", query, got, want)
			}
			if logged, asks := strings.Contains(s.logged(), "it can't be known"), strings.Contains(query, "none"); logged != asks {
				t.Errorf("%s: %s", query, s.logged())
			}
		}
	})
	bubble(t, "who may not look services up", func(t *testing.T) {
		c := world(t)
		defer c.Close()
		ann := sim.Reader("ann")
		c.AddToken("pods only", ann)
		o := tail.Options{Tail: -1, Selection: pods.Selection{Owners: ownersOf(t, "svc/front"), Pods: []*regexp.Regexp{regexp.MustCompile("^db")}}}
		s := startAs(t, o, []string{"pods only"}, c)
		if failed := (<-s.done)[0].Failed; failed != "" || s.pods() != "db-0" {
			t.Errorf("got %q, failed: %q", s.pods(), failed)
		}
		o.Follow = true
		o.Namespaces = []string{"default", "shop"}
		s = startAs(t, o, []string{"pods only"}, c)
		time.Sleep(time.Minute)
		if got := s.pods(); got != "db-0" {
			t.Error(got)
		}
		ann.Rules = append(ann.Rules, sim.Rule{Verbs: []string{"list", "watch"}, Resources: []string{"services"}})
		c.AddToken("pods only", ann)
		time.Sleep(time.Minute)
		s.stop()
		if got, want := s.pods(), "db-0 web-1-a web-1-b web-by-hand"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if n := strings.Count(s.logged(), "it can't be known which pods services select (for svc/front): services is forbidden"); n != 1 {
			t.Errorf("reported %d times: %s", n, s.logged())
		}
	})
	bubble(t, "a service that turns to others", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		pod := func(name string) *sim.Container {
			return c.AddPod(sim.PodSpec{Name: name, Labels: map[string]string{"color": name}}).Container("app")
		}
		blue, green := pod("blue"), pod("green")
		c.AddObject(sim.Object{Kind: "Service", Name: "front", Selector: map[string]string{"color": "blue"}})
		o := following()
		o.Owners = ownersOf(t, "svc/front")
		s := start(t, o, c)
		time.Sleep(time.Second)
		write(t, blue, "b1")
		time.Sleep(time.Second)
		c.AddObject(sim.Object{Kind: "Service", Name: "front", Selector: map[string]string{"color": "green"}})
		time.Sleep(10 * time.Second)
		write(t, blue, "b2")
		write(t, green, "g1")
		time.Sleep(time.Second)
		s.stop()
		s.want("blue", "app", "b1")
		s.want("green", "app", "g1")
	})
	bubble(t, "in some of the clusters", func(t *testing.T) {
		var all []*sim.Cluster
		for i := range 3 {
			c := simulated(t, sim.Options{Name: fmt.Sprint("c", i)})
			defer c.Close()
			if i < 2 {
				rollout(t, c, c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "web"}), "1", "web-1-a")
			} else {
				c.AddPod(sim.PodSpec{})
			}
			all = append(all, c)
		}
		o := following()
		o.Owners = ownersOf(t, "deploy/web")
		s := start(t, o, all...)
		time.Sleep(time.Minute)
		s.stop()
		if got, want := s.logged(), "info: deploy/web has pods in 2 of 3 clusters, none in c2"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestNamespaces(t *testing.T) {
	world := func(t *testing.T) *sim.Cluster {
		c := simulated(t, sim.Options{})
		for _, ns := range []string{"shop", "shop-test", "billing"} {
			write(t, c.AddPod(sim.PodSpec{Namespace: ns, Name: "web"}).Container("app"), ns)
		}
		return c
	}
	c := func(t *testing.T, want string, ns ...string) {
		bubble(t, strings.Join(ns, ","), func(t *testing.T) {
			c := world(t)
			defer c.Close()
			reader := sim.Reader("ann", "shop", "shop-test", "shop-late", "billing", "late")
			reader.Rules = append(reader.Rules, sim.Rule{Verbs: []string{"list", "watch"}, Resources: []string{"namespaces"}})
			c.AddToken("one by one", reader)
			for _, token := range []string{c.AdminToken(), "one by one"} {
				s := startAs(t, tail.Options{Follow: true, Tail: -1, Selection: pods.Selection{Namespaces: ns}}, []string{token}, c)
				time.Sleep(time.Second)
				late := c.AddPod(sim.PodSpec{Namespace: "shop-late", Name: "web"})
				write(t, late.Container("app"), "late")
				time.Sleep(time.Minute)
				s.stop()
				if got := s.pods(); got != want {
					t.Errorf("as %s: got %q, want %q\n%s", token, got, want, s.logged())
				}
				late.Delete(0)
			}
		})
	}
	c(t, "shop-late/web shop-test/web shop/web", "shop*")
	c(t, "shop-late/web shop/web", "shop*", "!shop-test")
	c(t, "shop-late/web shop-test/web shop/web", "!billing")
	c(t, "billing/web", "b[a-k]lling")
	c(t, "billing/web shop/web", "billing", "shop")
	c(t, "shop-late/web shop-test/web shop/web", "shop", "shop-*")
	c(t, "shop/web", "shop", "!billing")
	c(t, "shop/web", "shop", "billing", "!b*")
}

// Who may neither list pods in all namespaces nor the namespaces sees those of exact names all the same.
func TestNamespacesUnlisted(t *testing.T) {
	for _, tt := range []struct {
		selection           pods.Selection
		pods, later, logged string
	}{
		{pods.Selection{Namespaces: []string{"shop", "dev-*"}}, "shop/web", "shop/web",
			`warn: eu: namespaces: for -n shop,dev-*: namespaces is forbidden: User "ann" cannot list resource "namespaces" in API group "" at the cluster scope, retrying`},
		{pods.Selection{Namespaces: []string{"shop", "late", "!dev"}}, "shop/web", "late/web shop/web", ""},
		{pods.Selection{AllNamespaces: true}, "web", "web",
			`warn: eu: -A: pods is forbidden: User "ann" cannot list resource "pods" in API group "" at the cluster scope; namespaces is forbidden: User "ann" cannot list resource "namespaces" in API group "" at the cluster scope; following namespace default instead`},
	} {
		bubble(t, fmt.Sprint(tt.selection.Namespaces), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			for _, ns := range []string{"shop", "billing", "default"} {
				write(t, c.AddPod(sim.PodSpec{Namespace: ns, Name: "web"}).Container("app"), ns)
			}
			c.AddToken("bearer", sim.Reader("ann", "shop", "late", "default"))
			o := tail.Options{Tail: -1, Selection: tt.selection}
			s := startAs(t, o, []string{"bearer"}, c)
			summary := (<-s.done)[0]
			if s.pods() != tt.pods || s.logged() != tt.logged {
				t.Errorf("got %q, want %q\n%s", s.pods(), tt.pods, s.logged())
			}
			if failed := summary.Failed != ""; failed != strings.Contains(tt.logged, "retrying") {
				t.Errorf("failed: %q", summary.Failed)
			}
			o.Follow = true
			s = startAs(t, o, []string{"bearer"}, c)
			time.Sleep(time.Minute)
			write(t, c.AddPod(sim.PodSpec{Namespace: "late", Name: "web"}).Container("app"), "late")
			time.Sleep(time.Minute)
			s.stop()
			if s.pods() != tt.later || s.logged() != tt.logged {
				t.Errorf("following: got %q, want %q\n%s", s.pods(), tt.later, s.logged())
			}
		})
	}
	bubble(t, "all of those that may be listed", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		for _, ns := range []string{"shop", "billing", "default"} {
			write(t, c.AddPod(sim.PodSpec{Namespace: ns, Name: "web"}).Container("app"), ns)
		}
		reader := sim.Reader("ann", "shop", "billing", "default", "kube-system")
		reader.Rules = append(reader.Rules, sim.Rule{Verbs: []string{"list"}, Resources: []string{"namespaces"}})
		c.AddToken("ann", reader)
		s := startAs(t, tail.Options{Tail: -1, Selection: pods.Selection{AllNamespaces: true}}, []string{"ann"}, c)
		<-s.done
		if got, want := s.pods(), "billing/web web shop/web"; got != want || s.logged() != "" {
			t.Errorf("got %q, want %q\n%s", got, want, s.logged())
		}
	})
	bubble(t, "until they may", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		for _, ns := range []string{"shop", "dev-1"} {
			write(t, c.AddPod(sim.PodSpec{Namespace: ns, Name: "web"}).Container("app"), ns)
		}
		reader := sim.Reader("ann", "shop", "dev-1")
		c.AddToken("ann", reader)
		s := startAs(t, tail.Options{Follow: true, Tail: -1, Selection: pods.Selection{Namespaces: []string{"shop", "dev-*"}}}, []string{"ann"}, c)
		time.Sleep(time.Minute)
		reader.Rules = append(reader.Rules, sim.Rule{Verbs: []string{"list", "watch"}, Resources: []string{"namespaces"}})
		c.AddToken("ann", reader)
		time.Sleep(time.Minute)
		s.stop()
		if got, want := s.pods(), "dev-1/web shop/web"; got != want || !strings.HasSuffix(s.logged(), "info: eu: namespaces: readable again") {
			t.Errorf("got %q, want %q\n%s", got, want, s.logged())
		}
	})
}

func TestPodsAndContainers(t *testing.T) {
	for _, tt := range []struct {
		name      string
		selection pods.Selection
		want      string
	}{
		{"all", pods.Selection{}, "a/prepare a a/side b c/side c"},
		{"no init", pods.Selection{NoInit: true}, "a a/side b c/side c"},
		{"default", pods.Selection{DefaultContainer: true}, "a b c"},
		{"node", pods.Selection{Node: "gpu"}, "b"},
		{"nodes", pods.Selection{Node: "g*"}, "b"},
		{"field", pods.Selection{Fields: "metadata.name=c"}, "c/side c"},
		{"ready", pods.Selection{Condition: &pods.Condition{Type: "ready", Status: "True"}}, "b c/side c"},
		{"not ready", pods.Selection{Condition: &pods.Condition{Type: "Ready", Status: "False"}}, "a/prepare a a/side"},
		{"running", pods.Selection{States: pods.Running}, "a/side b c/side c"},
		{"terminated", pods.Selection{States: pods.Terminated}, "a/prepare a"},
		{"either", pods.Selection{States: pods.Terminated | pods.Running}, "a/prepare a a/side b c/side c"},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			one := func(i int) (string, bool) { return "x", i < 1 }
			a := c.AddPod(sim.PodSpec{Name: "a", Policy: "Never", Containers: []sim.ContainerSpec{{Name: "prepare", Init: true, Lines: one}, {Name: "app"}, {Name: "side"}}})
			time.Sleep(time.Second)
			write(t, a.Container("app"), "x")
			write(t, a.Container("side"), "x")
			a.Container("app").Exit(1)
			write(t, c.AddPod(sim.PodSpec{Name: "b", Node: "gpu"}).Container("app"), "x")
			p := c.AddPod(sim.PodSpec{Name: "c", Annotations: map[string]string{"kubectl.kubernetes.io/default-container": "app"}, Containers: []sim.ContainerSpec{{Name: "side"}, {Name: "app"}}})
			write(t, p.Container("app"), "x")
			write(t, p.Container("side"), "x")
			time.Sleep(time.Second)
			want := strings.Fields(tt.want)
			slices.Sort(want)
			for _, o := range []tail.Options{{Tail: -1}, following()} {
				o.Selection = tt.selection
				s := start(t, o, c)
				if o.Follow {
					time.Sleep(time.Second)
					s.cancel()
				}
				<-s.done
				got := strings.Fields(s.pods())
				if slices.Sort(got); !slices.Equal(got, want) {
					t.Errorf("follow %v: got %q, want %q\n%s", o.Follow, got, want, s.logged())
				}
			}
		})
	}
	bubble(t, "states count for what comes later", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		write(t, app, "first life")
		o := following()
		o.States = pods.Terminated
		s := start(t, o, c)
		time.Sleep(time.Second)
		app.Restart()
		time.Sleep(time.Minute) // else the kubelet may serve it as the first one's, before the API tells of it
		write(t, app, "second life")
		time.Sleep(time.Minute)
		s.want("web", "app", "first life")
		app.Restart()
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", "first life", "second life")
	})
	bubble(t, "a condition that comes to hold", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		web := c.AddPod(sim.PodSpec{Name: "web", Containers: []sim.ContainerSpec{{Name: "app"}, {Name: "slow", Hold: "ErrImagePull"}}})
		write(t, web.Container("app"), "early")
		o := following()
		o.Condition = &pods.Condition{Type: "Ready", Status: "True"}
		s := start(t, o, c)
		time.Sleep(time.Minute)
		s.want("web", "app")
		web.Container("slow").Release()
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", "early")
	})
	bubble(t, "a condition that ceases, and holds again", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		web := c.AddPod(sim.PodSpec{Name: "web", Policy: "Never", Containers: []sim.ContainerSpec{{Name: "app"}, {Name: "slow", Hold: "ErrImagePull"}}})
		o := following()
		o.Condition = &pods.Condition{Type: "Ready", Status: "False"}
		s := start(t, o, c)
		write(t, web.Container("app"), "one")
		time.Sleep(time.Minute)
		web.Container("slow").Release()
		time.Sleep(time.Second)
		write(t, web.Container("app"), "meanwhile")
		time.Sleep(time.Minute)
		s.want("web", "app", "one")
		web.Container("slow").Exit(0)
		time.Sleep(time.Second)
		write(t, web.Container("app"), "two")
		time.Sleep(time.Second)
		if containers := s.stop()[0].Containers; containers != 2 {
			t.Errorf("%d containers", containers)
		}
		s.want("web", "app", "one", "meanwhile", "two")
	})
	bubble(t, "a condition that ceases with the pod", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		job, web := c.AddPod(sim.PodSpec{Name: "job", Policy: "Never"}), c.AddPod(sim.PodSpec{Name: "web"})
		var ended, gone atomic.Int32
		o := following()
		o.Condition = &pods.Condition{Type: "Ready", Status: "True"}
		o.Notify = func(e report.Event) {
			switch e.Kind {
			case report.PodEnded:
				ended.Add(1)
			case report.PodGone:
				gone.Add(1)
			}
		}
		c.Inject(sim.Fault{Verb: "log", Delay: 10 * time.Second}) // it has ended before its log comes
		s := start(t, o, c)
		time.Sleep(time.Second)
		write(t, job.Container("app"), "last")
		job.Container("app").Exit(1)
		write(t, web.Container("app"), "last")
		web.Delete(0)
		time.Sleep(time.Minute)
		if ended.Load() != 1 || gone.Load() != 1 {
			t.Errorf("%d pods ended, %d gone", ended.Load(), gone.Load())
		}
		s.stop()
		s.want("job", "app", "last")
	})
}

func TestHistory(t *testing.T) {
	bubble(t, "previous", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		web := c.AddPod(sim.PodSpec{Name: "web", Containers: []sim.ContainerSpec{{Name: "app"}, {Name: "steady"}}})
		write(t, web.Container("app"), "first life")
		write(t, web.Container("steady"), "x")
		web.Container("app").Restart()
		write(t, web.Container("app"), "second life")
		s := start(t, tail.Options{Tail: -1, Previous: true}, c)
		if got := (<-s.done)[0].Containers; got != 1 {
			t.Errorf("%d containers", got)
		}
		s.want("web", "app", "first life")
		s.want("web", "steady")
	})
	bubble(t, "between two times", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		begun := time.Now()
		for i := range 100 {
			write(t, app, fmt.Sprint(i))
			time.Sleep(100 * time.Millisecond)
		}
		o := tail.Options{Tail: -1, SinceTime: begun.Add(2450 * time.Millisecond), Until: begun.Add(2750 * time.Millisecond)}
		s := start(t, o, c)
		<-s.done
		s.want("web", "app", "25", "26", "27")
	})
	bubble(t, "until a time to come", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		c.AddPod(sim.PodSpec{Name: "quiet"})
		o := following()
		o.Until = time.Now().Add(2950 * time.Millisecond)
		s := start(t, o, c)
		for i := range 100 {
			write(t, app, fmt.Sprint(i))
			time.Sleep(time.Second)
		}
		<-s.done
		s.want("web", "app", "0", "1", "2")
	})
	bubble(t, "so many bytes", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		write(t, app, "abc", "def", "ghi")
		for limit, want := range map[int64][]string{1: {"a"}, 3: {"abc"}, 4: {"abc"}, 5: {"abc", "d"}, 100: {"abc", "def", "ghi"}} {
			s := start(t, tail.Options{Tail: -1, LimitBytes: limit}, c)
			<-s.done
			s.want("web", "app", want...)
		}
	})
	for _, tt := range []struct {
		name  string
		fault sim.Fault
		late  time.Duration
	}{
		{"watched", sim.Fault{Path: "none"}, 0},
		{"that can't be watched", sim.Fault{Verb: "watch", Status: 403}, tail.PollEvery},
		{"whose watch breaks", sim.Fault{Verb: "watch", After: 300 * time.Millisecond, End: sim.Abort}, tail.PollEvery},
	} {
		bubble(t, "a container that has yet to begin, "+tt.name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			c.Inject(tt.fault)
			web := c.AddPod(sim.PodSpec{Name: "web", Containers: []sim.ContainerSpec{{Name: "app", Hold: "ErrImagePull"}}})
			o := tail.Options{Tail: -1, Patience: 20 * time.Second}
			begun := time.Now()
			s := start(t, o, c)
			<-s.done
			if took := time.Since(begun); took < o.Patience || took > o.Patience+100*time.Millisecond {
				t.Errorf("gave up after %s", took)
			}
			begun = time.Now()
			s = start(t, o, c)
			time.Sleep(15 * time.Second)
			web.Container("app").Release()
			if got := (<-s.done)[0].Containers; got != 1 {
				t.Errorf("%d containers", got)
			}
			if late := time.Since(begun) - 15*time.Second; late > tt.late+100*time.Millisecond {
				t.Errorf("found after %s", late)
			}
			if s.logged() != "" {
				t.Error(s.logged())
			}
		})
	}
}
