package tail_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mktail/tail"
	"mktail/tail/follow"
	"mktail/tail/kube"
	"mktail/tail/logline"
	"mktail/testdata/sim"
)

// files writes three lines to each of n files of a container's log, and returns all.
func files(t *testing.T, c *sim.Container, n int) (lines []string) {
	t.Helper()
	for i := range n {
		if i > 0 {
			c.Rotate(0)
			time.Sleep(time.Minute)
		}
		for k := range 3 {
			lines = append(lines, fmt.Sprintf("file %d, line %d", i, k))
			write(t, c, lines[len(lines)-1])
			time.Sleep(10 * time.Second)
		}
	}
	return lines
}

func TestRotated(t *testing.T) {
	for name, tt := range map[string]struct {
		o    tail.Options
		keep int // of twelve lines in four files
	}{
		"all":                {tail.Options{Tail: -1}, 12},
		"since":              {tail.Options{Tail: -1, Since: 119 * time.Second}, 5},
		"since of none":      {tail.Options{Tail: -1, Since: time.Second}, 0},
		"tail of one file":   {tail.Options{Tail: 2}, 2},
		"tail of all of one": {tail.Options{Tail: 3}, 3},
		"tail of two files":  {tail.Options{Tail: 4}, 4},
		"tail of more":       {tail.Options{Tail: 100}, 12},
		"tail of none":       {tail.Options{}, 0},
	} {
		for _, follow := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%s, follow %v", name, follow), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
				want := files(t, app, 4)
				want = want[len(want)-tt.keep:]
				o := tt.o
				o.Rotated, o.Follow = true, follow
				s := start(t, o, c)
				time.Sleep(time.Second)
				if follow {
					write(t, app, "new")
					want = append(slices.Clone(want), "new")
				}
				time.Sleep(time.Second)
				s.stop()
				s.want("web", "app", want...)
				if logged := s.logged(); logged != "" {
					t.Errorf("stderr: %s", logged)
				}
			})
		}
	}
	bubble(t, "a long line is one", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		long := strings.Repeat("世", 20_000)
		write(t, app, long, "short")
		app.Rotate(0)
		s := start(t, tail.Options{Tail: -1, Rotated: true, Follow: true}, c)
		time.Sleep(time.Second)
		s.stop()
		s.want("web", "app", long, "short")
	})
	bubble(t, "an instance that nobody saw", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, tail.Options{Tail: -1, Rotated: true, Follow: true}, c)
		time.Sleep(time.Second)
		c.Down()
		app.Restart()
		want := files(t, app, 4)
		c.Up()
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", want...)
	})
}

// Where nodes/proxy is forbidden, or the kubelet serves no files, that is reported once, and the rest goes on.
func TestRotatedRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		o      sim.Options
		user   sim.User
		logged string
	}{
		"forbidden": {sim.Options{}, sim.Reader("dev"), `warn: eu: --rotated: nodes "node-1" is forbidden: User "dev" cannot get resource "nodes/proxy"`},
		"disabled":  {sim.Options{NoLogFiles: true}, sim.Admin("dev"), "warn: eu: --rotated: "},
		"other dir": {sim.Options{PodLogsDir: "/data/logs"}, sim.Admin("dev"), "warn: eu: --rotated: podLogsDir of node node-1 is /data/logs, which is not below /var/log"},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, tt.o)
			defer c.Close()
			c.AddToken("dev", tt.user)
			a, b := c.AddPod(sim.PodSpec{Name: "a"}).Container("app"), c.AddPod(sim.PodSpec{Name: "b"}).Container("app")
			files(t, a, 2)
			files(t, b, 1)
			s := startAs(t, tail.Options{Tail: -1, Rotated: true, Follow: true}, []string{"dev"}, c)
			time.Sleep(3 * follow.BackfillPatience)
			write(t, a, "new")
			time.Sleep(time.Second)
			s.stop()
			s.want("a", "app", "file 1, line 0", "file 1, line 1", "file 1, line 2", "new")
			s.want("b", "app", "file 0, line 0", "file 0, line 1", "file 0, line 2")
			if logged := s.logged(); strings.Count(logged, "--rotated") != 1 || !strings.HasPrefix(logged, tt.logged) {
				t.Errorf("stderr: %s", logged)
			}
		})
	}
}

