package tail_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mktail/tail"
	"mktail/tail/position"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// spoken runs a pod whose container writes what comes through the channel, also while the pod is deleted, and ends when
// that is closed.
func spoken(c *sim.Cluster) (*sim.Pod, chan string) {
	words := make(chan string)
	run := func(_ context.Context, out, _ io.Writer) int {
		for w := range words {
			fmt.Fprint(out, w)
		}
		return 0
	}
	return c.AddPod(sim.PodSpec{Name: "web", Containers: []sim.ContainerSpec{{Name: "app", Run: run}}}), words
}

// speaking starts a run beside a pod that says one, and then is being deleted: it has a minute.
func speaking(t *testing.T, c *sim.Cluster) (pod *sim.Pod, words chan string, s *session) {
	t.Helper()
	pod, words = spoken(c)
	s = start(t, following(), c)
	time.Sleep(time.Second)
	words <- "one\n"
	time.Sleep(time.Second)
	go pod.Delete(time.Minute)
	return pod, words, s
}

// A pod that is deleted goes on until its grace period ends: the clean end of a stream before that is not its last.
func TestDeletedPod(t *testing.T) {
	bubble(t, "writes on without a kubelet and is forced away", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		pod, words, s := speaking(t, c)
		time.Sleep(3 * time.Second)
		words <- "two\n"
		time.Sleep(time.Second)
		c.KubeletDown()
		for range 10 {
			time.Sleep(time.Second)
			words <- "lost\n"
		}
		go pod.Delete(0)
		time.Sleep(time.Second)
		close(words)
		c.KubeletUp()
		time.Sleep(10 * time.Minute)
		summary := s.stop()[0]
		s.want("web", "app", "one", "two")
		if summary.Gaps != 1 || !strings.Contains(s.logged(), string(report.LogUnavailable)) {
			t.Errorf("%d gaps; stderr: %s", summary.Gaps, s.logged())
		}
	})
	bubble(t, "ends without a newline after the kubelet was away", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		_, words, s := speaking(t, c)
		time.Sleep(3 * time.Second)
		c.KubeletDown()
		c.KubeletUp()
		time.Sleep(10 * time.Second)
		words <- "two\nthree"
		time.Sleep(time.Second)
		close(words)
		time.Sleep(10 * time.Minute)
		s.stop()
		s.want("web", "app", "one", "two", "three")
		if logged := s.logged(); logged != "" {
			t.Errorf("stderr: %s", logged)
		}
	})
	bubble(t, "writes on after a gateway has ended its stream, by a clock that is behind", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.Node("node-1").SetClock(-30 * time.Second)
		c.Inject(sim.Fault{Verb: "log", Times: 1, After: 3 * time.Second, End: sim.EOF})
		_, words, s := speaking(t, c)
		c.Inject(sim.Fault{Verb: "get", Delay: 5 * time.Second})
		time.Sleep(3 * time.Second)
		words <- "lost\n"
		time.Sleep(time.Second)
		close(words)
		time.Sleep(10 * time.Minute)
		summary := s.stop()[0]
		s.want("web", "app", "one")
		if summary.Gaps != 1 {
			t.Errorf("%d gaps", summary.Gaps)
		}
	})
	for _, tt := range []struct {
		name  string
		cuts  []sim.Fault // of one answer each
		lines []string
		gaps  int64
	}{
		{"ends when a gateway cuts its last line", []sim.Fault{{Lines: 3, Bytes: 33, End: sim.EOF}}, []string{"one", "two", "three", "four"}, 0},
		{"ends when a gateway cuts its stream, and then the log", []sim.Fault{{Lines: 1, End: sim.EOF}, {Lines: 2, End: sim.Abort}, {Status: 400}}, []string{"one", "two"}, 1},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			for i, f := range tt.cuts {
				f.Verb, f.Container, f.Skip = "log", "app", i
				if f.End != sim.Continue {
					f.Times = 1
				}
				c.Inject(f)
			}
			app := sim.ContainerSpec{Name: "app", Run: func(ctx context.Context, out, _ io.Writer) int {
				<-ctx.Done()
				fmt.Fprint(out, "one\ntwo\nthree\nfour")
				return 0
			}}
			side := sim.ContainerSpec{Name: "side", Run: func(ctx context.Context, out, _ io.Writer) int {
				<-ctx.Done()
				time.Sleep(5 * time.Second)
				return 0
			}}
			pod := c.AddPod(sim.PodSpec{Name: "web", Containers: []sim.ContainerSpec{app, side}})
			s := start(t, following(), c)
			time.Sleep(time.Second)
			pod.Delete(time.Minute)
			time.Sleep(10 * time.Minute)
			summary := s.stop()[0]
			s.want("web", "app", tt.lines...)
			if summary.Gaps != tt.gaps {
				t.Errorf("%d gaps; stderr: %s", summary.Gaps, s.logged())
			}
		})
	}
	for _, lag := range []time.Duration{0, 500 * time.Millisecond, 3 * time.Second} {
		bubble(t, fmt.Sprint("ends with its last line, which the API knows after ", lag), func(t *testing.T) {
			c := simulated(t, sim.Options{StatusLag: lag})
			defer c.Close()
			pod, words := spoken(c)
			s := start(t, following(), c)
			time.Sleep(time.Second)
			words <- "one\n"
			go pod.Delete(time.Minute)
			time.Sleep(1700 * time.Millisecond)
			words <- "two\nthree"
			close(words)
			time.Sleep(10 * time.Minute)
			s.stop()
			s.want("web", "app", "one", "two", "three")
			if logged := s.logged(); logged != "" {
				t.Errorf("stderr: %s", logged)
			}
		})
	}
}

