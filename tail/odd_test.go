package tail_test

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mktail/tail"
	"mktail/testdata/sim"
)

// oddKubelets are kubelets that ignore options of log requests, one or several.
var oddKubelets = map[string]sim.Kubelet{
	"follow":                        {NoFollow: true},
	"follow, since":                 {NoFollow: true, NoSince: true},
	"follow, since, tail":           {NoFollow: true, NoSince: true, NoTail: true},
	"follow, since, tail, previous": {NoFollow: true, NoSince: true, NoTail: true, NoPrevious: true},
	"since":                         {NoSince: true},
	"since, tail, previous":         {NoSince: true, NoTail: true, NoPrevious: true},
	"tail":                          {NoTail: true},
	"timestamps":                    {NoTimestamps: true},
	"timestamps, since, tail":       {NoTimestamps: true, NoSince: true, NoTail: true},
	"timestamps, follow":            {NoTimestamps: true, NoFollow: true},
	"all":                           {NoFollow: true, NoSince: true, NoTail: true, NoPrevious: true, NoTimestamps: true, NoLimit: true},
	"layout":                        {StampLayout: "2006-01-02 15:04:05.999999999 -0700 MST "},
	"layout, follow, since":         {StampLayout: "Jan _2 15:04:05 ", NoFollow: true, NoSince: true},
	"inotify":                       {NoInotify: true},
	"inotify, since":                {NoInotify: true, NoSince: true},
}

// webOn is web with a node that has this kubelet.
func webOn(t *testing.T, k sim.Kubelet) (*sim.Cluster, *sim.Container) {
	t.Helper()
	c, app := web(t, sim.Options{})
	c.Node("node-1").SetKubelet(k)
	return c, app
}

// wantTexts checks the lines of a pod on a node with this kubelet. What is no stamp to mktail is a part of the line.
func wantTexts(s *session, k sim.Kubelet, pod string, want ...string) {
	s.t.Helper()
	got := s.lines(pod, "app")
	if k.StampLayout != "" {
		for i, l := range got {
			got[i] = l[strings.LastIndex(l, "  ")+2:]
		}
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("%s: got %q, want %q\nstderr:\n%s", pod, got, want, s.logged())
	}
}

// Each line comes once from a node that ignores options of log requests. It is asked at a moderate rate, and what it ignores is reported
// once.
func TestOddKubelets(t *testing.T) {
	for name, k := range oddKubelets {
		bubble(t, name, func(t *testing.T) {
			c, app := webOn(t, k)
			var want []string
			for i := range 20 {
				want = append(want, fmt.Sprint("before ", i))
				write(t, app, want[i])
				time.Sleep(time.Second)
			}
			s := start(t, following(), c)
			time.Sleep(time.Second)
			requests := 0
			c.Inject(sim.Fault{Verb: "log", Match: func(*sim.Request) bool { requests++; return false }})
			for i := range 120 {
				want = append(want, fmt.Sprint("line ", i))
				write(t, app, fmt.Sprint("line ", i))
				time.Sleep(time.Second)
			}
			time.Sleep(10 * time.Second)
			s.stop()
			wantTexts(s, k, "web", want...)
			if n := strings.Count(s.logged(), "\n"); n > 0 || strings.Contains(s.logged(), "lines may be missing") {
				t.Errorf("stderr:\n%s", s.logged())
			}
			if requests > 130 {
				t.Errorf("%d requests in 130 s", requests)
			}
		})
	}
}

// The last lines are wanted, and the node can't be asked for them.
func TestOddKubeletsTail(t *testing.T) {
	for name, k := range oddKubelets {
		for _, last := range []int64{0, 3, 30} {
			bubble(t, fmt.Sprintf("%s, %d", name, last), func(t *testing.T) {
				c, app := webOn(t, k)
				var want []string
				for i := range 20 {
					want = append(want, fmt.Sprint("before ", i))
					write(t, app, want[i])
				}
				want = want[max(0, 20-last):]
				time.Sleep(10 * time.Second)
				o := following()
				o.Tail = last
				s := start(t, o, c)
				time.Sleep(time.Second)
				for i := range 20 {
					want = append(want, fmt.Sprint("line ", i))
					write(t, app, fmt.Sprint("line ", i))
					time.Sleep(time.Second)
				}
				time.Sleep(time.Minute)
				s.stop()
				wantTexts(s, k, "web", want...)
			})
		}
	}
}