// A node whose files can't be read for a while is waited for; where that takes too long, what they hold is a gap.
func TestRotatedAway(t *testing.T) {
	for name, tt := range map[string]struct {
		o    tail.Options
		away time.Duration
		keep int // of nine lines in three files
		gaps int64
	}{
		"shortly":               {tail.Options{Tail: -1}, 50 * time.Second, 9, 0},
		"for long":              {tail.Options{Tail: -1}, time.Hour, 3, 1},
		"for long, since":       {tail.Options{Tail: -1, Since: time.Hour}, time.Hour, 3, 1},
		"where none is wanted":  {tail.Options{}, time.Hour, 0, 0},
		"where little is there": {tail.Options{Tail: 7}, 50 * time.Second, 7, 0},
	} {
		for _, follow := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%s, follow %v", name, follow), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				fault := c.Inject(sim.Fault{Path: "/proxy/", Status: 503, Message: "no route to the kubelet"})
				app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
				want := files(t, app, 3)
				want = want[len(want)-tt.keep:]
				o := tt.o
				o.Rotated, o.Follow = true, follow
				to := string(logline.AppendStamp(nil, time.Now().Add(-30*time.Second).UnixNano())) // the first line of the last file
				s := start(t, o, c)
				time.Sleep(tt.away)
				fault.Remove()
				time.Sleep(10 * time.Minute)
				if follow {
					c.CutConnections()
					time.Sleep(10 * time.Minute)
					write(t, app, "new")
					want = append(slices.Clone(want), "new")
					time.Sleep(time.Minute)
				}
				gaps := s.stop()[0].Gaps
				s.want("web", "app", want...)
				if gaps != tt.gaps || gaps > 0 && !strings.Contains(s.logged(), " "+to+" rotated") {
					t.Errorf("%d gaps, to %s? stderr: %s", gaps, to, s.logged())
				}
			})
		}
	}
}

// A file that breaks off is read again, to the line, whether or not anything comes after it.
func TestRotatedBreaksOff(t *testing.T) {
	for _, end := range []sim.End{sim.EOF, sim.Abort, sim.Cut, sim.Stall} {
		for _, times := range []int{1, 3, 0} {
			for _, follow := range []bool{false, true} {
				bubble(t, fmt.Sprintf("%d times %v, follow %v", times, end, follow), func(t *testing.T) {
					c := simulated(t, sim.Options{})
					defer c.Close()
					app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
					want := files(t, app, 2)
					app.Rotate(0)
					file := func(q *sim.Request) bool { return strings.Contains(q.Path, "/0.log.") }
					fault := c.Inject(sim.Fault{Match: file, Times: times, Lines: 1, Bytes: 20, End: end})
					s := start(t, tail.Options{Tail: -1, Rotated: true, Follow: follow}, c)
					time.Sleep(time.Hour)
					got := s.lines("web", "app")
					if times > 0 && !slices.Equal(got, want) {
						t.Errorf("got %q, want %q", got, want)
					}
					if follow {
						write(t, app, "new")
						time.Sleep(time.Hour)
						if got := s.lines("web", "app"); got[len(got)-1] != "new" {
							t.Errorf("got %q", got)
						}
					}
					gaps := s.stop()[0].Gaps
					if wrong := (gaps == 1) != (times == 0); wrong || gaps > 1 {
						t.Errorf("%d gaps, %d hits, got %q; stderr: %s", gaps, fault.Hits(), got, s.logged())
					}
				})
			}
		}
	}
}

