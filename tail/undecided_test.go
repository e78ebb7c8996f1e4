package tail_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mktail/tail"
	"mktail/tail/pods"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// An owner that can't be looked up holds up the pods that depend on it alone, until it can.
func TestOwnerThatFails(t *testing.T) {
	for name, fault := range map[string]sim.Fault{
		"an error":  {Status: 500},
		"no answer": {Delay: 1000 * time.Hour},
		"a break":   {End: sim.Abort},
	} {
		for _, late := range []bool{false, true} {
			bubble(t, fmt.Sprint(name, ", late: ", late), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				fault.Verb, fault.Path = "get", "/bad-1"
				failing := c.Inject(fault)
				web := c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "web"})
				o := following()
				o.Owners = ownersOf(t, "deploy/web")
				var s *session
				if late {
					s = start(t, o, c)
					time.Sleep(time.Minute)
				}
				bad := c.AddObject(sim.Object{Group: "apps", Kind: "ReplicaSet", Name: "bad-1", Owner: web})
				app := c.AddPod(sim.PodSpec{Name: "bad-1-a", Owner: bad}).Container("app")
				write(t, app, "b1")
				rollout(t, c, web, "1", "web-1-a")
				if !late {
					s = start(t, o, c)
				}
				time.Sleep(10 * time.Second)
				s.want("web-1-a", "app", "web-1-a")
				time.Sleep(30 * time.Minute)
				rollout(t, c, web, "2", "web-2-a")
				c.AddPod(sim.PodSpec{Name: "bad-1-b", Owner: bad})
				rollout(t, c, web, "3", "web-3-a")
				time.Sleep(time.Second)
				s.want("web-2-a", "app", "web-2-a")
				s.want("web-3-a", "app", "web-3-a")
				if n := strings.Count(s.logged(), "eu: owners of pods in namespace default: looking up ReplicaSet bad-1: "); n != 1 {
					t.Errorf("reported %d times, want once: %s", n, s.logged())
				}
				if strings.Contains(s.logged(), "connecting") {
					t.Errorf("stderr: %s", s.logged())
				}
				if n := failing.Hits(); n > 200 {
					t.Errorf("asked %d times in half an hour", n)
				}
				failing.Remove()
				write(t, app, "b2")
				time.Sleep(2 * time.Minute)
				write(t, app, "b3")
				time.Sleep(time.Second)
				s.want("bad-1-a", "app", "b1", "b2", "b3")
				if !strings.Contains(s.logged(), "eu: owners of pods in namespace default: readable again") {
					t.Errorf("stderr: %s", s.logged())
				}
				if summary := s.stop()[0]; summary.Failed != "" || summary.Gaps > 0 {
					t.Errorf("failed %q, %d gaps", summary.Failed, summary.Gaps)
				}
			})
		}
		bubble(t, name+", without following", func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			fault.Verb, fault.Path = "get", "/bad-1"
			c.Inject(fault)
			web := c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "web"})
			bad := c.AddObject(sim.Object{Group: "apps", Kind: "ReplicaSet", Name: "bad-1", Owner: web})
			write(t, c.AddPod(sim.PodSpec{Name: "bad-1-a", Owner: bad}).Container("app"), "b1")
			rollout(t, c, web, "1", "web-1-a")
			s := start(t, tail.Options{Tail: -1, Selection: pods.Selection{Owners: ownersOf(t, "deploy/web")}}, c)
			select {
			case summary := <-s.done:
				if !strings.Contains(summary[0].Failed, "looking up ReplicaSet bad-1: ") {
					t.Errorf("failed: %q", summary[0].Failed)
				}
			case <-time.After(10 * time.Minute):
				t.Error("it does not end")
				s.stop()
			}
			s.want("web-1-a", "app", "web-1-a")
		})
	}
}

// That it is not known whether a pod is selected is reported, and that it is known when it was found; what ends with all pods is to know.
func TestOwnerThatFailsIsReported(t *testing.T) {
	for name, then := range map[string]struct {
		do   func(c *sim.Cluster, failing *sim.Injected)
		want string
	}{
		"found":        {func(c *sim.Cluster, failing *sim.Injected) { failing.Remove() }, "pod-found web-1-a, pod-undecided bad-1-a, ready, pod-found bad-1-a, pod-decided bad-1-a"},
		"gone":         {func(c *sim.Cluster, failing *sim.Injected) { c.Pod("default", "bad-1-a").Delete(0) }, "pod-found web-1-a, pod-undecided bad-1-a, ready, pod-decided bad-1-a"},
		"listed again": {func(c *sim.Cluster, failing *sim.Injected) { failing.Remove(); c.Compact(); c.CutConnections() }, "pod-found web-1-a, pod-undecided bad-1-a, ready, pod-found bad-1-a, pod-decided bad-1-a"},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			failing := c.Inject(sim.Fault{Verb: "get", Path: "/bad-1", Status: 500})
			rollout(t, c, c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "web"}), "1", "web-1-a")
			rollout(t, c, c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "bad"}), "1", "bad-1-a")
			o := following()
			o.Owners = ownersOf(t, "deploy/web", "deploy/bad")
			var mu sync.Mutex
			var events []string
			o.Notify = func(e report.Event) {
				switch e.Kind {
				case report.PodFound, report.PodUndecided, report.PodDecided, report.Ready:
					mu.Lock()
					defer mu.Unlock()
					events = append(events, strings.TrimSpace(string(e.Kind)+" "+e.Pod))
				}
			}
			s := start(t, o, c)
			time.Sleep(time.Minute)
			then.do(c, failing)
			time.Sleep(5 * time.Minute)
			s.stop()
			slices.Sort(events[:min(2, len(events))]) // the two owners are looked up at the same time
			if got := strings.Join(events, ", "); got != then.want {
				t.Errorf("got %s, want %s", got, then.want)
			}
		})
	}
}

