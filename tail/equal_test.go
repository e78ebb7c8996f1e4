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

// equalLines writes n lines at one time, of so many texts, and returns them. With less than none the first one has a text of its own.
func equalLines(t *testing.T, app *sim.Container, n, texts int) (lines []string) {
	t.Helper()
	records := make([]sim.Record, n)
	for i := range records {
		lines = append(lines, fmt.Sprint("line ", i%texts))
		if texts < 0 && i == 0 {
			lines[0] = "first"
		}
		records[i] = sim.Record{Stamp: time.Now(), Text: lines[i]}
	}
	if err := app.Append(records...); err != nil {
		t.Fatal(err)
	}
	return lines
}

// readEqual reads a log of equalLines, whose answers a fault may end. If it is followed, more of them come later.
func readEqual(t *testing.T, how string, fault sim.Fault, n, texts int) (got, want []string, gaps int64) {
	t.Helper()
	c := simulated(t, sim.Options{})
	defer c.Close()
	if fault.Lines > 0 {
		fault.Verb = "log"
		c.Inject(fault)
	}
	app := c.AddPod(sim.PodSpec{Name: "web", Policy: "Never"}).Container("app")
	want = equalLines(t, app, n, texts)
	o := following()
	switch how {
	case "not followed":
		o.Follow = false
	case "ended":
		app.Exit(0)
	}
	s := start(t, o, c)
	time.Sleep(5 * time.Minute)
	if how == "broken" {
		for range 3 {
			c.CutConnections()
			time.Sleep(time.Minute)
			want = append(want, equalLines(t, app, n, texts)...)
		}
		time.Sleep(5 * time.Minute)
	}
	gaps = s.stop()[0].Gaps
	return s.lines("web", "app"), want, gaps
}

// Behind a gateway that ends each answer early, an end that is equal to other lines does not prove that all was read: what can't be told from lines
// that were read is reported, soon, and nothing comes twice. Nothing is reported where all was read.
func TestEqualLinesBehindGateway(t *testing.T) {
	for _, end := range []sim.End{sim.EOF, sim.Abort} {
		for _, n := range []int{200, 201, 207, 250, 620} {
			for _, texts := range []int{-1, 2, 7, n} {
				for _, how := range []string{"followed", "not followed", "ended"} {
					bubble(t, fmt.Sprintf("end %d, %d lines, %d texts, %s", end, n, texts, how), func(t *testing.T) {
						got, want, gaps := readEqual(t, how, sim.Fault{Lines: 200, End: end}, n, texts)
						if len(got) < 200 || len(got) > n || !slices.Equal(got, want[:len(got)]) || gaps != int64(min(1, n-len(got))) {
							t.Errorf("%d lines and %d gaps", len(got), gaps)
						}
					})
				}
			}
		}
	}
}

// What is written after such lines comes once, however often the stream breaks, and in a later run as well.
func TestAfterEqualLinesBehindGateway(t *testing.T) {
	for _, n := range []int{200, 250} {
		for _, texts := range []int{1, -1, 7, n} {
			for _, again := range []bool{false, true} {
				bubble(t, fmt.Sprintf("%d lines, %d texts, in several runs %v", n, texts, again), func(t *testing.T) {
					c, app := web(t, sim.Options{})
					c.Inject(sim.Fault{Verb: "log", Lines: 200, End: sim.EOF})
					path := filepath.Join(t.TempDir(), "state")
					want := equalLines(t, app, n, texts)
					s := start(t, stateful(t, path), c)
					var got []string
					var gaps int64
					next := func() {
						gaps += s.stop()[0].Gaps
						got = append(got, s.lines("web", "app")...)
						s = start(t, stateful(t, path), c)
					}
					for i := range 5 {
						time.Sleep(time.Minute)
						c.CutConnections()
						time.Sleep(time.Minute)
						if again {
							next()
						}
						if i > 1 {
							want = append(want, steady(t, app, 20)...)
						}
					}
					time.Sleep(time.Minute)
					next()
					s.stop()
					// Where more lines have one stamp than the gateway lets through, it may be taken for a gap that the next one has another.
					const later = 60
					if len(got) < 200+later || len(got) > len(want) || !slices.Equal(got[:200], want[:200]) ||
						!slices.Equal(got[len(got)-later:], want[len(want)-later:]) || gaps > 2 || gaps == 0 && len(got) < len(want) {
						t.Errorf("%d lines of %d and %d gaps: %q", len(got), len(want), gaps, got)
					}
				})
			}
		}
	}
}

