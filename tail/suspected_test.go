package tail_test

import (
	"fmt"
	"testing"
	"time"

	"mktail/tail/follow"
	"mktail/testdata/sim"
)

// The first line after a pause is not held up by what is asked to see whether the stream has left lines out, nor does a
// healthy stream end with that. If it has left lines out, that is reported when it is known.
func TestDoubt(t *testing.T) {
	for name, fault := range map[string]sim.Fault{
		"no fault":        {Times: 1, Skip: 1000},
		"stall":           {End: sim.Stall},
		"frozen":          {End: sim.Freeze}, // which has silent streams opened again
		"refused":         {Status: 503},
		"headers late":    {Delay: 10 * time.Second},
		"headers minutes": {Delay: 10 * time.Minute},
	} {
		fault.Verb, fault.Times = "log", 3
		fault.Match = func(r *sim.Request) bool { return r.Query.Get("follow") == "" }
		for _, own := range []int{1000, -1} {
			bubble(t, fmt.Sprintf("%s, own streams %d", name, own), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
				o := following()
				o.OwnStreams = own
				s := start(t, o, c)
				time.Sleep(time.Second)
				write(t, app, "one")
				time.Sleep(10 * time.Second)
				c.Inject(fault)
				write(t, app, "two")
				time.Sleep(follow.JumpLimit + time.Second)
				s.want("web", "app", "one", "two")
				time.Sleep(30 * time.Minute)
				write(t, app, "three")
				time.Sleep(time.Minute)
				s.want("web", "app", "one", "two", "three")
				if summary := s.stop()[0]; summary.Gaps != 0 || summary.Reconnects != 0 && fault.End != sim.Freeze {
					t.Errorf("%d gaps, %d reconnects; stderr: %s", summary.Gaps, summary.Reconnects, s.logged())
				}
			})
		}
		bubble(t, name+", with a gap", func(t *testing.T) {
			c := simulated(t, sim.Options{SkipRotated: true})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			s := start(t, following(), c)
			leaveOut(t, c, app)
			c.Inject(fault)
			c.Thaw()
			time.Sleep(20 * time.Minute)
			write(t, app, "four")
			time.Sleep(time.Minute)
			s.want("web", "app", "one", "two", "three", "four")
			if gaps := s.stop()[0].Gaps; gaps != 1 {
				t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
			}
		})
	}
}

// leaveOut has a cluster that skips rotated files send "one", and leave out what comes between "two" and "three" once it is thawed.
func leaveOut(t *testing.T, c *sim.Cluster, app *sim.Container) {
	t.Helper()
	time.Sleep(time.Second)
	write(t, app, "one")
	time.Sleep(10 * time.Second)
	c.Freeze()
	write(t, app, "two") // which the server can't send
	time.Sleep(2 * time.Second)
	app.Rotate(0)
	write(t, app, "lost")
	time.Sleep(2 * time.Second)
	app.Rotate(0)
	write(t, app, "three")
}

// With --rotated a line waits until it is known, or else the log is opened anew, but not again and again. The stream of that shows that no
// line was left out, whatever becomes of the log later.
func TestDoubtRotated(t *testing.T) {
	for name, fault := range map[string]sim.Fault{
		"refused":   {Status: 503},
		"cut short": {End: sim.EOF},
		"broken":    {End: sim.Abort},
		"stall":     {End: sim.Stall},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			o := following()
			o.Rotated = true
			s := start(t, o, c)
			time.Sleep(time.Second)
			write(t, app, "one")
			time.Sleep(10 * time.Second)
			fault.Verb = "log"
			fault.Match = func(r *sim.Request) bool { return r.Query.Get("follow") == "" }
			refused := c.Inject(fault)
			write(t, app, "two")
			time.Sleep(3 * follow.CompareLimit)
			s.want("web", "app", "one", "two")
			app.Rotate(0)
			refused.Remove()
			time.Sleep(5 * time.Minute)
			if summary := s.stop()[0]; summary.Reconnects > 1 || summary.Gaps != 0 {
				t.Errorf("%d reconnects, %d gaps; stderr: %s", summary.Reconnects, summary.Gaps, s.logged())
			}
		})
	}
}
