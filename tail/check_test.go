package tail

import (
	"fmt"
	"testing"
	"time"

	"mktail/testdata/sim"
)

// A stream that has fallen silent is found soon although those of a dead node hang, and so does each look at their logs.
func TestSilentAmongDead(t *testing.T) {
	bubble(t, "one of 51", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		for i := range 50 {
			c.AddPod(sim.PodSpec{Name: fmt.Sprint("dead-", i)})
		}
		live := c.AddPod(sim.PodSpec{Name: "live"}).Container("app")
		s := start(t, follow(), c)
		time.Sleep(time.Second)
		c.Inject(sim.Fault{Verb: "log", Match: func(q *sim.Request) bool { return q.Pod != "live" }, End: sim.Stall})
		c.Inject(sim.Fault{Verb: "log", Pod: "live", Times: 1, Lines: 1, End: sim.Stall})
		c.CutConnections()
		time.Sleep(time.Second)
		write(t, live, "one", "two")
		time.Sleep(silence + silence/5 + 4*compareLimit)
		s.want("live", "app", "one", "two")
		s.stop()
	})
}