// Of many pods that are deleted at once, whose logs are removed as soon as their containers have ended, every line has come, and no gap
// is reported: whenever the API tells of the ends, how slowly it answers, and whatever the clocks of the nodes say.
func TestManyDeletedPods(t *testing.T) {
	for _, tt := range []struct{ lag, delay time.Duration }{
		{}, {0, 4 * time.Second}, {300 * time.Millisecond, 700 * time.Millisecond}, {1200 * time.Millisecond, 0}, {4 * time.Second, 4 * time.Second},
	} {
		bubble(t, fmt.Sprint("the API knows after ", tt.lag, " and answers after ", tt.delay), func(t *testing.T) {
			c := simulated(t, sim.Options{StatusLag: tt.lag})
			defer c.Close()
			c.Inject(sim.Fault{Verb: "get", Delay: tt.delay})
			const n = 60
			for i := range n {
				node := fmt.Sprint("node-", i%3)
				c.Node(node).SetClock(time.Duration(i%3-1) * 30 * time.Second)
				name := fmt.Sprint("web-", i)
				// speak begins with a line, and ends with two, the last without a newline, so long after the deletion.
				speak := func(container string, after time.Duration) sim.ContainerSpec {
					return sim.ContainerSpec{Name: container, Run: func(ctx context.Context, out, _ io.Writer) int {
						fmt.Fprintln(out, "one")
						<-ctx.Done()
						time.Sleep(after)
						fmt.Fprint(out, "two\nthree")
						c.Pod("default", name).Container(container).Lose(false)
						return 0
					}}
				}
				ends := time.Duration(i+1) * 37 * time.Millisecond
				c.AddPod(sim.PodSpec{Name: name, Node: node, Containers: []sim.ContainerSpec{
					speak("app", ends), speak("side", ends+time.Duration(i%7)*400*time.Millisecond)}})
			}
			s := start(t, following(), c)
			time.Sleep(5200 * time.Millisecond)
			for _, p := range c.Pods() {
				go p.Delete(time.Minute)
			}
			time.Sleep(2 * time.Minute)
			s.stop()
			for i := range n {
				for _, container := range []string{"app", "side"} {
					if got := s.lines(fmt.Sprint("web-", i), container); !slices.Equal(got, []string{"one", "two", "three"}) {
						t.Errorf("web-%d/%s: got %q", i, container, got)
					}
				}
			}
			if logged := s.logged(); logged != "" {
				t.Errorf("stderr: %s", logged)
			}
		})
	}
}