// Without following, all that there is comes once.
func TestOddKubeletsNoFollow(t *testing.T) {
	for name, k := range oddKubelets {
		bubble(t, name, func(t *testing.T) {
			c, app := webOn(t, k)
			write(t, app, "error: one", "one", "same", "same", "same")
			done := c.AddPod(sim.PodSpec{Name: "done", Policy: "Never"}).Container("app")
			write(t, done, "only")
			done.Exit(0)
			s := start(t, tail.Options{Tail: -1}, c)
			<-s.done
			wantTexts(s, k, "web", "error: one", "one", "same", "same", "same")
			wantTexts(s, k, "done", "only")
		})
	}
}

// Where the last lines are asked for, the pieces of long ones count as lines. The end of a log with such lines is known all the same.
func TestOddKubeletsLongLines(t *testing.T) {
	long := strings.Repeat("x", 40<<10)
	for name, k := range oddKubelets {
		for _, before := range []int{3, 30} {
			for _, after := range []int{0, 15} {
				bubble(t, fmt.Sprintf("%s, %d lines before, %d after", name, before, after), func(t *testing.T) {
					c, app := webOn(t, k)
					var want []string
					for i := range before {
						want = append(want, fmt.Sprint("before ", i))
					}
					want = append(want, long)
					for i := range after {
						want = append(want, fmt.Sprint("after ", i))
					}
					write(t, app, want...)
					s := start(t, tail.Options{Tail: -1}, c)
					<-s.done
					wantTexts(s, k, "web", want...)
					if strings.Contains(s.logged(), "lines may be missing") {
						t.Errorf("stderr: %s", s.logged())
					}
				})
			}
		}
	}
}

// A container that restarts on such a node: no line comes twice, and what can't be had of the instance before is a gap at most.
func TestOddKubeletsRestart(t *testing.T) {
	for name, k := range oddKubelets {
		bubble(t, name, func(t *testing.T) {
			c, app := webOn(t, k)
			s := start(t, following(), c)
			var want []string
			for n := range 3 {
				for i := range 30 {
					want = append(want, fmt.Sprintf("instance %d, line %d", n, i))
					write(t, app, want[len(want)-1])
					time.Sleep(time.Second)
				}
				time.Sleep(10 * time.Second)
				app.Restart()
			}
			time.Sleep(time.Minute)
			s.stop()
			wantTexts(s, k, "web", want...)
			if !k.NoPrevious && strings.Contains(s.logged(), "lines may be missing") {
				t.Errorf("stderr:\n%s", s.logged())
			}
		})
	}
}

// A container restarts before it is known what its node ignores, each time while the API is away, and then goes on in the middle of a line, or
// ends: no line comes twice or in parts, and what can't be had of the instance before is a gap at most.
func TestOddKubeletsEarlyRestart(t *testing.T) {
	for name, k := range oddKubelets {
		for _, lines := range [][]int{{2, 0}, {2, 1}, {2, 30}, {0, 1}, {2, 1, 30}} { // of each instance
			for _, ends := range []bool{false, true} {
				bubble(t, fmt.Sprintf("%s, lines %v, ends %v", name, lines, ends), func(t *testing.T) {
					c := simulated(t, sim.Options{})
					defer c.Close()
					c.Node("node-1").SetKubelet(k)
					app := c.AddPod(sim.PodSpec{Name: "web", Policy: "OnFailure"}).Container("app")
					s := start(t, following(), c)
					var want []string
					for i, n := range lines {
						if i > 0 {
							time.Sleep(4 * time.Second)
							c.Down()
							time.Sleep(100 * time.Millisecond)
							app.Restart()
						}
						for range n {
							want = append(want, fmt.Sprint("line ", len(want)))
							write(t, app, want[len(want)-1])
							time.Sleep(200 * time.Millisecond)
						}
						head := sim.Record{Stamp: time.Now(), Partial: true, Text: "torn, "}
						switch last := i == len(lines)-1; {
						case last && ends:
							app.Exit(0)
						case last && app.Append(head) != nil:
							t.Fatal("the container does not run")
						}
						if err := c.Up(); i > 0 && err != nil {
							t.Fatal(err)
						}
					}
					time.Sleep(time.Minute)
					if !ends {
						want = append(want, "torn, its rest")
						if err := app.Append(sim.Record{Stamp: time.Now(), Text: "its rest"}); err != nil {
							t.Fatal(err)
						}
					}
					time.Sleep(time.Minute)
					s.stop()
					wantTexts(s, k, "web", want...)
					if !k.NoPrevious && strings.Contains(s.logged(), "lines may be missing") {
						t.Errorf("stderr:\n%s", s.logged())
					}
				})
			}
		}
	}
}