// While a file of a node is waited for, the places are saved, and a run that ends then goes on there.
func TestRotatedStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		want := files(t, app, 2)
		file := func(q *sim.Request) bool { return strings.Contains(q.Path, "/0.log.") }
		stall := c.Inject(sim.Fault{Match: file, Lines: 1, End: sim.Stall})
		var all []string
		for range 2 {
			o := stateful(t, path)
			o.Rotated = true
			s := start(t, o, c)
			time.Sleep(10 * time.Second)
			all = append(all, s.lines("web", "app")...)
			if saved, err := os.ReadFile(path); err != nil || len(all) == 0 || !strings.Contains(string(saved), `"newest":`) {
				t.Errorf("after %d lines: %s, %v", len(all), saved, err)
			}
			if gaps := s.stop()[0].Gaps; gaps != 0 {
				t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
			}
			stall.Remove()
		}
		if !slices.Equal(all, want) {
			t.Errorf("got %q, want %q", all, want)
		}
	})
}

// What keeps one node's files from being read, or all for a while, does not keep those of others from it, or for ever.
func TestRotatedRefusedByOne(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  sim.Fault
		logged string
	}{
		"disabled on one node": {sim.Fault{Path: "/nodes/bad/proxy/", Status: 405}, "warn: eu: --rotated: "},
		"forbidden for once":   {sim.Fault{Path: "/proxy/", Times: 1, Status: 403}, "warn: eu: --rotated: nodes"},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			c.Inject(tt.fault)
			app := func(pod, node string) *sim.Container {
				return c.AddPod(sim.PodSpec{Name: pod, Node: node}).Container("app")
			}
			write(t, app("a", "bad"), "one")
			s := start(t, tail.Options{Tail: -1, Rotated: true, Follow: true}, c)
			time.Sleep(time.Second)
			b := app("b", "good")
			write(t, b, "one")
			time.Sleep(2 * kube.NodeRetryDelay)
			c.Down()
			write(t, b, "two")
			b.Rotate(0)
			time.Sleep(time.Minute)
			write(t, b, "three")
			c.Up()
			time.Sleep(5 * time.Minute)
			gaps := s.stop()[0].Gaps
			s.want("b", "app", "one", "two", "three")
			if logged := s.logged(); gaps != 0 || strings.Count(logged, "--rotated") != 1 || !strings.HasPrefix(logged, tt.logged) {
				t.Errorf("%d gaps, stderr: %s", gaps, logged)
			}
		})
	}
}

// A log that was emptied where it lies has lost lines, whatever else is on the disk.
func TestRotatedEmptied(t *testing.T) {
	for _, before := range []int{1, 2} {
		for _, after := range [][]string{nil, {"new"}} {
			for _, follow := range []bool{false, true} {
				bubble(t, fmt.Sprintf("%d files before, %d lines after, follow %v", before, len(after), follow), func(t *testing.T) {
					c := simulated(t, sim.Options{})
					defer c.Close()
					path := filepath.Join(t.TempDir(), "state")
					app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
					want := files(t, app, before)
					var got []string
					var gaps int64
					run := func() {
						o := stateful(t, path)
						o.Rotated, o.Follow = true, follow
						s := start(t, o, c)
						time.Sleep(5 * time.Minute)
						gaps += s.stop()[0].Gaps
						got = append(got, s.lines("web", "app")...)
					}
					run()
					write(t, app, "lost")
					time.Sleep(time.Minute)
					app.Truncate()
					write(t, app, after...)
					run()
					if want = append(want, after...); !slices.Equal(got, want) {
						t.Errorf("got %q, want %q", got, want)
					}
					if most := int64(1); gaps > most || gaps < most && (len(after) > 0 || !follow) {
						t.Errorf("%d gaps", gaps)
					}
				})
			}
		}
	}
}

