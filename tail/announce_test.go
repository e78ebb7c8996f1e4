package tail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mktail/testdata/sim"
)

// A container goes when it has ended for good, though its pod lives on, and when it is left; not when it is
// restarted, which has a message of its own.
func TestAnnounce(t *testing.T) {
	bubble(t, "who comes and goes", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		two := func(i int) (string, bool) { return fmt.Sprint("line ", i), i < 2 }
		o := following()
		o.Announce, o.Labels = true, "app=web"
		labels := map[string]string{"app": "web"}
		web := c.AddPod(sim.PodSpec{Name: "web", Labels: labels, Containers: []sim.ContainerSpec{{Name: "prepare", Init: true, Lines: two}, {Name: "app"}}})
		s := start(t, o, c)
		logged := func(want ...string) {
			t.Helper()
			time.Sleep(time.Minute)
			for i := range want {
				if begin := want[i][:2]; begin == "+ " || begin == "- " {
					want[i] = begin + "eu: default/" + want[i][2:]
				}
				want[i] = "info: " + want[i]
			}
			got := strings.Split(s.logged(), "\n")
			slices.Sort(got) // who comes while another goes may do so before
			slices.Sort(want)
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got %q, want %q", got, want)
			}
			s.mu.Lock()
			s.stderr.Reset()
			s.mu.Unlock()
		}
		logged("+ web/prepare", "web/prepare ended: exit 0, Completed", "- web/prepare", "+ web/app")
		web.Container("app").Restart()
		logged("web/app restarted (1st time): exit 1, Error")
		stalled := make(chan struct{})
		s.mu.Lock()
		s.gate = stalled
		s.mu.Unlock()
		write(t, web.Container("app"), "last words")
		web.Container("app").Restart()
		logged() // before its last line
		close(stalled)
		logged("web/app restarted (2nd time): exit 1, Error")
		web.AddEphemeral(sim.ContainerSpec{Name: "debug", Lines: two})
		logged("+ web/debug", "web/debug ended: exit 0, Completed", "- web/debug")
		web.SetLabels(nil)
		logged("- web/app")
		job := c.AddPod(sim.PodSpec{Name: "job", Policy: "OnFailure", Labels: labels, Containers: []sim.ContainerSpec{{Name: "app"}, {Name: "side"}}})
		time.Sleep(time.Second)
		logged("+ job/app", "+ job/side")
		job.Container("app").Exit(1)
		logged("job/app restarted (1st time): exit 1, Error")
		gate := make(chan struct{})
		s.mu.Lock()
		s.gate = gate
		s.mu.Unlock()
		write(t, job.Container("app"), "last line")
		job.Container("app").Exit(0)
		logged()
		close(gate)
		logged("job/app ended: exit 0, Completed", "- job/app")
		job.Delete(0)
		logged("- job/side")
		s.stop()
		logged()
	})
	bubble(t, "of which cluster and namespace", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		o := following()
		o.Announce, o.ShowClusters, o.ShowNamespaces = true, true, true
		web := c.AddPod(sim.PodSpec{Name: "web"})
		s := start(t, o, c)
		time.Sleep(time.Minute)
		web.Container("app").Restart()
		time.Sleep(time.Minute)
		if got := s.logged(); !strings.Contains(got, "info: eu: default/web/app restarted (1st time): exit 1, Error") {
			t.Errorf("got %q", got)
		}
		s.stop()
	})
}