// The log of an instance of which the watch reports no more yet than its end is that of the next one already: what it ends with, which is the
// beginning of a line, is not taken for the last line of the one that has ended.
func TestPolledEarlyRead(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := webOn(t, sim.Kubelet{NoInotify: true})
		s := start(t, following(), c)
		time.Sleep(4 * time.Second)
		c.Inject(sim.Fault{Verb: "watch", Lines: 1, End: sim.Stall, Times: 1})
		c.Down()
		time.Sleep(100 * time.Millisecond)
		app.Restart()
		write(t, app, "one")
		if err := app.Append(sim.Record{Stamp: time.Now(), Partial: true, Text: "torn, "}); err != nil {
			t.Fatal(err)
		}
		if err := c.Up(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := app.Append(sim.Record{Stamp: time.Now(), Text: "its rest"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", "one", "torn, its rest")
		if strings.Contains(s.logged(), "lines may be missing") {
			t.Errorf("stderr:\n%s", s.logged())
		}
	})
}

// What was read from a node without timestamps does not come again with the next run, nor when all lines are the same.
func TestUnstampedState(t *testing.T) {
	for _, k := range []sim.Kubelet{{NoTimestamps: true}, {NoTimestamps: true, NoFollow: true, NoSince: true, NoTail: true}} {
		for _, same := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%+v, same lines %v", k, same), func(t *testing.T) {
				c, app := webOn(t, k)
				path := filepath.Join(t.TempDir(), "state")
				n := 0
				for range 3 {
					o := stateful(t, path)
					s := start(t, o, c)
					var want []string
					for range 40 {
						line := "tick"
						if n++; !same {
							line = fmt.Sprint("line ", n)
						}
						want = append(want, line)
						write(t, app, line)
						time.Sleep(time.Second)
					}
					time.Sleep(10 * time.Second)
					s.stop()
					wantTexts(s, k, "web", want...)
					if strings.Contains(s.logged(), "lines may be missing") {
						t.Errorf("stderr:\n%s", s.logged())
					}
				}
			})
		}
	}
}

// Streams of a node without timestamps that break go on where they were.
func TestUnstampedCuts(t *testing.T) {
	for _, end := range []sim.End{sim.EOF, sim.Abort, sim.Reset} {
		bubble(t, end.String(), func(t *testing.T) {
			c, app := webOn(t, sim.Kubelet{NoTimestamps: true, NoSince: true})
			c.Inject(sim.Fault{Verb: "log", Match: func(q *sim.Request) bool { return q.Query.Get("follow") == "true" }, After: 7 * time.Second, End: end})
			s := start(t, following(), c)
			want := steady(t, app, 300)
			time.Sleep(time.Minute)
			s.stop()
			s.want("web", "app", want...)
			if strings.Contains(s.logged(), "lines may be missing") {
				t.Errorf("stderr:\n%s", s.logged())
			}
		})
	}
}

