package tail_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"mktail/tail"
	"mktail/testdata/sim"
)

// writePiece has a container write a piece of a line, or its end.
func writePiece(t *testing.T, app *sim.Container, partial bool, text string) {
	t.Helper()
	if err := app.Append(sim.Record{Stamp: time.Now(), Partial: partial, Text: text}); err != nil {
		t.Fatal(err)
	}
}

// A line that rotation cuts in two is one record, whatever happens meanwhile; where that can't be known, a gap says so.
func TestTorn(t *testing.T) {
	const one, torn, end, next = "one", "torn, its rest", "its rest", "next"
	for _, tt := range []struct {
		does     string   // in this order: (1) a line, (h)ead and (r)est of the torn one, (n)ext line; r(o)tate, (c)ut connections, server (d)own or (u)p, re(s)tart, (b)egin a run
		api      []string // what comes without --rotated; nil: as with it
		gaps     int64    // then
		rotated  []string
		onlyTail int64 // of the first run; 0: all
	}{
		{does: "1bhorn", rotated: []string{one, torn, next}},
		{does: "1bhorc", rotated: []string{one, torn}},
		{does: "1bhorcn", rotated: []string{one, torn, next}},
		{does: "1bhorccn", rotated: []string{one, torn, next}},
		{does: "1bhorbn", rotated: []string{one, torn, next}},
		{does: "1bhorcbn", rotated: []string{one, torn, next}},
		{does: "1bhorncn", rotated: []string{one, torn, next, next}},
		{does: "1bhorcs", rotated: []string{one, torn}},
		{does: "bhorcn", rotated: []string{torn, next}},
		{does: "1bhohorcn", rotated: []string{one, "torn, torn, its rest", next}},
		{does: "1bhorcon", rotated: []string{one, torn, next}, api: []string{one, torn, next}, gaps: 1},
		{does: "1bhocrn", rotated: []string{one, torn, next}, api: []string{one, end, next}, gaps: 1},
		{does: "1bhcorn", rotated: []string{one, torn, next}},
		{does: "1bhobrn", rotated: []string{one, torn, next}, api: []string{one, end, next}, gaps: 1},
		{does: "1horbn", rotated: []string{one, torn, next}, api: []string{end, next}},
		{does: "1hobrn", rotated: []string{one, torn, next}, api: []string{end, next}},
		{does: "1hobbrn", rotated: []string{one, torn, next}, api: []string{end, next}},
		{does: "1hobhorn", rotated: []string{one, "torn, torn, its rest", next}, api: []string{torn, next}},
		{does: "1hobcron", rotated: []string{one, torn, next}, api: []string{end, next}, gaps: 1},
		{does: "hobrn", rotated: []string{torn, next}, api: []string{end, next}},
		{does: "hobcrcn", rotated: []string{torn, next}, api: []string{end, next}},
		{does: "1hobs", rotated: []string{one, "torn, "}, api: []string{}},
		{does: "hobs", rotated: []string{"torn, "}, api: []string{}},
		{does: "1hobhs", rotated: []string{one, "torn, torn, "}, api: []string{"torn, "}},
		{does: "1bhos", rotated: []string{one, "torn, "}},
		{does: "bhocs", rotated: []string{"torn, "}},
		{does: "bhodrosu", rotated: []string{torn}, api: []string{}, gaps: 1},
		{does: "1bhodrosu", rotated: []string{one, torn}, api: []string{one}, gaps: 1},
		{does: "1horb", rotated: []string{torn}, api: []string{end}, onlyTail: 1},
		{does: "1hornb", rotated: []string{next}, onlyTail: 1},
	} {
		for _, rotated := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%s, rotated %v", tt.does, rotated), func(t *testing.T) {
				c, app := web(t, sim.Options{})
				o := tail.Options{Follow: true, Rotated: rotated, Tail: tt.onlyTail}
				if o.Tail == 0 {
					o.Tail = -1
				}
				path := filepath.Join(t.TempDir(), "state")
				var s *session
				var gaps int64
				var lines []string
				stop := func() {
					if s == nil {
						return
					}
					gaps += s.stop()[0].Gaps
					lines = append(lines, s.lines("web", "app")...)
				}
				for _, move := range tt.does {
					var err error
					switch move {
					case '1':
						err = app.Write(one)
					case 'h':
						err = app.Append(sim.Record{Stamp: time.Now(), Partial: true, Text: "torn, "})
					case 'r':
						err = app.Append(sim.Record{Stamp: time.Now(), Text: end})
					case 'n':
						err = app.Write(next)
					case 'o':
						app.Rotate(0)
					case 'c':
						c.CutConnections()
					case 'd':
						c.Down()
					case 'u':
						err = c.Up()
					case 's':
						app.Restart()
					case 'b':
						stop()
						o.State = openState(t, path)
						s = start(t, o, c)
					}
					if err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Minute)
				}
				stop()
				want, wantGaps := tt.rotated, int64(0)
				if !rotated {
					wantGaps = tt.gaps
					if tt.api != nil {
						want = tt.api
					}
				}
				if fmt.Sprintf("%q", lines) != fmt.Sprintf("%q", want) || gaps != wantGaps {
					t.Errorf("got %q and %d gaps, want %q and %d; stderr: %s", lines, gaps, want, wantGaps, s.logged())
				}
			})
		}
	}
}

