package tail_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"mktail/testdata/sim"
)

// Where pods have no UID, namespace and name stand in for it.
func TestPodsWithoutUID(t *testing.T) {
	bubble(t, "several, that come and go", func(t *testing.T) {
		c := simulated(t, sim.Options{NoUID: true})
		defer c.Close()
		write(t, c.AddPod(sim.PodSpec{Name: "a"}).Container("app"), "a")
		write(t, c.AddPod(sim.PodSpec{Name: "b"}).Container("app"), "b")
		write(t, c.AddPod(sim.PodSpec{Namespace: "shop", Name: "b"}).Container("app"), "shop")
		o := following()
		o.AllNamespaces = true
		s := start(t, o, c)
		time.Sleep(time.Second)
		var want []string
		for i := range 5 {
			pod := c.AddPod(sim.PodSpec{Name: "c"})
			time.Sleep(2 * time.Second)
			line := fmt.Sprint("c", i)
			write(t, pod.Container("app"), line)
			want = append(want, line)
			pod.Delete(0)
		}
		time.Sleep(time.Minute)
		c.CutConnections()
		c.Compact()
		write(t, c.Pod("default", "a").Container("app"), "a2")
		time.Sleep(time.Minute)
		summary := s.stop()[0]
		s.want("a", "app", "a", "a2")
		s.want("c", "app", want...)
		if got, want := s.pods(), "a b c shop/b"; got != want || summary.Gaps > 0 {
			t.Errorf("got %q, want %q, %d gaps\n%s", got, want, summary.Gaps, s.logged())
		}
	})
	bubble(t, "with a state", func(t *testing.T) {
		c := simulated(t, sim.Options{NoUID: true})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		a, b := c.AddPod(sim.PodSpec{Name: "a"}).Container("app"), c.AddPod(sim.PodSpec{Name: "b"}).Container("app")
		for i := range 3 {
			write(t, a, fmt.Sprint("a", i))
			write(t, b, fmt.Sprint("b", i))
			s := start(t, stateful(t, path), c)
			time.Sleep(time.Minute)
			s.stop()
			s.want("a", "app", fmt.Sprint("a", i))
			s.want("b", "app", fmt.Sprint("b", i))
		}
	})
}
