package tail_test

import (
	"fmt"
	"strings"
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
	for _, later := range []bool{false, true} {
		bubble(t, fmt.Sprintf("that has written within the second in which it began, and later %v", later), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			write(t, app, "one")
			s := start(t, following(), c)
			time.Sleep(time.Second)
			app.Restart() // an instance that writes nothing
			time.Sleep(1100 * time.Millisecond)
			asked := 0
			c.Inject(sim.Fault{Verb: "log", Times: 6, Status: 500, Match: func(q *sim.Request) bool {
				if q.Query.Get("previous") == "" {
					return false
				}
				if asked++; asked == 7 { // its log is asked for, but by now the kubelet serves the next one's
					app.Restart()
				}
				return true
			}})
			app.Restart()
			write(t, app, "two")
			want := []string{"one", "two"}
			if later {
				time.Sleep(4 * time.Second)
				write(t, app, "three")
				want = append(want, "three")
			}
			time.Sleep(5 * time.Minute)
			s.stop()
			s.want("web", "app", want...)
			// Where the gap begins depends on whether the watch or the end of the stream is first to tell of the restart.
			if !strings.Contains(s.said(), "2000-01-01T00:00:03.000000000Z restarts missed") || strings.Count(s.said(), "lines may be missing") != 1 {
				t.Errorf("stderr: %s", s.said())
			}
		})
	}
}
