package tail_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mktail/tail/report"
	"mktail/testdata/sim"
)

// A run with --until-time ends when all that was written before has come: streams that are broken, being opened, or silent then are
// waited for.
func TestUntilBrokenStreams(t *testing.T) {
	down := func(c *sim.Cluster) (up func()) {
		c.Down()
		return func() { c.Up() }
	}
	fault := func(f sim.Fault) func(*sim.Cluster) func() {
		return func(c *sim.Cluster) (up func()) {
			in := c.Inject(f)
			c.CutConnections()
			return in.Remove
		}
	}
	for name, br := range map[string]func(*sim.Cluster) (up func()){
		"refused":            fault(sim.Fault{Verb: "log", Status: 503}),
		"silent":             fault(sim.Fault{Verb: "log", Delay: 5 * time.Second}),
		"silent for long":    fault(sim.Fault{Verb: "log", Delay: 25 * time.Second}),
		"the pod is unknown": fault(sim.Fault{Verb: "get", Path: "pods", Status: 500}),
		"away":               down,
		"stalls without an end": func(c *sim.Cluster) (up func()) {
			c.Freeze()
			return c.Thaw
		},
	} {
		for _, for_ := range []time.Duration{4 * time.Second, 20 * time.Second} {
			bubble(t, fmt.Sprint(name, " for ", for_), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
				c.AddPod(sim.PodSpec{Name: "quiet"})
				o := following()
				o.Until = time.Now().Add(time.Minute)
				s := start(t, o, c)
				var want []string
				for time.Until(o.Until) > 0 {
					want = append(want, fmt.Sprint(len(want)))
					write(t, app, want[len(want)-1])
					time.Sleep(time.Second / 2)
					if len(want) == 114 {
						up := br(c)
						time.AfterFunc(for_, up)
					}
				}
				for range 4 {
					write(t, app, "later")
					time.Sleep(time.Second)
				}
				summary := (<-s.done)[0]
				s.want("web", "app", want...)
				if late := time.Since(o.Until); late > 70*time.Second || summary.Gaps > 0 || summary.Failed != "" {
					t.Errorf("ended %s late: %+v; stderr: %s", late, summary, s.logged())
				}
			})
		}
	}
}

// What can't be read a minute after --until-time is reported, and the run ends.
func TestUntilUnreadable(t *testing.T) {
	for name, tt := range map[string]struct {
		fault sim.Fault
		gap   bool
	}{
		"refused":      {sim.Fault{Verb: "log", Status: 503}, true},
		"silent":       {sim.Fault{Verb: "log", Delay: time.Hour}, true},
		"away":         {sim.Fault{Status: 503}, true},
		"never listed": {sim.Fault{Verb: "list", Delay: time.Hour}, false},
	} {
		bubble(t, name, func(t *testing.T) {
			c, other := simulated(t, sim.Options{}), simulated(t, sim.Options{Name: "us"})
			defer c.Close()
			defer other.Close()
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			write(t, other.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "x")
			write(t, app, "one")
			if !tt.gap {
				c.Inject(tt.fault)
			}
			o := following()
			o.Until = time.Now().Add(time.Minute)
			var cause report.GapCause
			o.Notify = func(e report.Event) {
				if e.Kind == report.GapFound {
					cause = e.Cause
				}
			}
			s := start(t, o, c, other)
			time.Sleep(30 * time.Second)
			if tt.gap {
				c.Inject(tt.fault)
				c.CutConnections()
			}
			write(t, app, "two")
			got := <-s.done
			if late := time.Since(o.Until); late > 70*time.Second || (got[0].Gaps == 1) != tt.gap || (cause == report.UntilUnread) != tt.gap {
				t.Errorf("ended %s late: %+v, %s", late, got[0], cause)
			}
			if got[0].Failed == "" || got[1].Failed != "" || got[1].Gaps > 0 {
				t.Errorf("%+v", got)
			}
			if logged := s.logged(); strings.Count(logged, "retrying") > 2 || tt.gap != strings.Contains(logged, "missing: web/app") {
				t.Errorf("stderr: %s", logged)
			}
		})
	}
}

