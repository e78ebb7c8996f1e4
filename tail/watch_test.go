package tail_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mktail/tail"
	"mktail/testdata/sim"
)

// asked counts the requests of a verb.
func asked(c *sim.Cluster, verb string) (n int) {
	for _, q := range c.Requests() {
		if q.Verb == verb {
			n++
		}
	}
	return n
}

// A watch that ends cleanly is opened again at once, where it was: no pod comes late, however short-lived.
func TestWatchEndsCleanly(t *testing.T) {
	for _, life := range []time.Duration{1100 * time.Millisecond, 3 * time.Second, 8 * time.Second} {
		bubble(t, fmt.Sprint("after ", life), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			c.Inject(sim.Fault{Verb: "watch", After: life, End: sim.EOF})
			s := start(t, following(), c)
			time.Sleep(10 * time.Minute)
			for i := range 30 {
				pod := c.AddPod(sim.PodSpec{Name: fmt.Sprint("p", i)})
				write(t, pod.Container("app"), "x")
				time.Sleep(time.Second)
				if n := len(s.lines(fmt.Sprint("p", i), "app")); n != 1 {
					t.Errorf("p%d: %d lines after a second, want 1", i, n)
				}
				pod.Delete(0)
				time.Sleep(7 * time.Second)
			}
			if logged, want := s.logged(), "info: no container matches yet; waiting for one"; logged != want {
				t.Errorf("stderr: %s", logged)
			}
			if lists := asked(c, "list"); lists != 1 {
				t.Errorf("%d lists, want 1", lists)
			}
			s.stop()
		})
	}
}

// Where pods may be listed but not watched, they are listed again and again, which is reported once, until they can be watched.
func TestListWithoutWatch(t *testing.T) {
	for name, fault := range map[string]sim.Fault{
		"forbidden":         {Status: 403},
		"not implemented":   {Status: 501},
		"a gateway's 504":   {Status: 504},
		"unavailable":       {Status: 503},
		"ends at once":      {End: sim.EOF},
		"breaks at once":    {End: sim.Abort},
		"expired each time": {End: sim.Expire},
		"is not answered":   {Delay: time.Hour},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			fault.Verb = "watch"
			cannot := c.Inject(fault)
			write(t, c.AddPod(sim.PodSpec{Name: "early"}).Container("app"), "x")
			s := start(t, following(), c)
			time.Sleep(2 * time.Minute)
			for i := range 10 {
				pod := c.AddPod(sim.PodSpec{Name: fmt.Sprint("late-", i)})
				write(t, pod.Container("app"), "x")
				time.Sleep(time.Minute + 15*time.Second)
				if n := len(s.lines(pod.Name(), "app")); n != 1 {
					t.Errorf("%s: %d lines, want 1", pod.Name(), n)
				}
				pod.Delete(0)
			}
			time.Sleep(time.Minute)
			logged := s.logged()
			if n := strings.Count(logged, "eu: namespace default: pods cannot be watched: "); n != 1 {
				t.Errorf("reported %d times, want once:\n%s", n, logged)
			}
			if n := strings.Count(logged, "\n"); n > 2 {
				t.Errorf("stderr:\n%s", logged)
			}
			if lists, most := asked(c, "list"), 15*60/5; lists > most {
				t.Errorf("%d lists in 15 minutes, want at most %d", lists, most)
			}
			if lists := asked(c, "list"); lists < 10 {
				t.Errorf("%d lists in 15 minutes", lists)
			}
			cannot.Remove()
			time.Sleep(2 * time.Minute)
			before := asked(c, "list")
			time.Sleep(20 * time.Minute)
			if logged := s.logged(); !strings.HasSuffix(logged, "info: eu: namespace default: pods can be watched again") {
				t.Errorf("stderr:\n%s", logged)
			}
			if lists := asked(c, "list") - before; lists > 0 {
				t.Errorf("%d lists though pods can be watched", lists)
			}
			if summary := s.stop()[0]; summary.Failed != "" {
				t.Errorf("failed: %s", summary.Failed)
			}
		})
	}
}