// A reader of stdout that stops for minutes costs bounded memory, and nothing is lost of what the log still has.
func TestStalledOutput(t *testing.T) {
	for _, rotated := range []bool{false, true} {
		bubble(t, fmt.Sprintf("--rotated %v", rotated), func(t *testing.T) {
			c := simulated(t, sim.Options{SkipRotated: true})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			s := start(t, tail.Options{Tail: -1, Follow: true, Rotated: rotated, MarkGaps: true}, c)
			write(t, app, "first")
			time.Sleep(time.Second)
			gate := make(chan struct{})
			s.mu.Lock()
			s.gate = gate
			s.mu.Unlock()
			filler := strings.Repeat("x", 10<<10)
			var want []string
			for i := range 3000 { // 30 MiB, more than connections and buffers hold
				want = append(want, fmt.Sprint(i, " ", filler))
				write(t, app, want[i])
				if i%900 == 899 {
					app.Rotate(0)
					time.Sleep(time.Minute)
				}
			}
			time.Sleep(time.Minute)
			close(gate)
			time.Sleep(10 * time.Minute)
			write(t, app, "last")
			time.Sleep(time.Minute)
			gaps := s.stop()[0].Gaps
			got := s.lines("web", "app")
			if rotated {
				if gaps != 0 || !slices.Equal(got, slices.Concat([]string{"first"}, want, []string{"last"})) {
					t.Errorf("%d lines of %d, %d gaps: %s", len(got), len(want)+2, gaps, s.logged())
				}
				return
			}
			if gaps != 1 || len(got) == len(want)+3 || !slices.Contains(got, want[len(want)-1]) {
				t.Errorf("%d lines of %d, %d gaps: %s", len(got), len(want)+2, gaps, s.logged())
			}
		})
	}
}

// While nobody reads the output no stream is taken for silent, however long that lasts.
func TestStalledOutputIsNoSilence(t *testing.T) {
	bubble(t, "a quiet container beside a noisy one", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		noisy, quiet := c.AddPod(sim.PodSpec{Name: "noisy"}).Container("app"), c.AddPod(sim.PodSpec{Name: "quiet"}).Container("app")
		s := start(t, tail.Options{Tail: -1, Follow: true}, c)
		write(t, quiet, "first")
		time.Sleep(time.Second)
		gate := make(chan struct{})
		s.mu.Lock()
		s.gate = gate
		s.mu.Unlock()
		filler := strings.Repeat("x", 10<<10)
		for i := range 300 {
			write(t, noisy, fmt.Sprint(i, " ", filler))
		}
		time.Sleep(time.Second)
		write(t, quiet, "second")
		time.Sleep(time.Second)
		write(t, quiet, "third")
		time.Sleep(3 * follow.Silence)
		close(gate)
		time.Sleep(time.Minute)
		summary := s.stop()[0]
		s.want("quiet", "app", "first", "second", "third")
		if summary.Reconnects != 0 || summary.Errors != 0 || summary.Gaps != 0 {
			t.Errorf("%+v", summary)
		}
	})
}

// A file that a kubelet has overwritten, because it rotated twice within a second, is a gap; one that was read before, or a
// pause in what is written, is none.
func TestRotatedOverwritten(t *testing.T) {
	for name, tt := range map[string]struct {
		full  string
		gone  bool
		while time.Duration // before the last rotation
		gaps  int
	}{
		"lost":                 {"10Mi", true, time.Minute, 1},
		"a file in full":       {"1", true, time.Minute, 0}, // by its size, not overwritten
		"nothing lost, slowly": {"1", false, time.Minute, 0},
		"at once":              {"10Mi", false, 0, 0},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{LogMaxSize: tt.full})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			s := start(t, tail.Options{Tail: -1, Rotated: true, Follow: true}, c)
			time.Sleep(time.Second)
			write(t, app, "one")
			time.Sleep(time.Second / 10)
			c.Down()
			app.Rotate(0)
			write(t, app, "two")
			app.Rotate(0)
			time.Sleep(tt.while)
			write(t, app, "three")
			app.Rotate(0)
			write(t, app, "four")
			want := []string{"one", "two", "three", "four"}
			if tt.gone {
				app.Overwrite()
				want = slices.Delete(want, 1, 2)
			}
			c.Up()
			time.Sleep(time.Minute)
			summary := s.stop()[0]
			s.want("web", "app", want...)
			if got := summary.Gaps; got != int64(tt.gaps) {
				t.Errorf("%d gaps; stderr: %s", got, s.logged())
			}
		})
	}
}