// A slow reader of the output is waited for, and no line of it is a gap.
func TestUntilStalledOutput(t *testing.T) {
	bubble(t, "stalled", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		o := following()
		o.Until = time.Now().Add(time.Minute)
		s := start(t, o, c)
		gate := make(chan struct{})
		s.mu.Lock()
		s.gate = gate
		s.mu.Unlock()
		var want []string
		for i := range 3000 {
			want = append(want, fmt.Sprint(i, strings.Repeat("x", 1000)))
			write(t, app, want[i])
		}
		time.Sleep(10 * time.Minute)
		close(gate)
		if summary := (<-s.done)[0]; summary.Gaps > 0 || summary.Failed != "" {
			t.Errorf("%+v", summary)
		}
		if got := s.lines("web", "app"); len(got) != len(want) {
			t.Errorf("%d lines of %d", len(got), len(want))
		}
	})
}

// A container whose node's clock is behind may write without a pause: what it wrote before --until-time is read then.
func TestUntilClocks(t *testing.T) {
	for _, skew := range []time.Duration{-24 * time.Hour, -time.Hour, -time.Minute, 0} {
		bubble(t, fmt.Sprint(skew), func(t *testing.T) {
			c := simulated(t, sim.Options{Now: func() time.Time { return time.Now().Add(skew) }})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			o := following()
			o.Until = time.Now().Add(time.Minute)
			s := start(t, o, c)
			n := 0
			for done := false; !done && time.Since(o.Until) < 2*time.Minute; {
				write(t, app, fmt.Sprint(n))
				n++
				select {
				case summary := <-s.done:
					done = true
					if late := time.Since(o.Until); late > 10*time.Second || summary[0].Gaps > 0 || summary[0].Failed != "" {
						t.Errorf("ended %s late: %+v; stderr: %s", late, summary, s.logged())
					}
					if got := len(s.lines("web", "app")); got < 60 || got > n {
						t.Errorf("%d lines", got)
					}
					return
				case <-time.After(time.Second):
				}
			}
			t.Error("it does not end")
			s.stop()
		})
	}
}

// What was written while no stream was open, and rotated away, is reported though the log is empty at --until-time.
func TestUntilRotatedAway(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		o := following()
		o.Until = time.Now().Add(time.Minute)
		s := start(t, o, c)
		want := ticks(t, app, "before", 5)
		c.Down()
		ticks(t, app, "lost", 5)
		app.Rotate(0)
		c.Up()
		if gaps := (<-s.done)[0].Gaps; gaps != 1 {
			t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
		}
		s.want("web", "app", want...)
	})
}

// A container has restarted, and its new instance has an empty log: the run ends when the instances before are read as well, or reports them.
func TestUntilPreviousUnread(t *testing.T) {
	for _, limit := range []time.Duration{8 * time.Second, time.Hour} {
		bubble(t, fmt.Sprint("the previous log comes after ", limit), func(t *testing.T) {
			c, app := web(t, sim.Options{})
			o := following()
			o.Until = time.Now().Add(5 * time.Second)
			s := start(t, o, c)
			time.Sleep(time.Second)
			write(t, app, "one")
			time.Sleep(time.Second)
			c.Inject(sim.Fault{Verb: "log", Delay: limit, Match: func(q *sim.Request) bool { return q.Query.Get("previous") == "true" }})
			c.CutConnections()
			write(t, app, "two")
			app.Restart()
			summary := (<-s.done)[0]
			want, gaps := []string{"one", "two"}, int64(0)
			if limit > time.Minute {
				want, gaps = want[:1], 1
			}
			if s.want("web", "app", want...); summary.Gaps != gaps {
				t.Errorf("%d gaps; stderr: %s", summary.Gaps, s.logged())
			}
		})
	}
}

// Where it can't be found out how a log ends, the run does not wait for it as long as lines come: by a node's clock they may be earlier
// for hours.
func TestUntilUnknownEnd(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		c.Node("node-1").SetClock(-3 * time.Hour)
		c.Inject(sim.Fault{Verb: "log", Match: func(q *sim.Request) bool { return q.Query.Get("follow") != "true" }, Status: 500})
		o := following()
		o.Until = time.Now().Add(10 * time.Second)
		s := start(t, o, c)
		ticks(t, app, "line", 200)
		if gaps := s.stop()[0].Gaps; gaps != 1 || !strings.Contains(s.logged(), "lines may be missing") {
			t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
		}
	})
}