// Without following, too, a clean end of a stream may come too early: what a log held when it was first asked for comes,
// once, whatever ends its streams. That takes one more request, for the last line, and others if that is not the one that was
// read last.
func TestNoFollowToTheEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		faults []sim.Fault
		o      tail.Options
		skip   int // lines that are not wanted
		asks   int
	}{
		"nothing is wrong":                   {asks: 2},
		"nothing is wrong, --tail":           {o: tail.Options{Tail: 5}, skip: 15, asks: 3}, // one more tells whether the node knows that option
		"the end comes within a line":        {faults: []sim.Fault{{Lines: 7, Bytes: 38}}, asks: 4},
		"the end comes within a stamp":       {faults: []sim.Fault{{Lines: 7, Bytes: 9}}, asks: 3},
		"the end comes between lines":        {faults: []sim.Fault{{Lines: 7}}, asks: 4},
		"the end comes before the first":     {faults: []sim.Fault{{}}, asks: 3},
		"the end comes twice":                {faults: []sim.Fault{{Lines: 7, Bytes: 38}, {Lines: 12, Bytes: 35}}, asks: 4},
		"the end comes early, --tail":        {faults: []sim.Fault{{Lines: 3, Match: func(q *sim.Request) bool { return q.Query.Get("tailLines") == "10" }}}, o: tail.Options{Tail: 10}, skip: 10, asks: 6},
		"the end comes early, --since":       {faults: []sim.Fault{{Lines: 3}}, o: tail.Options{Tail: -1, Since: time.Hour}, asks: 5},
		"the end comes early, --limit-bytes": {faults: []sim.Fault{{Lines: 3}}, o: tail.Options{Tail: -1, LimitBytes: 1 << 20}, asks: 4},
	} {
		for _, running := range []bool{true, false} {
			bubble(t, fmt.Sprint(name, ", running ", running), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				for _, f := range tt.faults {
					f.Verb, f.Times, f.End = "log", 1, sim.EOF
					c.Inject(f)
				}
				app := c.AddPod(sim.PodSpec{Name: "web", Policy: "Never"}).Container("app")
				var want []string
				for i := range 20 {
					want = append(want, fmt.Sprint("line number ", i))
					app.WriteStamped(time.Now().Add(time.Duration(i)), want[i])
				}
				time.Sleep(time.Second)
				if !running {
					app.Exit(0)
				}
				if tt.o.Tail == 0 {
					tt.o.Tail = -1
				}
				s := start(t, tt.o, c)
				summary := (<-s.done)[0]
				s.want("web", "app", want[tt.skip:]...)
				if summary.Failed != "" || s.logged() != "" {
					t.Errorf("summary %+v; stderr: %s", summary, s.logged())
				}
				asks := 0
				for _, q := range c.Requests() {
					if q.Verb == "log" {
						if asks++; asks == tt.asks && q.Query.Get("tailLines") != "2" {
							t.Errorf("the last request is %v", q.Query)
						}
					}
				}
				if asks != tt.asks {
					t.Errorf("%d requests for the log, want %d", asks, tt.asks)
				}
			})
		}
	}
	bubble(t, "the node goes away", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.Inject(sim.Fault{Verb: "log", Times: 1, Lines: 3, Bytes: 38, End: sim.EOF})
		c.Inject(sim.Fault{Verb: "log", Status: 500, Skip: 1})
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		write(t, app, "one", "two", "three", "half a line is no line")
		s := start(t, tail.Options{Tail: -1}, c)
		if summary := (<-s.done)[0]; summary.Failed == "" {
			t.Errorf("summary %+v", summary)
		}
		s.want("web", "app", "one", "two", "three")
	})
	bubble(t, "one that writes all the time", func(t *testing.T) {
		for _, skewed := range []time.Duration{0, -time.Hour, time.Hour} {
			c := simulated(t, sim.Options{})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			n := 0
			c.Inject(sim.Fault{Verb: "log", Match: func(*sim.Request) bool {
				for range 3 {
					app.WriteStamped(time.Now().Add(skewed+time.Duration(n)), fmt.Sprint(n))
					n++
				}
				return true
			}})
			s := start(t, tail.Options{Tail: -1}, c)
			<-s.done
			if asks := n / 3; asks > 4 {
				t.Errorf("clock %v: %d requests", skewed, asks)
			}
			got := s.lines("web", "app")
			if len(got) < 3 { // that were there at the first request
				t.Errorf("clock %v: got %q", skewed, got)
			}
			for i, line := range got {
				if line != fmt.Sprint(i) {
					t.Errorf("clock %v: got %q", skewed, got)
				}
			}
		}
	})
	bubble(t, "one container after another", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		var want []string
		for i := range 5 {
			name := fmt.Sprint("web-", i)
			c.Inject(sim.Fault{Verb: "log", Pod: name, Times: 1, Lines: 2, End: sim.EOF})
			app := c.AddPod(sim.PodSpec{Name: name}).Container("app")
			for n := range 4 {
				want = append(want, fmt.Sprint(name, " ", n))
				write(t, app, want[len(want)-1])
			}
		}
		s := start(t, tail.Options{Tail: -1, MaxStreams: 1}, c)
		<-s.done
		var got []string
		for _, r := range s.records() {
			got = append(got, r.Line)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	bubble(t, "an empty log, and one of which nothing is wanted", func(t *testing.T) {
		for last, most := range map[int64]int{-1: 3, 0: 1} {
			c := simulated(t, sim.Options{})
			defer c.Close()
			c.AddPod(sim.PodSpec{Name: "web"})
			s := start(t, tail.Options{Tail: last}, c)
			begun := time.Now()
			<-s.done
			asks := 0
			for _, q := range c.Requests() {
				if q.Verb == "log" {
					asks++
				}
			}
			if asks != most || time.Since(begun) > 0 {
				t.Errorf("tail %d: %d requests in %v", last, asks, time.Since(begun))
			}
		}
	})
}

// What has ended is read to its end at once, whatever troubles made the follower patient while it ran: it may soon be removed.
func TestEndAfterTrouble(t *testing.T) {
	bubble(t, "restarted and deleted", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		web := c.AddPod(sim.PodSpec{Name: "web"})
		cut := c.Inject(sim.Fault{Verb: "log", End: sim.EOF, Times: 1000})
		s := start(t, following(), c)
		time.Sleep(time.Minute)
		cut.Remove()
		web.Container("app").Restart()
		time.Sleep(3 * time.Second)
		web.Delete(0)
		time.Sleep(time.Minute)
		if gaps := s.stop()[0].Gaps; gaps != 0 {
			t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
		}
	})
}

// An instance whose file is no more does not keep the next one waiting, which would be rotated meanwhile.
func TestNoFile(t *testing.T) {
	bubble(t, "previous", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, following(), c)
		write(t, app, "one")
		time.Sleep(time.Minute)
		c.Inject(sim.Fault{Verb: "log", Times: 1000, End: sim.EOF, Insert: `failed to try resolving symlinks in path "/x/0.log": lstat /x/0.log: no such file or directory`,
			Match: func(r *sim.Request) bool { return r.Query.Get("previous") != "" }})
		app.Restart()
		write(t, app, "two")
		time.Sleep(10 * time.Second)
		s.want("web", "app", "one", "two")
		s.stop()
	})
}

// Wherever in its bytes a log is cut, cleanly or not, and whatever the kubelet says between its lines: each line comes
// once, whole and in order, of a container that goes on, of one that has ended, and without following.
func TestCutAnywhere(t *testing.T) {
	for seed := range uint64(150) {
		bubble(t, fmt.Sprint(seed), func(t *testing.T) {
			d := rand.New(rand.NewPCG(seed, 4))
			c := simulated(t, sim.Options{Chunk: []int{0, 1, 37}[d.IntN(3)]})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "web", Policy: "Never"}).Container("app")
			ended, followed := d.IntN(2) == 0, d.IntN(2) == 0
			var want []string
			stamp := time.Unix(1_767_323_045, int64(d.IntN(1000))*1e6)
			for range 1 + d.IntN(40) { // stamps that mostly grow, with equal ones and steps back, and repeated lines
				if d.IntN(3) > 0 {
					stamp = stamp.Add(time.Duration(d.IntN(200)) * time.Millisecond)
				}
				at := stamp
				if d.IntN(10) == 0 {
					at = at.Add(-time.Duration(d.IntN(int(position.Slack))))
				}
				text := fmt.Sprint("line ", d.IntN(5)) + strings.Repeat("世", d.IntN(8))
				if d.IntN(8) == 0 {
					text = ""
				}
				want = append(want, text)
				app.WriteStamped(at, text)
			}
			if ended {
				app.Exit(0)
			}
			for range d.IntN(4) { // that no run gives up
				f := sim.Fault{Verb: "log", Times: 1, Lines: d.IntN(40), Bytes: d.IntN(60)}
				f.End = []sim.End{sim.EOF, sim.Abort, sim.Cut}[d.IntN(3)]
				if d.IntN(3) == 0 {
					f.Bytes = 0
					f.Insert = []string{"rpc error: code = Unknown\n", "unable to retrieve container logs for containerd://x"}[d.IntN(2)]
				}
				c.Inject(f)
			}
			s := start(t, tail.Options{Tail: -1, Follow: followed}, c)
			if followed {
				time.Sleep(time.Hour)
				s.stop()
			} else {
				<-s.done
			}
			s.want("web", "app", want...)
			if strings.Contains(s.logged(), "missing") {
				t.Errorf("ended %v, followed %v; stderr: %s", ended, followed, s.logged())
			}
		})
	}
}