// The file that takes the place of another may be an empty one, which no log is rotated for: what comes after it shows what is missing,
// in the current file, in another one, or at the end of the container. A line that was to go on in the file that is lost is none.
func TestRotatedOverwrittenByEmpty(t *testing.T) {
	for _, after := range []string{"current", "rotated", "none"} {
		for name, tt := range map[string]struct {
			full       string        // size of a file
			torn, seen bool          // a line goes on in the file that is lost; it has come as far as it had begun
			quiet      time.Duration // before what comes after
		}{
			"lines":             {"", false, false, time.Minute},
			"of known size":     {"10Mi", false, false, time.Minute},
			"at once":           {"", false, false, time.Second / 10},
			"torn":              {"", true, false, time.Minute},
			"torn, at once":     {"", true, false, time.Second / 10},
			"torn, which shows": {"", true, true, time.Minute},
		} {
			bubble(t, after+", "+name, func(t *testing.T) {
				c, app := web(t, sim.Options{LogMaxSize: tt.full})
				s := start(t, tail.Options{Tail: -1, Rotated: true, Follow: true}, c)
				time.Sleep(time.Second)
				write(t, app, "one")
				time.Sleep(time.Second / 10)
				if !tt.seen {
					c.Down()
				}
				if tt.torn {
					if err := app.Append(sim.Record{Stamp: time.Now(), Partial: true, Text: "torn, "}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second / 10)
				}
				if tt.seen {
					c.Down()
				}
				app.Rotate(0)
				write(t, app, "two")
				app.Rotate(0)
				app.Rotate(0)
				app.Overwrite()
				time.Sleep(tt.quiet)
				want := []string{"one"}
				if after != "none" {
					write(t, app, "three")
					want = append(want, "three")
				}
				if after == "rotated" {
					app.Rotate(0)
					write(t, app, "four")
					want = append(want, "four")
				}
				c.Up()
				time.Sleep(time.Minute)
				app.Exit(0)
				time.Sleep(time.Minute)
				summary := s.stop()[0]
				s.want("web", "app", want...)
				if summary.Gaps != 1 {
					t.Errorf("%d gaps; stderr: %s", summary.Gaps, s.logged())
				}
			})
		}
	}
}

// A file that was overwritten by an empty one was read in part, and nothing has come since: what is missing is reported once.
func TestRotatedOverwrittenAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, app := web(t, sim.Options{})
		s := start(t, tail.Options{Tail: -1, Rotated: true, Follow: true}, c)
		want := ticks(t, app, "one", 3)
		app.Rotate(0)
		want = append(want, ticks(t, app, "two", 3)...)
		c.Down()
		app.Rotate(0)
		app.Rotate(0)
		app.Overwrite()
		time.Sleep(time.Minute)
		app.Exit(0)
		c.Up()
		time.Sleep(5 * time.Minute)
		summary := s.stop()[0]
		s.want("web", "app", want...)
		if summary.Gaps != 1 {
			t.Errorf("%d gaps; stderr: %s", summary.Gaps, s.logged())
		}
	})
}

// A node's clock is set back between two rotations, so that the later file has the earlier name.
func TestRotatedClockSetBack(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		bubble(t, fmt.Sprint("restarts ", restarts), func(t *testing.T) {
			c, app := web(t, sim.Options{})
			want := files(t, app, 3)
			o := following()
			o.Rotated = true
			s := start(t, o, c)
			time.Sleep(time.Minute)
			c.Down()
			c.Node("node-1").SetClock(-time.Hour)
			for i := range 2 {
				want = append(want, ticks(t, app, fmt.Sprint("set back ", i), 20)...)
				app.Rotate(0)
				time.Sleep(time.Minute)
			}
			want = append(want, ticks(t, app, "last", 3)...)
			if restarts {
				app.Restart()
				want = append(want, ticks(t, app, "next", 3)...)
			}
			c.Up()
			time.Sleep(5 * time.Minute)
			s.exact(want)
		})
	}
}

