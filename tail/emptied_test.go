package tail_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mktail/tail"
	"mktail/testdata/sim"
)

// loseRest has a log be rotated while its stream is broken, or a gateway has ended it, and nothing be written since. It returns the
// lines that can be read, and those that only the rotated file holds.
func loseRest(t *testing.T, c *sim.Cluster, app *sim.Container, gateway bool) (want, lost []string) {
	t.Helper()
	records := make([]sim.Record, 300)
	for i := range records {
		want = append(want, fmt.Sprint("line ", i))
		records[i] = sim.Record{Stamp: time.Now(), Text: want[i]}
	}
	burst := func(records []sim.Record) {
		if err := app.Append(records...); err != nil {
			t.Fatal(err)
		}
	}
	burst(records[:1])
	time.Sleep(5 * time.Second)
	if gateway {
		burst(records[1:])
	} else {
		burst(records[1:200])
		time.Sleep(time.Second)
		c.Down()
		burst(records[200:])
	}
	app.Rotate(0)
	time.Sleep(time.Second)
	if err := c.Up(); err != nil && !gateway {
		t.Fatal(err)
	}
	return want[:200], want[200:]
}

// What is lost as a log was rotated, and has nothing since, is reported before the next line comes, once, or read from the rotated file.
func TestEmptied(t *testing.T) {
	for i := range 16 {
		gateway, rotated, late, more := i%2 > 0, i/2%2 > 0, i/4%2 > 0, i/8 > 0
		bubble(t, fmt.Sprintf("gateway %v, --rotated %v, late headers %v, more %v", gateway, rotated, late, more), func(t *testing.T) {
			c, app := web(t, sim.Options{LateHeaders: late})
			if gateway {
				c.Inject(sim.Fault{Verb: "log", Delay: time.Second, Lines: 200, End: sim.EOF})
			}
			o := following()
			o.Rotated = rotated
			s := start(t, o, c)
			time.Sleep(2 * time.Second)
			want, lost := loseRest(t, c, app, gateway)
			wantGaps := int64(1)
			if rotated {
				want, wantGaps = append(want, lost...), 0
			}
			time.Sleep(time.Minute)
			if more {
				want = append(want, "more")
				write(t, app, "more")
				time.Sleep(time.Minute)
			}
			gaps := s.stop()[0].Gaps
			s.want("web", "app", want...)
			if gaps != wantGaps {
				t.Errorf("%d gaps, want %d; stderr: %s", gaps, wantGaps, s.logged())
			}
		})
	}
}

// It is reported once, too, if the instance ends, however soon, or its pod is deleted.
func TestEmptiedEnds(t *testing.T) {
	for _, after := range []time.Duration{0, 5 * time.Second, time.Minute} {
		for _, deleted := range []bool{false, true} {
			bubble(t, fmt.Sprintf("after %v, deleted %v", after, deleted), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				pod := c.AddPod(sim.PodSpec{Name: "web", Policy: "Never"})
				app := pod.Container("app")
				s := start(t, following(), c)
				time.Sleep(2 * time.Second)
				want, _ := loseRest(t, c, app, false)
				time.Sleep(after)
				if deleted {
					pod.Delete(0)
				} else {
					app.Exit(0)
				}
				time.Sleep(10 * time.Minute)
				gaps := s.stop()[0].Gaps
				s.want("web", "app", want...)
				if gaps != 1 {
					t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
				}
			})
		}
	}
}

// What was held back, as the stream broke within a line, is no line once the log holds nothing of it.
func TestEmptiedWithinLine(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		pod := c.AddPod(sim.PodSpec{Name: "web"})
		app := pod.Container("app")
		s := start(t, following(), c)
		write(t, app, "one")
		writePiece(t, app, true, "torn, ")
		time.Sleep(2 * time.Second)
		c.Down()
		writePiece(t, app, false, "its rest")
		app.Rotate(0)
		if err := c.Up(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		pod.Delete(0)
		time.Sleep(time.Minute)
		gaps := s.stop()[0].Gaps
		s.want("web", "app", "one")
		if gaps != 1 {
			t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
		}
	})
}

// A later run does not report again that the log holds nothing. If lines come between two runs, some may have been lost before them, too.
func TestEmptiedBetweenRuns(t *testing.T) {
	for _, follow := range []bool{true, false} {
		bubble(t, fmt.Sprintf("follow %v", follow), func(t *testing.T) {
			c, app := web(t, sim.Options{})
			path := filepath.Join(t.TempDir(), "state")
			run := func(wantGaps int64, want ...string) {
				t.Helper()
				o := tail.Options{Tail: -1, Follow: follow, State: openState(t, path)}
				s := start(t, o, c)
				time.Sleep(time.Minute)
				gaps := s.stop()[0].Gaps
				if got := s.lines("web", "app"); gaps != wantGaps || !slices.Equal(got, want) {
					t.Errorf("%d gaps, want %d; %d lines, want %d; stderr: %s", gaps, wantGaps, len(got), len(want), s.logged())
				}
			}
			write(t, app, "one")
			run(0, "one")
			write(t, app, "lost")
			app.Rotate(0)
			run(1)
			run(0)
			write(t, app, "lost, too")
			app.Rotate(0)
			write(t, app, "two")
			run(1, "two")
			run(0)
		})
	}
}

// A log that comes late, or in part, or of which the container's next instance has nothing yet, has lost nothing.
func TestNotEmptied(t *testing.T) {
	for name, fault := range map[string]sim.Fault{
		"nothing comes":        {End: sim.Stall},
		"answers are empty":    {End: sim.EOF, Times: 2},
		"the runtime is away":  {Insert: "unable to retrieve container logs for containerd://x\n", End: sim.EOF},
		"a web page":           {Page: "<html></html>"},
		"answers come late":    {Delay: 15 * time.Second},
		"it follows, but late": {Pause: 25 * time.Second, Match: func(q *sim.Request) bool { return q.Query.Get("follow") != "" }},
	} {
		for _, late := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%s, late headers %v", name, late), func(t *testing.T) {
				c, app := web(t, sim.Options{LateHeaders: late})
				s := start(t, following(), c)
				want := steady(t, app, 10)
				fault.Verb = "log"
				injected := c.Inject(fault)
				c.CutConnections()
				time.Sleep(2 * time.Minute)
				injected.Remove()
				time.Sleep(10 * time.Minute)
				want = append(want, steady(t, app, 10)...)
				time.Sleep(10 * time.Minute)
				s.exact(want)
			})
		}
	}
	for _, lag := range []time.Duration{0, time.Second, 40 * time.Second} {
		bubble(t, fmt.Sprint("restarted, which the API knows after ", lag), func(t *testing.T) {
			c, app := web(t, sim.Options{StatusLag: lag})
			s := start(t, following(), c)
			want := steady(t, app, 10)
			c.CutConnections()
			want = append(want, steady(t, app, 10)...)
			app.Restart()
			time.Sleep(2 * time.Minute)
			want = append(want, steady(t, app, 10)...)
			time.Sleep(time.Minute)
			s.exact(want)
		})
	}
}
