package tail_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mktail/tail/follow"
	"mktail/testdata/sim"
)

const polled = "does not follow logs"

// A log that is polled is followed again when its node can do it.
func TestFollowedAgain(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.Node("node-1").SetKubelet(sim.Kubelet{NoInotify: true})
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, following(), c)
		want := steady(t, app, 200)
		c.Node("node-1").SetKubelet(sim.Kubelet{})
		want = append(want, steady(t, app, 1000)...)
		requests := 0
		c.Inject(sim.Fault{Verb: "log", Match: func(*sim.Request) bool { requests++; return false }})
		want = append(want, steady(t, app, 1000)...)
		time.Sleep(time.Second)
		s.stop()
		s.want("web", "app", want...)
		if logged := s.logged(); strings.Count(logged, "\n") > 0 || !strings.Contains(logged, polled+" (failed to create fsnotify watcher: too many open files)") {
			t.Errorf("stderr:\n%s", logged)
		}
		if requests > 0 {
			t.Errorf("%d requests", requests)
		}
	})
}

// Streams that end early on a node that follows logs do not make mktail poll.
func TestNotPolled(t *testing.T) {
	follows := func(q *sim.Request) bool { return q.Query.Get("follow") == "true" }
	for name, fault := range map[string]sim.Fault{
		"clean ends after some lines":       {Match: follows, Lines: 10, End: sim.EOF, Times: 9},
		"a clean end after a while":         {Match: follows, After: 3 * time.Second, End: sim.EOF},
		"a few clean ends at once":          {Match: follows, End: sim.EOF, Times: 4},
		"words of the kubelet, for a while": {Verb: "log", Insert: "unable to retrieve container logs for containerd://0", End: sim.EOF, Times: 5},
	} {
		fault.Verb = "log"
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			var want []string
			for i := range 70 {
				want = append(want, fmt.Sprint("before ", i))
				write(t, app, want[i])
				time.Sleep(time.Second)
			}
			c.Inject(fault)
			s := start(t, following(), c)
			want = append(want, steady(t, app, 300)...)
			time.Sleep(time.Minute)
			s.stop()
			s.want("web", "app", want...)
			if strings.Contains(s.logged(), polled) {
				t.Errorf("stderr:\n%s", s.logged())
			}
		})
	}
	bubble(t, "a status that lags behind", func(t *testing.T) {
		c := simulated(t, sim.Options{StatusLag: 15 * time.Second})
		defer c.Close()
		other := c.AddPod(sim.PodSpec{Name: "other"}).Container("app")
		write(t, other, "x")
		app := c.AddPod(sim.PodSpec{Name: "web", Policy: "Never"}).Container("app")
		s := start(t, following(), c)
		want := steady(t, app, 200)
		app.Exit(0)
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", want...)
		if s.logged() != "" {
			t.Errorf("stderr:\n%s", s.logged())
		}
	})
}

// A busy log of a node that does not follow is whole, and is asked for as rarely as any.
func TestPolledBusy(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.Node("node-1").SetKubelet(sim.Kubelet{NoFollow: true, NoSince: true})
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		requests := 0
		c.Inject(sim.Fault{Verb: "log", Match: func(*sim.Request) bool { requests++; return false }})
		s := start(t, following(), c)
		var want []string
		for i := range 20000 {
			want = append(want, fmt.Sprint("line ", i))
			write(t, app, want[i])
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(2 * follow.PollEvery)
		s.stop()
		s.want("web", "app", want...)
		if requests > 110 {
			t.Errorf("%d requests in 110 s", requests)
		}
	})
}

// A pod whose log is polled is deleted, and another of its name made: each is read once, and the log is not asked for again and again.
func TestPolledReplaced(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.Node("node-1").SetKubelet(sim.Kubelet{NoFollow: true})
		pod := c.AddPod(sim.PodSpec{Name: "web"})
		write(t, pod.Container("app"), "one")
		s := start(t, following(), c)
		time.Sleep(time.Minute)
		want := []string{"one"}
		for i := range 5 {
			time.Sleep(time.Duration(i) * 1300 * time.Millisecond) // at another moment between two polls
			pod.Delete(0)
			pod = c.AddPod(sim.PodSpec{Name: "web"})
			want = append(want, fmt.Sprint("again ", i))
			write(t, pod.Container("app"), want[len(want)-1])
			time.Sleep(time.Minute)
		}
		if logs := asked(c, "log"); logs > 400 {
			t.Errorf("%d log requests", logs)
		}
		s.stop()
		s.want("web", "app", want...)
	})
}

// A log of the previous instance that the node does not answer for holds a container up for seconds, and what is not read is reported.
func TestUnansweredPrevious(t *testing.T) {
	previous := func(q *sim.Request) bool { return q.Query.Get("previous") == "true" }
	for name, fault := range map[string]sim.Fault{
		"no headers":            {Match: previous, Delay: 24 * time.Hour},
		"no first line":         {Match: previous, End: sim.Stall},
		"no line after a first": {Match: previous, Lines: 1, End: sim.Stall},
	} {
		fault.Verb = "log"
		for _, rotated := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%s, rotated %v", name, rotated), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
				write(t, app, "an instance before")
				app.Restart()
				s := start(t, following(), c)
				want := steady(t, app, 50)
				time.Sleep(10 * time.Second)
				c.Inject(fault)
				c.CutConnections()
				write(t, app, "unread")
				if rotated {
					app.Rotate(0)
				} else {
					app.Restart()
				}
				want = append(want, steady(t, app, 50)...)
				time.Sleep(30 * time.Second)
				s.want("web", "app", want...)
				s.stop()
				if n := strings.Count(s.logged(), "lines may be missing"); n != 1 {
					t.Errorf("stderr:\n%s", s.logged())
				}
			})
		}
	}
}