// What was read last may be of the instance before, as two restarts came within a second: then its stamps say nothing of the next one's
// files, whose node's clock was set back.
func TestRotatedUnsureOfInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, app := web(t, sim.Options{})
		o := following()
		o.Rotated = true
		s := start(t, o, c)
		want := ticks(t, app, "first", 3)
		time.Sleep(time.Minute)
		c.Down()
		app.Restart()
		write(t, app, "one")
		time.Sleep(time.Second / 10)
		app.Restart()
		write(t, app, "two")
		c.Node("node-1").SetClock(-time.Hour)
		for _, line := range []string{"three", "four"} {
			app.Rotate(0)
			time.Sleep(time.Minute)
			write(t, app, line)
		}
		c.Up()
		time.Sleep(5 * time.Minute)
		summary := s.stop()[0]
		s.want("web", "app", append(want, "one", "two", "three", "four")...)
		if summary.Gaps != 1 { // the end of the first instance
			t.Errorf("%d gaps; stderr: %s", summary.Gaps, s.logged())
		}
	})
}

// A node's clock is set back between two rotations, in a run that has ended or between two runs: the files come in the order in which they
// were made all the same.
func TestRotatedClockSetBackBetweenRuns(t *testing.T) {
	for name, tt := range map[string]struct {
		seen      bool // a run sees it
		rotations int  // after it
	}{
		"as a run goes on": {true, 2},
		"while none does":  {false, 1},
	} {
		bubble(t, name, func(t *testing.T) {
			c, app := web(t, sim.Options{})
			path := filepath.Join(t.TempDir(), "state")
			o := stateful(t, path)
			o.Rotated = true
			first := start(t, o, c)
			want := ticks(t, app, "before", 40)
			if !tt.seen {
				first.stop()
			}
			app.Rotate(0)
			time.Sleep(time.Minute)
			want = append(want, ticks(t, app, "rotated", 3)...)
			c.Node("node-1").SetClock(-time.Hour)
			want = append(want, ticks(t, app, "set back", 40)...)
			if tt.seen {
				first.stop()
			}
			for i := range tt.rotations {
				app.Rotate(0)
				time.Sleep(time.Minute)
				want = append(want, ticks(t, app, fmt.Sprint("rotated again ", i), 3)...)
			}
			o = stateful(t, path)
			o.Rotated = true
			second := start(t, o, c)
			time.Sleep(5 * time.Minute)
			gaps := second.stop()[0].Gaps
			got := append(first.lines("web", "app"), second.lines("web", "app")...)
			if !slices.Equal(got, want) || gaps != 0 {
				t.Errorf("got %q, want %q; %d gaps; stderr: %s", got, want, gaps, second.logged())
			}
		})
	}
}

// A container is restarted before the API knows, and what it has written is rotated at once, in the second in which it began: the lines of its
// current file are read as those of the instance before. What the rotated file holds is a gap then, and what was read does not come again.
func TestRotatedBeforeEarlyRead(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		c.Inject(sim.Fault{Verb: "log", Delay: 20 * time.Millisecond, Times: 1})
		o := following()
		o.Rotated = true
		s := start(t, o, c)
		time.Sleep(10 * time.Millisecond)
		app.Restart()
		write(t, app, "one", "two")
		app.Rotate(0)
		time.Sleep(time.Millisecond)
		write(t, app, "three", "four")
		time.Sleep(time.Minute)
		write(t, app, "five")
		time.Sleep(10 * time.Minute)
		summary := s.stop()[0]
		s.want("web", "app", "three", "four", "five")
		if summary.Gaps != 1 { // "one" and "two"
			t.Errorf("%d gaps; stderr: %s", summary.Gaps, s.logged())
		}
	})
}