// A log that is rotated on a node without timestamps comes without a repeat. Where none of the lines that were read last is left, lines may
// be missing.
func TestUnstampedRotation(t *testing.T) {
	for _, k := range []sim.Kubelet{{NoTimestamps: true}, {NoTimestamps: true, NoFollow: true}} {
		bubble(t, fmt.Sprintf("%+v", k), func(t *testing.T) {
			c, app := webOn(t, k)
			s := start(t, following(), c)
			var want []string
			for i := range 300 {
				if i == 100 || i == 200 {
					app.Rotate(0)
				}
				want = append(want, fmt.Sprint("line ", i))
				write(t, app, want[i])
				time.Sleep(50 * time.Millisecond)
				if i == 99 {
					time.Sleep(10 * time.Second)
				}
			}
			time.Sleep(20 * time.Second)
			s.stop()
			lines := s.lines("web", "app")
			slices.Sort(want)
			got := slices.Sorted(slices.Values(lines))
			missing := strings.Count(s.logged(), "lines may be missing")
			switch {
			case k.NoFollow && missing != 2, !k.NoFollow && (missing > 0 || !slices.Equal(got, want)), len(slices.Compact(got)) < len(lines):
				t.Errorf("got %q\nstderr:\n%s", lines, s.logged())
			}
		})
	}
}

// --until-time waits for what was written before it, however the node sends its logs.
func TestOddKubeletsUntil(t *testing.T) {
	for name, k := range oddKubelets {
		bubble(t, name, func(t *testing.T) {
			c, app := webOn(t, k)
			o := following()
			o.Until = time.Now().Add(32500 * time.Millisecond)
			s := start(t, o, c)
			var want []string
			for i := range 32 {
				time.Sleep(time.Second)
				want = append(want, fmt.Sprint("line ", i))
				write(t, app, want[i])
			}
			begun := time.Now()
			<-s.done
			wantTexts(s, k, "web", want...)
			if took := time.Since(begun); took > 20*time.Second {
				t.Errorf("ended after %v", took)
			}
		})
	}
}

// A text that a gateway sends in place of a log does not make a log without timestamps of it.
func TestTextInPlaceOfLog(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		want := steady(t, app, 10)
		page := c.Inject(sim.Fault{Verb: "log", Insert: "Bad Gateway\nTry again later\n", End: sim.EOF})
		s := start(t, following(), c)
		time.Sleep(10 * time.Second)
		page.Remove()
		want = append(want, steady(t, app, 100)...)
		time.Sleep(time.Minute)
		want = append(want, steady(t, app, 100)...)
		s.stop()
		got := s.lines("web", "app")
		got = slices.DeleteFunc(got, func(l string) bool { return !strings.HasPrefix(l, "web") })
		if !slices.Equal(got, want) || strings.Contains(s.logged(), "lines may be missing") {
			t.Errorf("got %q, want %q\nstderr:\n%s", got, want, s.logged())
		}
	})
}

// --rotated changes nothing on a node that sends no timestamps: the lines of its files can't be told from those of its logs.
func TestUnstampedRotatedFiles(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := webOn(t, sim.Kubelet{NoTimestamps: true})
		steady(t, app, 10)
		app.Rotate(0)
		want := steady(t, app, 20)
		o := following()
		o.Rotated = true
		s := start(t, o, c)
		want = append(want, steady(t, app, 20)...)
		app.Restart()
		want = append(want, steady(t, app, 20)...)
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", want...)
		if strings.Count(s.logged(), "\n") > 0 {
			t.Errorf("stderr:\n%s", s.logged())
		}
	})
}

// All that there is of a log without stamps lies in a rotated file, which has stamps: they do not show that the log has any.
func TestUnstampedBehindRotatedFile(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := webOn(t, sim.Kubelet{NoTimestamps: true})
		write(t, app, "one")
		app.Rotate(0)
		o := following()
		o.Rotated = true
		s := start(t, o, c)
		time.Sleep(time.Minute)
		write(t, app, "two", "three")
		time.Sleep(time.Minute)
		s.exact([]string{"one", "two", "three"})
	})
}

// Lines whose stamps are out of order come once from a node that ignores sinceTime.
func TestNoSinceOutOfOrder(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := webOn(t, sim.Kubelet{NoFollow: true, NoSince: true})
		s := start(t, following(), c)
		var want []string
		for i := range 60 {
			want = append(want, fmt.Sprint("line ", i))
			app.WriteStamped(time.Now().Add(-time.Duration(i%2)*500*time.Millisecond), want[i])
			if i%2 == 1 {
				time.Sleep(time.Second)
			}
		}
		time.Sleep(10 * time.Second)
		s.stop()
		s.want("web", "app", want...)
	})
}