// A pod whose owner can't be looked up is forgotten when it is gone.
func TestOwnerThatFailsIsForgotten(t *testing.T) {
	bubble(t, "deleted", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		failing := c.Inject(sim.Fault{Verb: "get", Path: "/bad-1", Status: 500})
		bad := c.AddObject(sim.Object{Group: "apps", Kind: "ReplicaSet", Name: "bad-1"})
		o := following()
		o.Owners = ownersOf(t, "deploy/web")
		s := start(t, o, c)
		time.Sleep(time.Second)
		for i := range 3 {
			c.AddPod(sim.PodSpec{Name: fmt.Sprint("bad-1-", i), Owner: bad})
		}
		time.Sleep(time.Minute)
		for i := range 3 {
			c.Pod("default", fmt.Sprint("bad-1-", i)).Delete(0)
		}
		time.Sleep(time.Second)
		before := failing.Hits()
		time.Sleep(10 * time.Minute)
		if n := failing.Hits() - before; n > 0 || before == 0 {
			t.Errorf("asked %d times, and %d times after the pods were gone", before, n)
		}
		if failed := s.stop()[0].Failed; failed != "" {
			t.Errorf("failed: %s", failed)
		}
	})
}

// That the server does not tell which resources it has holds up nothing but what can't be decided without.
func TestDiscoveryThatFails(t *testing.T) {
	for name, fault := range map[string]sim.Fault{
		"an error":  {Status: 503},
		"no answer": {Delay: 1000 * time.Hour},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			fault.Path = "/apis"
			fault.Match = func(q *sim.Request) bool { return q.Resource == "" }
			failing := c.Inject(fault)
			web := c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "web"})
			rollout(t, c, web, "1", "web-1-a")
			rollout(t, c, c.AddObject(sim.Object{Group: "argoproj.io", Version: "v1alpha1", Kind: "Rollout", Name: "blue"}), "1", "blue-a")
			o := following()
			o.Owners = ownersOf(t, "deploy/web", "rollout/blue")
			s := start(t, o, c)
			time.Sleep(10 * time.Second)
			s.want("web-1-a", "app", "web-1-a")
			time.Sleep(10 * time.Minute)
			rollout(t, c, web, "2", "web-2-a")
			time.Sleep(time.Second)
			s.want("web-2-a", "app", "web-2-a")
			if n := strings.Count(s.logged(), "eu: owners of pods in namespace default: "); n != 1 {
				t.Errorf("reported %d times, want once: %s", n, s.logged())
			}
			failing.Remove()
			time.Sleep(3 * time.Minute)
			s.want("blue-a", "app", "blue-a")
			s.stop()
		})
	}
}

// Only so much is known of owners. What is forgotten before the pods that depend on it are decided is looked up again.
func TestOwnersThatAreForgotten(t *testing.T) {
	bubble(t, "by a slow watch", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		web := c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "web"})
		other := c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Name: "other"})
		o := following()
		o.Owners = ownersOf(t, "deploy/web")
		o.Notify = func(e report.Event) {
			if e.Kind == report.PodFound { // it is the watch that waits
				time.Sleep(10 * time.Minute)
			}
		}
		s := start(t, o, c)
		time.Sleep(time.Second)
		c.Inject(sim.Fault{Verb: "get", Path: "/replicasets/", Delay: time.Second})
		var wanted []string
		for i := range 2500 { // more than twice as many as are kept
			name, of := fmt.Sprint("other-", i), other
			if i%100 == 0 {
				name, of = fmt.Sprint("web-", i), web
				wanted = append(wanted, name)
			}
			rs := c.AddObject(sim.Object{Group: "apps", Kind: "ReplicaSet", Name: name, Owner: of})
			pod := c.AddPod(sim.PodSpec{Name: name, Owner: rs, Unscheduled: of == other})
			if of == web {
				write(t, pod.Container("app"), name)
			}
		}
		time.Sleep(24 * time.Hour)
		for _, name := range wanted {
			s.want(name, "app", name)
		}
		s.stop()
	})
}
