package tail_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mktail/tail"
	"mktail/testdata/sim"
)

// ticks writes n lines to a container, one a second, and returns them.
func ticks(t *testing.T, c *sim.Container, what string, n int) (lines []string) {
	t.Helper()
	for i := range n {
		lines = append(lines, fmt.Sprint(what, " ", i))
		write(t, c, lines[i])
		time.Sleep(time.Second)
	}
	return lines
}

// steps are by how much a node's clock is set.
var steps = []time.Duration{
	-5 * time.Second, -time.Minute, -time.Hour, -72 * time.Hour, 5 * time.Second, time.Minute, time.Hour, 72 * time.Hour,
}

// A node's clock is set while a stream is open, which breaks later; and while none is open. Each line comes once, and no gap is reported.
func TestClockSteps(t *testing.T) {
	for _, step := range steps {
		for _, lines := range []int{3, 100} { // that come while no stream is open
			bubble(t, fmt.Sprintf("by %v while no stream is open, %d lines", step, lines), func(t *testing.T) {
				c, app := web(t, sim.Options{})
				s := start(t, following(), c)
				want := ticks(t, app, "before", 30)
				c.Down()
				want = append(want, ticks(t, app, "then", 2)...)
				c.Node("node-1").SetClock(step)
				want = append(want, ticks(t, app, "down", lines)...)
				c.Up()
				want = append(want, ticks(t, app, "after", 100)...)
				time.Sleep(time.Minute)
				s.exact(want)
			})
		}
		bubble(t, fmt.Sprintf("by %v on a stream that breaks later", step), func(t *testing.T) {
			c, app := web(t, sim.Options{})
			s := start(t, following(), c)
			want := ticks(t, app, "before", 60)
			c.Node("node-1").SetClock(step)
			want = append(want, ticks(t, app, "after", 20)...)
			c.CutConnections()
			want = append(want, ticks(t, app, "later", 20)...)
			c.Node("node-1").SetClock(0)
			want = append(want, ticks(t, app, "set back", 5)...)
			c.CutConnections()
			time.Sleep(time.Minute)
			want = append(want, ticks(t, app, "last", 5)...)
			time.Sleep(time.Minute)
			s.exact(want)
		})
		bubble(t, fmt.Sprintf("by %v and back while no stream is open", step), func(t *testing.T) {
			c, app := web(t, sim.Options{})
			s := start(t, following(), c)
			want := ticks(t, app, "before", 30)
			c.Down()
			c.Node("node-1").SetClock(step)
			want = append(want, ticks(t, app, "down", 40)...)
			c.Node("node-1").SetClock(0)
			want = append(want, ticks(t, app, "still", 3)...)
			c.Up()
			want = append(want, ticks(t, app, "after", 30)...)
			time.Sleep(time.Minute)
			s.exact(want)
		})
		bubble(t, fmt.Sprintf("by %v between two runs", step), func(t *testing.T) {
			c, app := web(t, sim.Options{})
			path := filepath.Join(t.TempDir(), "state")
			first := start(t, stateful(t, path), c)
			want := ticks(t, app, "first", 60)
			time.Sleep(time.Minute)
			first.stop()
			c.Node("node-1").SetClock(step)
			want = append(want, ticks(t, app, "between", 60)...)
			second := start(t, stateful(t, path), c)
			want = append(want, ticks(t, app, "second", 60)...)
			time.Sleep(time.Minute)
			gaps := second.stop()[0].Gaps
			got := append(first.lines("web", "app"), second.lines("web", "app")...)
			if fmt.Sprint(got) != fmt.Sprint(want) || gaps != 0 {
				t.Errorf("%d lines, want %d; %d gaps; stderr: %s", len(got), len(want), gaps, second.logged())
			}
		})
	}
}

// A node's clock is set back between two restarts of which nobody could tell: what was read before is not taken for lines of the last
// instance, which began earlier by that clock.
func TestClockSetBackBetweenRestarts(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		s := start(t, following(), c)
		want := ticks(t, app, "first", 10)
		c.Down()
		app.Restart()
		want = append(want, ticks(t, app, "second", 10)...)
		c.Node("node-1").SetClock(-time.Hour)
		app.Restart()
		want = append(want, ticks(t, app, "third", 10)...)
		if err := c.Up(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", want...)
		if n := strings.Count(s.logged(), "lines may be missing"); n != 1 || !strings.Contains(s.logged(), "restarts missed") { // of the first instance
			t.Errorf("%d gaps; stderr: %s", n, s.logged())
		}
	})
}

// exact ends a run and checks that the lines of its one container came once each, in order, without a gap.
func (s *session) exact(want []string) {
	s.t.Helper()
	s.exactOf("web", want)
}

// exactOf is exact for another pod's container "app".
func (s *session) exactOf(pod string, want []string) {
	s.t.Helper()
	summary := s.stop()[0]
	s.want(pod, "app", want...)
	if summary.Gaps != 0 {
		s.t.Errorf("%d gaps; stderr: %s", summary.Gaps, s.logged())
	}
}