// The stream goes on after such a line while the log API fails. The log, which begins with its rest, shows later that nothing was left out,
// to another run, too.
func TestTornWhileLogFails(t *testing.T) {
	for _, again := range []bool{false, true} {
		bubble(t, fmt.Sprintf("another run: %v", again), func(t *testing.T) {
			c, app := web(t, sim.Options{})
			path := filepath.Join(t.TempDir(), "state")
			var lines []string
			var gaps int64
			run := func() *session {
				s := start(t, stateful(t, path), c)
				time.Sleep(time.Second)
				return s
			}
			stop := func(s *session) {
				gaps += s.stop()[0].Gaps
				lines = append(lines, s.lines("web", "app")...)
			}
			s := run()
			write(t, app, "one")
			writePiece(t, app, true, "torn, ")
			time.Sleep(time.Second)
			app.Rotate(0)
			time.Sleep(time.Minute)
			writePiece(t, app, false, "its rest")
			time.Sleep(time.Minute)
			failing := c.Inject(sim.Fault{Verb: "log", Status: 503})
			write(t, app, "two")
			time.Sleep(10 * time.Second)
			if again {
				stop(s)
				s = run()
			}
			failing.Remove()
			time.Sleep(20 * time.Minute)
			stop(s)
			if want := []string{"one", "torn, its rest", "two"}; !slices.Equal(lines, want) || gaps != 0 {
				t.Errorf("got %q and %d gaps, want %q and none; stderr: %s", lines, gaps, want, s.logged())
			}
		})
	}
}

// The log is rotated again just when the current file is to show how the line goes on that a rotated file ends with.
func TestTornRotatedAgain(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		o := following()
		o.Rotated = true
		s := start(t, o, c)
		piece := func(partial bool, text string) {
			writePiece(t, app, partial, text)
			time.Sleep(time.Minute)
		}
		write(t, app, "one")
		piece(true, "torn, ")
		app.Rotate(0)
		time.Sleep(time.Minute)
		c.CutConnections()
		time.Sleep(time.Minute)
		once := new(sync.Once)
		c.Inject(sim.Fault{Path: "/app/0.log", Match: func(*sim.Request) bool {
			once.Do(func() {
				app.Rotate(0)
				write(t, app, "two")
			})
			return false
		}})
		piece(false, "its rest")
		write(t, app, "three")
		time.Sleep(time.Minute)
		s.exact([]string{"one", "torn, its rest", "two", "three"})
	})
}

// A kubelet that is behind sends a line's beginning, and behind it the rest of another line: the log was rotated twice meanwhile. What it
// has left out is reported.
func TestTornFarBehind(t *testing.T) {
	for i := range 4 {
		jumps, rotated := i%2 > 0, i/2 > 0
		bubble(t, fmt.Sprintf("a line comes before the stream breaks: %v; rotated %v", jumps, rotated), func(t *testing.T) {
			c, app := web(t, sim.Options{SkipRotated: true})
			c.Inject(sim.Fault{
				Verb: "log", Match: func(r *sim.Request) bool { return r.Query.Get("follow") != "" },
				Times: 1, Lines: 1, Bytes: len("2000-01-01T00:00:00.000000000Z torn, "), Pause: 7 * time.Second,
			})
			o := following()
			o.Rotated = rotated
			s := start(t, o, c)
			piece := func(partial bool, text string) { writePiece(t, app, partial, text) }
			time.Sleep(time.Second)
			write(t, app, "one")
			time.Sleep(10 * time.Second)
			piece(true, "torn, ")
			time.Sleep(2 * time.Second)
			app.Rotate(0)
			piece(false, "its rest")
			write(t, app, "lost")
			piece(true, "also torn, ")
			time.Sleep(3 * time.Second)
			app.Rotate(0)
			piece(false, "another rest")
			if jumps {
				write(t, app, "two")
			}
			time.Sleep(time.Minute)
			c.CutConnections()
			time.Sleep(time.Minute)
			write(t, app, "three")
			time.Sleep(time.Minute)
			want, wantGaps := []string{"one", "torn, another rest", "another rest", "two", "three"}, int64(1)
			if rotated {
				want, wantGaps = []string{"one", "torn, another rest", "torn, its rest", "lost", "also torn, another rest", "two", "three"}, 0
			}
			if !jumps {
				want = slices.Delete(want, len(want)-2, len(want)-1)
			}
			s.want("web", "app", want...)
			if gaps := s.stop()[0].Gaps; gaps != wantGaps {
				t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
			}
		})
	}
}

// A pod leaves the selection while it is looked into whether the stream has left lines out after such a line. The next follower finds that
// it has not.
func TestTornUnselected(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		labels := func(app string) map[string]string { return map[string]string{"app": app} }
		pod := c.AddPod(sim.PodSpec{Name: "web", Labels: labels("web")})
		app := pod.Container("app")
		o := following()
		o.Labels = "app=web"
		s := start(t, o, c)
		piece := func(partial bool, text string) {
			writePiece(t, app, partial, text)
			time.Sleep(time.Minute)
		}
		write(t, app, "one")
		piece(true, "torn, ")
		app.Rotate(0)
		piece(false, "its rest")
		looked := c.Inject(sim.Fault{Verb: "log", Delay: 2 * time.Second, Match: func(q *sim.Request) bool {
			pod.SetLabels(labels("other"))
			return true
		}})
		write(t, app, "two")
		time.Sleep(time.Minute)
		looked.Remove()
		pod.SetLabels(labels("web"))
		time.Sleep(10 * time.Minute)
		write(t, app, "three")
		time.Sleep(time.Minute)
		s.exact([]string{"one", "torn, its rest", "two", "three"})
	})
}
