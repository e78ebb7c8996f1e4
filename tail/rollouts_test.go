package tail_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/tail"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// deployed gives a Deployment of one pod whose controller has seen a generation of it, and made that revision.
func deployed(name string, generation, observed int64, revision string) sim.Object {
	return sim.Object{Group: "apps", Kind: "Deployment", Name: name, Body: &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Generation: generation, Annotations: map[string]string{"deployment.kubernetes.io/revision": revision}},
		Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}},
		Status:     appsv1.DeploymentStatus{ObservedGeneration: observed, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1},
	}}
}

// newestOf has a run follow the newest revisions of these queries, and what it reports of rollouts goes to events.
func newestOf(t *testing.T, queries ...string) (o tail.Options, events func() string) {
	o = following()
	o.NewestRevision, o.Owners = true, ownersOf(t, queries...)
	var mu sync.Mutex
	var all []string
	o.Notify = func(e report.Event) {
		mu.Lock()
		defer mu.Unlock()
		switch e.Kind {
		case report.Rollout, report.RolloutGone:
			all = append(all, strings.TrimSpace(fmt.Sprint(e.Kind, " ", e.Workload, " ", e.Reason)))
		case report.PodFound, report.PodGone:
			all = append(all, fmt.Sprint(e.Kind, " ", e.Pod))
		}
	}
	return o, func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(all, "; ")
	}
}

