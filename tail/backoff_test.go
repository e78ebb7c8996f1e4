package tail

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"mktail/testdata/sim"
)

// Delays double up to the most, each between half and the whole of that by chance, and begin anew after a reset.
func TestBackoff(t *testing.T) {
	differ := map[time.Duration]bool{}
	for range 200 {
		var b backoff
		for round := range 2 {
			whole := firstDelay
			for try := range 12 {
				if got := b.delay(errors.New("x"), rand.N[time.Duration]); got < whole/2 || got >= whole {
					t.Fatalf("round %d, try %d: %v, want %v to %v", round, try, got, whole/2, whole)
				} else if try == 0 {
					differ[got] = true
				}
				whole = min(2*whole, mostDelay)
			}
			b.reset()
		}
	}
	if len(differ) < 100 {
		t.Errorf("400 first delays are only %d", len(differ))
	}
}

func TestBackoffSuggested(t *testing.T) {
	for _, tt := range []struct {
		name        string
		err         error
		least, most time.Duration
	}{
		{"none", nil, firstDelay / 2, firstDelay},
		{"longer", apierrors.NewTooManyRequests("later", 7), 7 * time.Second, 7 * time.Second},
		{"longer than the most", apierrors.NewTooManyRequests("later", 60), time.Minute, time.Minute},
		{"shorter", apierrors.NewTooManyRequests("later", 0), firstDelay / 2, firstDelay},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b backoff
			if got := b.delay(tt.err, rand.N[time.Duration]); got < tt.least || got > tt.most {
				t.Errorf("%v, want %v to %v", got, tt.least, tt.most)
			}
		})
	}
}

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
		s := start(t, follow(), c)
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
		s := start(t, follow(), c)
		time.Sleep(5 * time.Minute)
		s.stop()
		s.want("web", "app", "x")
		got := delays(c)
		if len(got) != failures+1 {
			t.Fatalf("delays %v", got)
		}
		whole := firstDelay
		for i, d := range got {
			if i == failures {
				whole = firstDelay
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
		s := start(t, follow(), c)
		for range 20 {
			time.Sleep(1500 * time.Millisecond)
			app.Restart()
		}
		write(t, app, "x")
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", "x")
		if said := s.said(); said != "" {
			t.Errorf("stderr: %s", said)
		}
	})
}
