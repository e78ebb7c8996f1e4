package tail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mktail/emit"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// What a kubelet serves as previous may be the log of a later instance than the API told of: then the rest of the earlier one
// can't be read any more, and nothing was rotated.
func TestLaterPrevious(t *testing.T) {
	for _, cut := range []bool{false, true} {
		bubble(t, fmt.Sprintf("after a stream that was cut before the restart %v", cut), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			if cut {
				c.Inject(sim.Fault{Verb: "log", Times: 1, After: 5900 * time.Millisecond, End: sim.Abort})
			}
			s := start(t, following(), c)
			time.Sleep(5 * time.Second)
			write(t, app, "one")
			away := c.Inject(sim.Fault{Verb: "log", Status: 500})
			time.Sleep(time.Second)
			away.Remove()
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
			logged := "" // it was read to its end
			if cut {
				logged = "warn: lines may be missing: web/app 2000-01-01T00:00:05.000000000Z 2000-01-01T00:00:07.000000000Z restarts missed"
			}
			if s.logged() != logged || slow.Hits() != 1 {
				t.Errorf("%d slow answers; stderr: %s", slow.Hits(), s.logged())
			}
		})
	}
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
			c.Inject(sim.Fault{Verb: "log", Times: 2, Status: 500, Match: func(q *sim.Request) bool {
				if q.Query.Get("previous") == "" {
					return false
				}
				if asked++; asked == 3 { // its log is asked for, but by now the kubelet serves the next one's
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
			if !strings.Contains(s.logged(), "2000-01-01T00:00:03.000000000Z restarts missed") || strings.Count(s.logged(), "lines may be missing") != 1 {
				t.Errorf("stderr: %s", s.logged())
			}
		})
	}
}

// A log that does not hold what was read last may be rotated again before it is opened to be read on.
func TestRotatedBeforeReadOn(t *testing.T) {
	for _, rotated := range []bool{false, true} {
		for when := 1; when <= 4; when++ { // with which stream
			bubble(t, fmt.Sprintf("rotated %v, stream %d", rotated, when), func(t *testing.T) {
				c, app := web(t, sim.Options{})
				o := following()
				o.Rotated = rotated
				var gaps []*emit.Gap
				o.Notify = func(e report.Event) {
					if e.Gap != nil {
						gaps = append(gaps, e.Gap)
					}
				}
				s := start(t, o, c)
				time.Sleep(time.Second)
				last := make(map[string]string) // when its last line was written
				lines := func(name string, every time.Duration) {
					for i := range 2000 {
						time.Sleep(every)
						last[name] = gapTime(time.Now())
						write(t, app, fmt.Sprint(name, i))
					}
				}
				lines("one ", time.Millisecond)
				time.Sleep(time.Second)
				c.Down()
				app.Rotate(0)
				lines("two ", time.Millisecond)
				app.Rotate(0)
				lines("three ", time.Millisecond)
				streams := 0
				c.Inject(sim.Fault{Verb: "log", Match: func(q *sim.Request) bool {
					if q.Query.Get("follow") == "true" {
						if streams++; streams == when {
							app.Rotate(0)
							lines("four ", 0)
						}
					}
					return false
				}})
				if err := c.Up(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				s.stop()
				got := s.lines("web", "app")
				for name, at := range last {
					n := 0
					for _, l := range got {
						if strings.HasPrefix(l, name) {
							n++
						}
					}
					covered := slices.ContainsFunc(gaps, func(g *emit.Gap) bool { return g.From <= at && at <= g.To })
					if n != 2000 && !(n == 0 && covered && !rotated) {
						t.Errorf("%d lines of %s, gaps %v", n, name, gaps)
					}
				}
				if rotated && len(gaps) > 0 {
					t.Errorf("gaps %v", gaps)
				}
			})
		}
	}
}

// gapTime is a time as a gap has it.
func gapTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }
