package tail_test

import (
	"testing"
	"time"

	"mktail/tail/kube"
	"mktail/testdata/sim"
)

// delays are the times between a stream's tries.
func delays(c *sim.Cluster) (all []time.Duration) {
	var last time.Time
	for _, q := range c.Requests() {
		if q.Verb != "log" {
			continue
		}
		if !last.IsZero() {
			all = append(all, q.Begin.Sub(last))
		}
		last = q.Begin
	}
	return all
}

// A server that asks for a time to wait before a log is asked for again has its way; and a stream that was open, and
// brought something, ends the doubling.
func TestStreamBackoff(t *testing.T) {
	bubble(t, "Retry-After", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.Inject(sim.Fault{Verb: "log", Status: 429, RetryAfter: 20, Times: 2})
		write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "x")
		s := start(t, following(), c)
		time.Sleep(5 * time.Minute)
		s.stop()
		s.want("web", "app", "x")
		got := delays(c)
		if len(got) != 2 {
			t.Fatalf("delays %v", got)
		}
		for _, d := range got {
			if d < 20*time.Second || d > 21*time.Second {
				t.Errorf("delays %v", got)
			}
		}
	})
	bubble(t, "begins anew", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		const failures = 6
		c.Inject(sim.Fault{Verb: "log", Status: 500, Times: failures})
		c.Inject(sim.Fault{Verb: "log", Skip: failures, Times: 1, Lines: 1, End: sim.Abort})
		write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "x")
		s := start(t, following(), c)
		time.Sleep(5 * time.Minute)
		s.stop()
		s.want("web", "app", "x")
		got := delays(c)
		if len(got) != failures+1 {
			t.Fatalf("delays %v", got)
		}
		whole := kube.FirstDelay
		for i, d := range got {
			if i == failures {
				whole = kube.FirstDelay
			}
			if d < whole/2 || d >= whole {
				t.Errorf("delay %d is %v, want %v to %v", i, d, whole/2, whole)
			}
			whole *= 2
		}
	})
}

// Instances that say nothing are read to their ends one after another, however many: none waits for what the one before
// has waited.
func TestBackoffOfInstances(t *testing.T) {
	bubble(t, "a crash loop", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, following(), c)
		for range 20 {
			time.Sleep(1500 * time.Millisecond)
			app.Restart()
		}
		write(t, app, "x")
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", "x")
		if logged := s.logged(); logged != "" {
			t.Errorf("stderr: %s", logged)
		}
	})
}