// A node that does not follow logs ends each stream cleanly, which says nothing of what is written later: where the log of an instance is
// gone, that is a gap.
func TestOddKubeletCleanEnd(t *testing.T) {
	for pause := 100 * time.Millisecond; pause < 4*time.Second; pause += 300 * time.Millisecond {
		for _, silent := range []time.Duration{0, 50 * time.Millisecond} { // how long the current log has nothing
			bubble(t, fmt.Sprintf("%v, silent for %v", pause, silent), func(t *testing.T) {
				c, app := webOn(t, sim.Kubelet{NoFollow: true, NoSince: true, NoTail: true, NoPrevious: true, NoLimit: true})
				write(t, app, "one", "two", "three")
				s := start(t, following(), c)
				time.Sleep(pause)
				write(t, app, "four")
				time.Sleep(900 * time.Millisecond)
				app.Restart()
				time.Sleep(silent)
				write(t, app, "five", "six")
				time.Sleep(1200 * time.Millisecond)
				app.Restart()
				time.Sleep(10 * time.Minute)
				gaps := s.stop()[0].Gaps
				if got := s.lines("web", "app"); gaps == 0 && !slices.Contains(got, "four") {
					t.Errorf("got %q and no gap; stderr: %s", got, s.logged())
				}
			})
		}
	}
}

// A node that knows no time stamps all lines with the first nanosecond of 1970, and another one with that of its start: each line comes once
// all the same.
func TestOneStamp(t *testing.T) {
	for _, at := range []time.Time{time.Unix(0, 0), time.Unix(0, 1), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		for _, end := range []sim.End{sim.EOF, sim.Abort} {
			bubble(t, fmt.Sprint(at.UTC(), end), func(t *testing.T) {
				c, app := web(t, sim.Options{})
				c.Inject(sim.Fault{Verb: "log", Match: func(q *sim.Request) bool { return q.Query.Get("follow") == "true" }, After: 7 * time.Second, End: end})
				s := start(t, following(), c)
				var want []string
				for i := range 300 {
					want = append(want, fmt.Sprint("line ", i/2)) // each twice
					app.WriteStamped(at, want[i])
					time.Sleep(100 * time.Millisecond)
				}
				time.Sleep(time.Minute)
				s.exact(want)
			})
		}
	}
}

// The last lines are wanted of a node that must send the whole log for them, which takes longer than a request may.
func TestOddKubeletsTailSlowly(t *testing.T) {
	for name, k := range oddKubelets {
		bubble(t, name, func(t *testing.T) {
			c, app := webOn(t, k)
			var want []string
			for i := range 400 {
				want = append(want, fmt.Sprint("before ", i, strings.Repeat("x", 1000)))
				write(t, app, want[i])
			}
			time.Sleep(10 * time.Second)
			o := following()
			o.Tail, o.OwnStreams = 3, -1 // else its own connection is thought to wait, not what is around it
			want = want[len(want)-3:]
			cfg := c.RESTConfig()
			cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return slowLogs{next} })
			s := startOn(t, o, tail.Cluster{Name: c.Name(), Namespace: "default", Users: []tail.User{{Config: cfg}}})
			time.Sleep(5 * time.Minute)
			for i := range 20 {
				want = append(want, fmt.Sprint("line ", i))
				write(t, app, fmt.Sprint("line ", i))
				time.Sleep(time.Second)
			}
			time.Sleep(20 * time.Minute)
			if gaps := s.stop()[0].Gaps; gaps > 0 {
				t.Errorf("%d gaps; stderr:\n%s", gaps, s.logged())
			}
			wantTexts(s, k, "web", want...)
		})
	}
}

// slowLogs brings logs at 5 kB/s.
type slowLogs struct{ http.RoundTripper }

func (l slowLogs) RoundTrip(q *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(q)
	if err == nil && strings.HasSuffix(q.URL.Path, "/log") {
		resp.Body = slowBody{resp.Body}
	}
	return resp, err
}

// WrappedRoundTripper is for client-go.
func (l slowLogs) WrappedRoundTripper() http.RoundTripper { return l.RoundTripper }

type slowBody struct{ io.ReadCloser }

func (b slowBody) Read(p []byte) (int, error) {
	time.Sleep(200 * time.Millisecond)
	return b.ReadCloser.Read(p[:min(len(p), 1000)])
}
