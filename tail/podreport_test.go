package tail_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mktail/tail/report"
	"mktail/testdata/sim"
)

// The state of each pod is reported when it changes, and a failure once, if it was not there when the run began.
func TestPodStates(t *testing.T) {
	bubble(t, "wanted", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		old := c.AddPod(sim.PodSpec{Name: "old"})
		time.Sleep(time.Second)
		old.Container("app").Exit(7)
		time.Sleep(time.Minute)
		var mu sync.Mutex
		states := make(map[string][]string) // by pod, the last
		failures := make(map[string][]string)
		events := 0
		o := following()
		o.PodStates = true
		o.Notify = func(e report.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == report.PodState {
				events++
				states[e.Pod] = e.State
				failures[e.Pod] = append(failures[e.Pod], e.Failures...)
			}
		}
		s := start(t, o, c)
		time.Sleep(time.Minute)
		check := func(when, pod, line string, failed ...string) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if !slices.ContainsFunc(states[pod], func(l string) bool { return strings.Contains(l, line) }) || !slices.Equal(failures[pod], failed) {
				t.Errorf("%s: states %q, failures %q", when, states[pod], failures[pod])
			}
		}
		check("at first", "old", "1 restart; the previous instance exited with 7 (Error)")
		before := events
		old.SetLabels(map[string]string{"a": "b"})
		time.Sleep(time.Minute)
		if events != before {
			t.Errorf("%d events though no state changed", events-before)
		}
		old.Container("app").Exit(7)
		time.Sleep(10 * time.Minute)
		check("again", "old", "2 restarts", "app exited with 7 (Error)")
		c.AddPod(sim.PodSpec{Name: "new", Containers: []sim.ContainerSpec{{Name: "app", Hold: "ErrImagePull"}}})
		time.Sleep(time.Minute)
		check("a new one", "new", "container app: waiting: ErrImagePull")
		s.stop()
	})
	bubble(t, "not wanted", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.AddPod(sim.PodSpec{Name: "web"})
		o := following()
		o.Notify = func(e report.Event) {
			if e.Kind == report.PodState {
				t.Errorf("%v", e)
			}
		}
		s := start(t, o, c)
		time.Sleep(time.Minute)
		s.stop()
	})
}
