package tail_test

import (
	"fmt"
	"runtime"
	"testing"

	"mktail/testdata/sim"
)

// After a run over sockets no goroutine of it is left, nor any of the connections that it had; see also the bubbles, which end
// with none, over connections in memory.
func TestNoGoroutineIsLeft(t *testing.T) {
	run := func(t *testing.T, own int) {
		c, err := sim.Start(sim.Options{Name: "eu"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var apps []*sim.Container
		for i := range 10 {
			apps = append(apps, c.AddPod(sim.PodSpec{Name: fmt.Sprint("web-", i)}).Container("app"))
		}
		o := following()
		o.OwnStreams, o.Rotated = own, true
		s := start(t, o, c)
		round := func() {
			for _, app := range apps {
				write(t, app, "x")
				if err := app.CaughtUp(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		round()
		c.CutConnections()
		round()
		c.Inject(sim.Fault{Verb: "log", End: sim.Stall})
		c.CutConnections()
		if err := c.Wait(t.Context(), func(now sim.Stats) bool { return now.OpenLogs == len(apps) }); err != nil {
			t.Fatal(err)
		}
		s.stop()
	}
	for name, own := range map[string]int{"a connection each": 1000, "shared": -1, "both": 3} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			run(t, own)
			for runtime.NumGoroutine() > before { // the last to go are those of closed connections, also of the server
				runtime.Gosched()
			}
		})
	}
}