// A stream that leaves lines out is found out whatever the node's clock says.
func TestLinesLeftOutBySkewedNode(t *testing.T) {
	for _, skew := range append(steps, 0) {
		bubble(t, skew.String(), func(t *testing.T) {
			c, app := web(t, sim.Options{SkipRotated: true})
			c.Node("node-1").SetClock(skew)
			s := start(t, following(), c)
			leaveOut(t, c, app)
			c.Thaw()
			time.Sleep(20 * time.Minute)
			if gaps := s.stop()[0].Gaps; gaps != 1 {
				t.Errorf("%d gaps; got %q; stderr: %s", gaps, s.lines("web", "app"), s.logged())
			}
		})
	}
}

// A second with more lines than are remembered, in which the log rotates and the stream is cut.
func TestBusySecond(t *testing.T) {
	for name, tt := range map[string]struct {
		before, between, after int // lines before the rotation, before the cut, and after it
		gaps                   int64
	}{
		"cut, not rotated":            {before: 100_000, after: 50_000},
		"rotated, then cut":           {before: 100_000, between: 80_000, after: 20_000},
		"rotated, then cut soon":      {before: 150_000, between: 10, after: 50_000},
		"rotated while it is cut off": {before: 150_000, after: 1000, gaps: 1},
	} {
		bubble(t, name, func(t *testing.T) {
			c, app := web(t, sim.Options{})
			s := start(t, following(), c)
			time.Sleep(time.Second)
			var want []string
			stamp := time.Now()
			burst := func(n int) {
				records := make([]sim.Record, n)
				for i := range records {
					stamp = stamp.Add(time.Microsecond)
					records[i] = sim.Record{Stamp: stamp, Text: fmt.Sprint("line ", len(want))}
					want = append(want, records[i].Text)
				}
				if err := app.Append(records...); err != nil {
					t.Fatal(err)
				}
			}
			burst(tt.before)
			time.Sleep(time.Millisecond)
			if tt.between > 0 {
				app.Rotate(0)
				burst(tt.between)
				time.Sleep(time.Millisecond)
			}
			c.Down()
			if tt.gaps > 0 {
				app.Rotate(0)
			}
			burst(tt.after)
			c.Up()
			time.Sleep(5 * time.Minute)
			if gaps := s.stop()[0].Gaps; gaps != tt.gaps {
				t.Errorf("%d gaps, want %d; stderr: %s", gaps, tt.gaps, s.logged())
			}
			got := s.lines("web", "app")
			if len(got) != len(want) {
				t.Fatalf("%d lines, want %d", len(got), len(want))
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("line %d is %q, want %q", i, got[i], want[i])
				}
			}
		})
	}
}

// A gateway ends each answer after some lines, cleanly or not. All lines are read on, without following, when a container ends, and while
// it runs.
func TestGatewayCutsAnswers(t *testing.T) {
	for _, end := range []sim.End{sim.EOF, sim.Abort} {
		for _, lines := range []int{100, 1000} { // of an answer
			for _, mode := range []string{"no follow", "ended", "running"} {
				bubble(t, fmt.Sprintf("%v after %d lines, %s", end, lines, mode), func(t *testing.T) {
					c := simulated(t, sim.Options{})
					defer c.Close()
					app := c.AddPod(sim.PodSpec{Name: "web", Policy: "Never"}).Container("app")
					var want []string
					stamp := time.Now()
					more := func(n int) {
						for range n {
							stamp = stamp.Add(time.Microsecond)
							want = append(want, fmt.Sprint("line ", len(want)))
							app.WriteStamped(stamp, want[len(want)-1])
						}
					}
					more(3 * lines)
					c.Inject(sim.Fault{Verb: "log", Lines: lines, End: end})
					if mode == "ended" {
						app.Exit(0)
					}
					o := following()
					if mode == "no follow" {
						o = tail.Options{Tail: -1}
					}
					s := start(t, o, c)
					if mode == "no follow" {
						<-s.done
						s.done <- nil
					} else {
						time.Sleep(10 * time.Minute)
						if mode == "running" {
							more(2 * lines)
							time.Sleep(10 * time.Minute)
						}
						if gaps := s.stop()[0].Gaps; gaps != 0 {
							t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
						}
					}
					s.want("web", "app", want...)
				})
			}
		}
	}
}

// A running container whose log takes many answers is read to its end without following, too.
func TestGatewayCutsManyAnswers(t *testing.T) {
	for _, lines := range []int{5, 100} {
		bubble(t, fmt.Sprint(lines), func(t *testing.T) {
			c, app := web(t, sim.Options{})
			var want []string
			stamp := time.Now()
			for i := range 50 * lines {
				stamp = stamp.Add(time.Millisecond)
				want = append(want, fmt.Sprint("line ", i))
				app.WriteStamped(stamp, want[i])
			}
			c.Inject(sim.Fault{Verb: "log", Lines: lines, End: sim.EOF})
			s := start(t, tail.Options{Tail: -1}, c)
			<-s.done
			s.want("web", "app", want...)
		})
	}
}
