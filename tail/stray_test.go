package tail

import (
	"testing"
	"testing/synctest"
	"time"

	"mktail/testdata/sim"
)

// What a kubelet serves as previous may be the log of a later instance than the API told of: nothing is missing of one
// that was followed to its end.
func TestLaterPrevious(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, follow(), c)
		time.Sleep(5 * time.Second)
		write(t, app, "one")
		time.Sleep(time.Second)
		previous := func(q *sim.Request) bool { return q.Verb == "log" && q.Query.Get("previous") != "" }
		slow := c.Inject(sim.Fault{Match: previous, Times: 1, Delay: 2 * time.Second})
		app.Restart()
		write(t, app, "two")
		time.Sleep(time.Second / 2)
		app.Restart()
		write(t, app, "three")
		time.Sleep(5 * time.Minute)
		gaps := s.stop()[0].Gaps
		s.want("web", "app", "one", "two", "three")
		if gaps != 0 || slow.Hits() != 1 {
			t.Errorf("%d gaps, %d slow answers; stderr: %s", gaps, slow.Hits(), s.said())
		}
	})
}