// The pods of the newest revision are followed, and those of the next one as soon as there is one, whatever becomes of the requests.
func TestRollouts(t *testing.T) {
	for name, tt := range map[string]struct {
		fault sim.Fault
		late  time.Duration // until the next revision is followed
	}{
		"at once":                   {sim.Fault{Path: "none"}, time.Second},
		"the watch of pods is late": {sim.Fault{Verb: "watch", Path: "/pods", End: sim.Stall}, time.Second},
		"a list fails":              {sim.Fault{Verb: "list", Path: "/deployments", Status: 500, Times: 3}, time.Second},
		"a list of revisions fails": {sim.Fault{Verb: "list", Path: "/replicasets", Status: 500, Times: 3}, time.Second},
		"a list hangs":              {sim.Fault{Verb: "list", Path: "/deployments", Delay: time.Hour, Times: 1}, time.Second},
		"each watch fails":          {sim.Fault{Verb: "watch", Path: "/deployments", Status: 403}, 11 * time.Second},
		"a watch expires":           {sim.Fault{Verb: "watch", Path: "/deployments", Times: 2, End: sim.Expire}, time.Second},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			web := c.AddObject(deployed("web", 1, 1, "1"))
			rollout(t, c, c.AddObject(deployed("other", 1, 1, "2")), "2", "other-2")
			rollout(t, c, web, "1", "web-1")
			time.Sleep(time.Second)
			c.Inject(tt.fault)
			o, events := newestOf(t, "deploy/web")
			s := start(t, o, c)
			time.Sleep(8 * time.Second)
			s.want("web-1", "app", "web-1")
			c.AddObject(deployed("web", 2, 1, "1")) // which the controller has not seen
			write(t, c.Pod("default", "web-1").Container("app"), "and goes on")
			time.Sleep(time.Second)
			rollout(t, c, web, "2", "web-2")
			c.AddObject(deployed("web", 2, 2, "2"))
			time.Sleep(tt.late)
			write(t, c.Pod("default", "web-1").Container("app"), "of the old one")
			time.Sleep(time.Minute)
			s.stop()
			s.want("web-1", "app", "web-1", "and goes on")
			s.want("web-2", "app", "web-2")
			s.want("other-2", "app")
			if got := events(); !strings.HasPrefix(got, "pod-found web-1; rollout deployment/web; ") || !strings.Contains(got, "pod-gone web-1") || !strings.Contains(got, "pod-found web-2") {
				t.Errorf("events: %s\nstderr: %s", got, s.logged())
			}
		})
	}
	bubble(t, "started before the controller has seen the change", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		web := c.AddObject(deployed("web", 2, 1, "1"))
		rollout(t, c, web, "1", "web-1")
		o, events := newestOf(t, "deploy/web")
		s := start(t, o, c)
		time.Sleep(time.Minute)
		rollout(t, c, web, "2", "web-2")
		c.AddObject(deployed("web", 2, 2, "2"))
		time.Sleep(time.Second)
		c.DeleteObject("apps", "Deployment", "default", "web")
		time.Sleep(time.Second)
		s.stop()
		s.want("web-1", "app")
		s.want("web-2", "app", "web-2")
		if got, want := events(), "rollout deployment/web its last change has not been observed; pod-found web-2; rollout deployment/web; rollout-gone deployment/web"; got != want {
			t.Errorf("events: %s", got)
		}
	})
	bubble(t, "complete while the watch of pods is late", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		begun := deployed("web", 1, 1, "1")
		begun.Body.(*appsv1.Deployment).Status.UpdatedReplicas = 0
		web := c.AddObject(begun)
		rollout(t, c, web, "1")
		c.Inject(sim.Fault{Verb: "watch", Path: "/pods", End: sim.Stall})
		o, events := newestOf(t, "deploy/web")
		s := start(t, o, c)
		time.Sleep(time.Second)
		rollout(t, c, web, "1", "web-1")
		c.AddObject(deployed("web", 1, 1, "1"))
		time.Sleep(time.Second)
		s.stop()
		s.want("web-1", "app", "web-1")
		if got, want := events(), "rollout deployment/web 0 of 1 pods are of the newest revision; pod-found web-1; rollout deployment/web"; got != want {
			t.Errorf("events: %s", got)
		}
	})
	bubble(t, "complete while owners are looked up", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		rollout(t, c, c.AddObject(deployed("db", 1, 1, "1")), "1")
		begun := deployed("web", 1, 1, "1")
		begun.Body.(*appsv1.Deployment).Status.UpdatedReplicas = 0
		web := c.AddObject(begun)
		rollout(t, c, web, "1")
		c.Inject(sim.Fault{Verb: "watch", Path: "/pods", End: sim.Stall})
		c.Inject(sim.Fault{Verb: "get", Path: "/replicasets", Delay: 3 * time.Second})
		o, events := newestOf(t, "deploy/*")
		o.NewestRevision, o.Rollouts = false, true
		s := start(t, o, c)
		time.Sleep(time.Second)
		rollout(t, c, web, "1", "web-1")
		c.AddObject(deployed("web", 1, 1, "1"))
		time.Sleep(time.Second)
		c.AddObject(deployed("db", 2, 2, "1")) // which is no news
		time.Sleep(time.Minute)
		s.stop()
		if got := events(); !strings.HasSuffix(got, "pod-found web-1; rollout deployment/web") {
			t.Errorf("events: %s\nstderr: %s", got, s.logged())
		}
	})
	bubble(t, "back to the last but one, by pattern", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		web := c.AddObject(deployed("web", 2, 2, "2"))
		rollout(t, c, web, "1", "web-1")
		rollout(t, c, web, "2", "web-2")
		o, _ := newestOf(t, "deploy/w*")
		s := start(t, o, c)
		time.Sleep(time.Second)
		s.want("web-2", "app", "web-2")
		c.AddObject(sim.Object{Group: "apps", Kind: "ReplicaSet", Name: "web-1", Owner: web, Body: &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
			Labels: map[string]string{"app": "web", "pod-template-hash": "1"}, Annotations: map[string]string{"deployment.kubernetes.io/revision": "3"}}}})
		c.AddObject(deployed("web", 3, 3, "3"))
		time.Sleep(time.Second)
		write(t, c.Pod("default", "web-2").Container("app"), "no longer")
		time.Sleep(time.Second)
		s.stop()
		s.want("web-1", "app", "web-1")
		s.want("web-2", "app", "web-2")
	})
}
