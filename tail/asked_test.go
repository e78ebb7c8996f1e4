package tail_test

import (
	"fmt"
	"testing"
	"time"

	"mktail/testdata/sim"
)

// An API server that can't tell anything of a single pod holds back no log: the watch tells of restarts.
func TestPodsThatCannotBeGot(t *testing.T) {
	for name, f := range map[string]sim.Fault{
		"500":             {Status: 500},
		"404 of a proxy":  {Status: 404, Page: "<html><body>Not found</body></html>\n"},
		"bad gateway":     {Status: 502, Page: "<html><body>Bad gateway</body></html>\n"},
		"login page":      {Page: "<!doctype html>\n<html>\n<body>log in</body>\n</html>\n"},
		"no answer":       {Delay: 1000 * time.Hour},
		"half an answer":  {Bytes: 10, End: sim.Stall},
		"connection lost": {Bytes: 10, End: sim.Reset},
	} {
		for _, noWatch := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%s, no watch %v", name, noWatch), func(t *testing.T) {
				c, app := web(t, sim.Options{})
				f.Verb = "get"
				f.Match = func(q *sim.Request) bool { return q.Resource == "pods" && q.Subresource == "" }
				c.Inject(f)
				if noWatch {
					c.Inject(sim.Fault{Verb: "watch", Status: 403})
				}
				s := start(t, following(), c)
				write(t, app, "one")
				time.Sleep(time.Minute)
				c.CutConnections()
				write(t, app, "two")
				time.Sleep(10 * time.Minute)
				app.Restart()
				write(t, app, "three")
				time.Sleep(10 * time.Minute)
				late := c.AddPod(sim.PodSpec{Name: "late"}).Container("app")
				write(t, late, "four")
				time.Sleep(10 * time.Minute)
				if gaps := s.stop()[0].Gaps; gaps > 0 {
					t.Errorf("%d gaps", gaps)
				}
				s.want("web", "app", "one", "two", "three")
				s.want("late", "app", "four")
			})
		}
	}
}