// When the end of a run comes before all was read, the summary says what is left: what can't be opened, or without following is not read
// to its end, and a cluster whose pods are not listed yet.
func TestLeft(t *testing.T) {
	stalled := sim.Fault{Verb: "log", Container: "side", Lines: 1, End: sim.Stall}
	refused := sim.Fault{Verb: "log", Container: "side", Status: 500}
	for _, tt := range []struct {
		name   string
		fault  sim.Fault
		follow bool
		want   string
	}{
		{"following, all is well", sim.Fault{Verb: "log", Pod: "none"}, true, ""},
		{"following, a container can't be read", refused, true, "default/web/side"},
		{"following, none can be read", sim.Fault{Verb: "log", Status: 500}, true, "2 containers"},
		{"following, the pods are not listed", sim.Fault{Verb: "list", Delay: time.Hour}, true, "not all pods were listed"},
		{"an answer that stalls", stalled, false, "default/web/side"},
		{"the pods are not listed", sim.Fault{Verb: "list", Delay: time.Hour}, false, "not all pods were listed"},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			c.Inject(tt.fault)
			lines := func(i int) (string, bool) {
				time.Sleep(time.Millisecond)
				return fmt.Sprint("line ", i), i < 3 || tt.follow
			}
			c.AddPod(sim.PodSpec{Name: "web", Policy: "Never", Containers: []sim.ContainerSpec{{Name: "app", Lines: lines, Rate: 1}, {Name: "side", Lines: lines, Rate: 1}}})
			time.Sleep(10 * time.Second)
			s := start(t, tail.Options{Follow: tt.follow, Tail: -1}, c)
			time.Sleep(5 * time.Second)
			if summary := s.stop()[0]; summary.Left != tt.want {
				t.Errorf("left is %q, want %q; stderr: %s", summary.Left, tt.want, s.logged())
			}
		})
	}
}

// A gateway that lets hardly anything through leaves lines out: that is reported, however the run ends, and does not take requests without
// end.
func TestTinyAnswers(t *testing.T) {
	for name, fault := range map[string]sim.Fault{
		"1 line": {Lines: 1}, "2 lines": {Lines: 2}, "3 lines": {Lines: 3}, "17 lines": {Lines: 17}, "40 lines": {Lines: 40},
		"10 bytes": {Bytes: 10}, "50 bytes": {Bytes: 50}, "200 bytes": {Bytes: 200}, "1000 bytes": {Bytes: 1000},
	} {
		for _, end := range []sim.End{sim.EOF, sim.Abort} {
			for _, mode := range []string{"no follow", "ended", "running"} {
				bubble(t, fmt.Sprint(name, ", ", end, ", ", mode), func(t *testing.T) {
					c := simulated(t, sim.Options{})
					defer c.Close()
					app := c.AddPod(sim.PodSpec{Name: "web", Policy: "Never"}).Container("app")
					stamp := time.Now()
					var want []string
					for i := range 100 {
						stamp = stamp.Add(100 * time.Millisecond)
						want = append(want, fmt.Sprint("line ", i))
						app.WriteStamped(stamp, want[i])
					}
					fault.Verb, fault.End = "log", end
					injected := c.Inject(fault)
					if mode == "ended" {
						app.Exit(0)
					}
					o := following()
					if mode == "no follow" {
						o = tail.Options{Tail: -1}
					}
					s := start(t, o, c)
					if mode != "no follow" {
						time.Sleep(time.Hour)
						s.cancel()
					}
					summary := (<-s.done)[0]
					got := s.once("web", "app")
					if len(got) < len(want) && summary.Gaps == 0 && summary.Failed == "" && !strings.Contains(s.logged(), "logs on node node-1: ") {
						t.Errorf("got %d lines of %d and nothing is reported: %s", len(got), len(want), s.logged())
					}
					if n := injected.Hits(); n > 2000 {
						t.Errorf("asked %d times", n)
					}
				})
			}
		}
	}
}