// Without such a gateway nothing is lost, repeated or reported where lines are equal, whatever ends their stream early.
func TestEqualLines(t *testing.T) {
	for _, n := range []int{2, 63, 250, 1500} {
		for _, texts := range []int{1, -1, 2, 7, n} {
			for _, lines := range []int{0, 1, 40, 120} {
				for _, how := range []string{"followed", "broken", "not followed", "ended"} {
					bubble(t, fmt.Sprintf("%d lines, %d texts, cut after %d lines, %s", n, texts, lines, how), func(t *testing.T) {
						got, want, gaps := readEqual(t, how, sim.Fault{Lines: lines, Times: 1, End: sim.EOF}, n, texts)
						if !slices.Equal(got, want) || gaps > 0 {
							t.Errorf("%d lines of %d and %d gaps", len(got), len(want), gaps)
						}
					})
				}
			}
		}
	}
}

// A log is not read again where equal lines may come before those that are remembered: it would bring those as new.
func TestEqualLinesBefore(t *testing.T) {
	for _, tt := range []struct {
		n, texts int
		tail     int64
	}{{3, 1, 1}, {3, 2, 1}, {63, -1, 40}, {250, 2, 40}, {250, 7, 40}, {70_000, 1, -1}, {70_000, 7, -1}} { // the last two are more than are remembered
		for _, exit := range []bool{false, true} {
			bubble(t, fmt.Sprintf("--tail %d of %d lines, %d texts, ended %v", tt.tail, tt.n, tt.texts, exit), func(t *testing.T) {
				c, app := web(t, sim.Options{})
				want := equalLines(t, app, tt.n, tt.texts)
				if tt.tail >= 0 {
					want = want[tt.n-int(tt.tail):]
				}
				if exit {
					app.Exit(0)
				}
				s := start(t, tail.Options{Tail: tt.tail}, c)
				time.Sleep(5 * time.Minute)
				gaps := s.stop()[0].Gaps
				if got := s.lines("web", "app"); !slices.Equal(got, want) || gaps > 0 {
					t.Errorf("%d lines of %d and %d gaps", len(got), len(want), gaps)
				}
			})
		}
	}
}

// Behind a gateway that lets a few lines through all lines come if fewer have one stamp than an answer holds. If not, that is reported.
func TestStampsBehindTinyGateway(t *testing.T) {
	const n = 120
	run := func(t *testing.T, fault sim.Fault, stamped, texts int, mode string) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web", Policy: "Never"}).Container("app")
		stamp := time.Now()
		var want []string
		for i := range n {
			if i%stamped == 0 {
				stamp = stamp.Add(100 * time.Millisecond)
			}
			want = append(want, fmt.Sprint("line ", i%texts))
			app.WriteStamped(stamp, want[i])
		}
		c.Inject(fault)
		o := following()
		switch mode {
		case "no follow":
			o.Follow = false
		case "ended":
			app.Exit(0)
		}
		s := start(t, o, c)
		if o.Follow {
			time.Sleep(time.Hour)
			s.cancel()
		}
		summary := (<-s.done)[0]
		got := s.lines("web", "app")
		whole := fault.Lines > max(2, stamped) || fault.Lines == 2 && stamped == 1 && fault.End == sim.EOF
		switch {
		case slices.Equal(got, want):
		case whole, summary.Gaps == 0 && summary.Failed == "":
			t.Errorf("%d lines of %d, %d gaps, failed %q", len(got), n, summary.Gaps, summary.Failed)
		case texts == n && !isSubsequence(got, want):
			t.Errorf("got %q", got)
		}
	}
	for _, lines := range []int{2, 3, 4, 17} {
		for _, stamped := range []int{1, 2, 3} {
			for _, texts := range []int{1, 2, n} {
				for _, end := range []sim.End{sim.EOF, sim.Abort} {
					for _, mode := range []string{"no follow", "ended", "running"} {
						bubble(t, fmt.Sprintf("%d lines, %d of a stamp, %d texts, %s, %s", lines, stamped, texts, end, mode), func(t *testing.T) {
							run(t, sim.Fault{Verb: "log", Lines: lines, End: end}, stamped, texts, mode)
						})
					}
				}
			}
		}
	}
}

// isSubsequence reports whether part has lines of all, in their order.
func isSubsequence(part, all []string) bool {
	for _, line := range all {
		if len(part) > 0 && part[0] == line {
			part = part[1:]
		}
	}
	return len(part) == 0
}