// A watch that is opened again begins with old news. A pod that it tells of first may have been restarted since: its lines come in their
// order all the same, whatever its node's clock says.
func TestWatchTellsOldNews(t *testing.T) {
	for _, skew := range []time.Duration{0, -time.Hour, time.Hour} {
		bubble(t, skew.String(), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			c.Node("node-1").SetClock(skew)
			s := start(t, following(), c)
			time.Sleep(time.Minute)
			c.Down()
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			for i := range 4 {
				if i > 0 {
					app.Restart()
				}
				write(t, app, fmt.Sprint("instance ", i))
			}
			c.Inject(sim.Fault{Verb: "watch", Times: 1, Lines: 1, End: sim.Stall})
			if err := c.Up(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(15 * time.Minute)
			s.stop()
			s.want("web", "app", "instance 2", "instance 3") // the kubelet keeps one instance that has ended
		})
	}
}

// A list that does not go on after a page, for whatever reason, is read in one go.
func TestContinueFails(t *testing.T) {
	for name, f := range map[string]sim.Fault{
		"500": {Status: 500}, "403": {Status: 403}, "404": {Status: 404}, "504": {Status: 504, Page: "<html>Gateway timeout</html>\n"},
		"login page": {Page: "<html>log in</html>\n"}, "no answer": {Delay: 1000 * time.Hour}, "cut off": {Bytes: 10, End: sim.Cut},
	} {
		for _, page := range []int{2, 3} {
			bubble(t, fmt.Sprint(name, ", page ", page), func(t *testing.T) {
				c := simulated(t, sim.Options{MaxPage: 2})
				defer c.Close()
				for i := range 8 {
					write(t, c.AddPod(sim.PodSpec{Name: fmt.Sprint("p", i)}).Container("app"), "x")
				}
				var pages atomic.Int32
				f.Verb = "list"
				f.Match = func(q *sim.Request) bool {
					if q.Query.Get("continue") == "" {
						pages.Store(1)
						return false
					}
					return int(pages.Add(1)) >= page
				}
				c.Inject(f)
				s := start(t, following(), c)
				time.Sleep(2 * time.Minute)
				if got := len(s.records()); got != 8 || pages.Load() == 0 {
					t.Errorf("%d lines, want 8\n%s", got, s.logged())
				}
				s.stop()
			})
		}
	}
}

// A list whose continue tokens have always expired is read in one go.
func TestContinueExpired(t *testing.T) {
	for _, follow := range []bool{false, true} {
		bubble(t, fmt.Sprint("follow ", follow), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			for i := range tail.PageSize + 100 {
				write(t, c.AddPod(sim.PodSpec{Name: fmt.Sprint("p", i)}).Container("app"), "x")
			}
			expired := c.Inject(sim.Fault{Verb: "list", Status: 410, Match: func(q *sim.Request) bool { return q.Query.Get("continue") != "" }})
			s := start(t, tail.Options{Follow: follow, Tail: -1}, c)
			time.Sleep(time.Minute)
			if expired.Hits() == 0 {
				t.Error("no list was continued")
			}
			if lists := asked(c, "list"); lists > 3 {
				t.Errorf("%d lists, want 3", lists)
			}
			if got := len(s.records()); got != tail.PageSize+100 {
				t.Errorf("%d lines, want %d\n%s", got, tail.PageSize+100, s.logged())
			}
			s.stop()
		})
	}
	bubble(t, "and the whole list fails", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		for i := range tail.PageSize + 100 {
			write(t, c.AddPod(sim.PodSpec{Name: fmt.Sprint("p", i)}).Container("app"), "x")
		}
		c.Inject(sim.Fault{Verb: "list", Status: 410, Match: func(q *sim.Request) bool { return q.Query.Get("continue") != "" }})
		whole := c.Inject(sim.Fault{Verb: "list", Status: 500, Match: func(q *sim.Request) bool { return q.Query.Get("limit") == "" }})
		s := start(t, following(), c)
		time.Sleep(20 * time.Minute)
		if logged := s.logged(); strings.Count(logged, "eu: namespace default: ") != 1 {
			t.Errorf("stderr: %s", logged)
		}
		whole.Remove()
		time.Sleep(time.Minute)
		if got := len(s.records()); got != tail.PageSize+100 {
			t.Errorf("%d lines, want %d\n%s", got, tail.PageSize+100, s.logged())
		}
		s.stop()
	})
}
