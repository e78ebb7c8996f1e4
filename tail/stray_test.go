package tail

import (
	"testing"
	"testing/synctest"
	"time"

	"mktail/testdata/sim"
)

// What a kubelet serves as previous may be the log of a later instance than the API told of: then the rest of the earlier one
// can't be read any more, and nothing was rotated.
func TestLaterPrevious(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, following(), c)
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
		s.stop()
		s.want("web", "app", "one", "two", "three")
		const said = "warn: lines may be missing: web/app 2000-01-01T00:00:05.000000000Z 2000-01-01T00:00:07.000000000Z restarts missed"
		if s.said() != said || slow.Hits() != 1 {
			t.Errorf("%d slow answers; stderr: %s", slow.Hits(), s.said())
		}
	})
}
