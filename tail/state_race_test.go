package tail_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"mktail/tail/checkpoint"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// The state is saved at any moment while pods leave the selection and return, which takes followers up and ends them. This is for the
// race detector, in real time: in a bubble the state would be saved only while everything else waits.
func TestStateSavedAllTheTime(t *testing.T) {
	c, err := sim.Start(sim.Options{Name: "eu"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var pods []*sim.Pod
	for i := range 20 {
		p := c.AddPod(sim.PodSpec{Name: fmt.Sprint("web-", i), Labels: map[string]string{"app": "web"}})
		write(t, p.Container("app"), "x")
		pods = append(pods, p)
	}
	o := following()
	o.Labels = "app=web"
	if o.State, err = checkpoint.Open(t.TempDir()+"/state", 200*time.Microsecond, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	found, gone := make(chan struct{}, 1000), make(chan struct{}, 1000)
	o.Notify = func(e report.Event) {
		switch e.Kind {
		case report.PodFound:
			found <- struct{}{}
		case report.PodGone:
			gone <- struct{}{}
		}
	}
	s := start(t, o, c)
	all := func(told <-chan struct{}) {
		for range pods {
			<-told
		}
	}
	all(found)
	for i := range 10 {
		for _, p := range pods {
			write(t, p.Container("app"), fmt.Sprint("left ", i))
			p.SetLabels(map[string]string{"app": "old"})
		}
		all(gone)
		for _, p := range pods {
			write(t, p.Container("app"), fmt.Sprint("back ", i))
			p.SetLabels(map[string]string{"app": "web"})
		}
		all(found)
	}
	s.stop()
	for i := range pods {
		seen := make(map[string]int)
		for _, line := range s.lines(fmt.Sprint("web-", i), "app") {
			if seen[line]++; seen[line] > 1 {
				t.Errorf("web-%d: %s comes twice", i, line)
			}
		}
	}
}
