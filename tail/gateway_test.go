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

// A log whose clock is set back, behind a gateway that ends each answer early, has not been rotated as long as it begins with the same
// line: what was read last is in it, after what the gateway lets through. It is found however much has come since, though the stamps tell
// nothing.
func TestClockSetBackBehindGateway(t *testing.T) {
	for _, lines := range []int{150, 250, 720} {
		for _, later := range []int{5, 300} { // in a burst
			for _, cut := range []bool{false, true} {
				bubble(t, fmt.Sprintf("%d lines, then %d, cut: %v", lines, later, cut), func(t *testing.T) {
					c := simulated(t, sim.Options{})
					defer c.Close()
					app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
					var want []string
					put := func(prefix string, n int, back time.Duration) {
						for i := range n {
							want = append(want, fmt.Sprint(prefix, i))
							app.WriteStamped(time.Now().Add(time.Duration(i)*time.Microsecond-back), want[len(want)-1])
						}
					}
					put("old ", lines, 0)
					c.Inject(sim.Fault{Verb: "log", Lines: 200, End: sim.EOF})
					s := start(t, following(), c)
					time.Sleep(3500 * time.Millisecond)
					put("new ", 19, 350*time.Second)
					for range 3 {
						time.Sleep(5 * time.Second)
						if cut {
							c.Down()
							time.Sleep(2 * time.Second)
							if err := c.Up(); err != nil {
								t.Fatal(err)
							}
						}
						put(fmt.Sprint(time.Now().Second(), " later "), later, 350*time.Second)
					}
					time.Sleep(20 * time.Minute)
					s.exact(want)
				})
			}
		}
	}
}

// Between two runs a log is rotated, or a clock is set back, behind such a gateway. The next run knows which by what the log began with.
func TestRunsBehindGateway(t *testing.T) {
	for _, rotated := range []bool{false, true} {
		bubble(t, fmt.Sprintf("rotated %v", rotated), func(t *testing.T) {
			c, app := web(t, sim.Options{})
			c.Inject(sim.Fault{Verb: "log", Lines: 200, End: sim.EOF})
			path := filepath.Join(t.TempDir(), "state")
			var want, got []string
			put := func(prefix string, n int) {
				for i := range n {
					want = append(want, fmt.Sprint(prefix, i))
					write(t, app, want[len(want)-1])
					time.Sleep(time.Millisecond)
				}
			}
			run := func() (gaps int64) {
				s := start(t, stateful(t, path), c)
				time.Sleep(20 * time.Minute)
				gaps = s.stop()[0].Gaps
				got = append(got, s.lines("web", "app")...)
				return gaps
			}
			put("old ", 250)
			gaps := run()
			wantGaps := int64(0)
			if rotated {
				app.Rotate(0)
				wantGaps = 1 // that this came just after what was read is not known
			} else {
				c.Node("node-1").SetClock(-time.Hour)
			}
			put("new ", 300)
			if gaps += run(); gaps != wantGaps || !slices.Equal(got, want) {
				t.Errorf("%d lines of %d, %d gaps", len(got), len(want), gaps)
			}
		})
	}
}

// What was read last is known to lie in a rotated file: behind such a gateway the log is read from its first line on, and not searched for
// what it can't have.
func TestFilesBehindGateway(t *testing.T) {
	stamp := len("2000-01-01T00:00:00.000000000Z ")
	for _, follow := range []bool{false, true} {
		for _, step := range []time.Duration{0, time.Minute, -time.Minute} {
			for name, fault := range map[string]sim.Fault{
				"after a line": {Lines: 200},
				"in a line":    {Bytes: 100*200 + 2*stamp},
				"in a stamp":   {Bytes: 100*200 + stamp/2}, // which is an error
			} {
				bubble(t, fmt.Sprintf("follow %v, clock steps %v, cut %s", follow, step, name), func(t *testing.T) {
					c, app := web(t, sim.Options{})
					fault.Verb, fault.End = "log", sim.EOF
					c.Inject(fault)
					var want []string
					put := func(n int) {
						for range n {
							want = append(want, fmt.Sprintf("%0*d", 100-stamp-len("\n"), len(want)))
							write(t, app, want[len(want)-1])
							time.Sleep(time.Millisecond)
						}
					}
					put(250)
					app.Rotate(0)
					c.Node("node-1").SetClock(step)
					put(450)
					s := start(t, tail.Options{Tail: -1, Follow: follow, Rotated: true}, c)
					time.Sleep(time.Minute)
					if sum := s.stop()[0]; !slices.Equal(s.lines("web", "app"), want) || sum.Gaps > 0 {
						t.Errorf("%d lines of %d, %d gaps; stderr: %s", len(s.lines("web", "app")), len(want), sum.Gaps, s.logged())
					}
				})
			}
		}
	}
}
