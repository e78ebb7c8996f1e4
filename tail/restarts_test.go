package tail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mktail/tail"
	"mktail/testdata/sim"
)

// A node's clock was set back, and a container restarts there: each line of its instances comes once, in order, without a gap.
func TestRestartAfterClockStep(t *testing.T) {
	for _, step := range []time.Duration{-5 * time.Second, -time.Hour, -72 * time.Hour} {
		for _, between := range []int{0, 1, 90} { // lines between the step and the restart
			bubble(t, fmt.Sprintf("by %v, %d lines before", step, between), func(t *testing.T) {
				c, app := web(t, sim.Options{})
				s := start(t, following(), c)
				want := ticks(t, app, "before", 20)
				c.Node("node-1").SetClock(step)
				want = append(want, ticks(t, app, "after", between)...)
				app.Restart()
				want = append(want, ticks(t, app, "next", 20)...)
				app.Restart()
				want = append(want, ticks(t, app, "last", 20)...)
				time.Sleep(10 * time.Minute)
				s.exact(want)
			})
		}
	}
}

// Instances come and go while the API server is away, and the log of the last one is rotated: with the node's files nothing of that is lost,
// although it began in the second in which the one before wrote.
func TestRotatedBeforeTheFirstLook(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		write(t, app, "known")
		o := following()
		o.Rotated = true
		s := start(t, o, c)
		time.Sleep(time.Second)
		c.Down()
		time.Sleep(2 * time.Second)
		app.Restart()
		time.Sleep(time.Second)
		app.Restart()
		write(t, app, "instance 2")
		time.Sleep(800 * time.Millisecond)
		app.Restart()
		time.Sleep(3 * time.Second)
		write(t, app, "one", "two", "three")
		app.Rotate(0)
		c.Up()
		time.Sleep(time.Minute)
		write(t, app, "four")
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", "known", "instance 2", "one", "two", "three", "four")
	})
}

// A pod is deleted while the API server is away, after restarts that it was not told of: what they wrote is a gap.
func TestDeletedAfterUnseenRestarts(t *testing.T) {
	for _, lag := range []time.Duration{0, time.Millisecond, 300 * time.Millisecond, time.Second} {
		bubble(t, lag.String(), func(t *testing.T) {
			c := simulated(t, sim.Options{StatusLag: lag})
			defer c.Close()
			pod := c.AddPod(sim.PodSpec{Name: "web"})
			app := pod.Container("app")
			s := start(t, following(), c)
			ticks(t, app, "known", 5)
			app.Restart()
			synctest.Wait()
			c.Down()
			ticks(t, app, "unseen", 5)
			app.Restart()
			ticks(t, app, "unseen, too", 5)
			time.Sleep(time.Minute)
			pod.Delete(0)
			time.Sleep(10 * time.Second)
			c.Up()
			time.Sleep(time.Minute)
			if gaps := s.stop()[0].Gaps; gaps == 0 {
				t.Errorf("no gap; got %q", s.lines("web", "app"))
			}
		})
	}
}

// A pod that a server-side selection no longer has, as it ended between two runs, is read to its end.
func TestEndedBetweenRuns(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path := t.TempDir() + "/state"
		app := c.AddPod(sim.PodSpec{Name: "web", Policy: "Never"}).Container("app")
		var got []string
		for i := range 3 {
			o := stateful(t, path)
			o.Fields = "status.phase=Running"
			s := start(t, o, c)
			time.Sleep(5 * time.Minute)
			s.stop()
			got = append(got, s.lines("web", "app")...)
			if i == 0 {
				write(t, app, "one", "two")
				app.Exit(0)
			}
		}
		if want := []string{"one", "two"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// A stream without timestamps stalls: that is found out, too, by its first line as well.
func TestUnstampedStall(t *testing.T) {
	for _, lines := range []int{0, 5} {
		bubble(t, fmt.Sprintf("after %d lines", lines), func(t *testing.T) {
			c, app := webOn(t, sim.Kubelet{NoTimestamps: true})
			c.Inject(sim.Fault{Verb: "log", Match: func(q *sim.Request) bool { return q.Query.Get("follow") == "true" }, Times: 1, Lines: lines, End: sim.Stall})
			s := start(t, following(), c)
			want := ticks(t, app, "line", 20)
			time.Sleep(time.Hour)
			want = append(want, ticks(t, app, "later", 5)...)
			s.exact(want)
		})
	}
}

// Where lines have no timestamps nothing tells a message of the kubelet from them: it comes as a record, but no line comes twice for it.
func TestKubeletSpeaksWithoutTimestamps(t *testing.T) {
	for _, after := range []int{0, 1, 20} {
		bubble(t, fmt.Sprintf("after %d lines", after), func(t *testing.T) {
			c, app := webOn(t, sim.Kubelet{NoTimestamps: true})
			const words = "failed to watch file: boom"
			c.Inject(sim.Fault{Verb: "log", Match: func(q *sim.Request) bool { return q.Query.Has("follow") }, Lines: after, Insert: words + "\n", End: sim.EOF, Times: 1})
			s := start(t, following(), c)
			want := ticks(t, app, "line", 30)
			time.Sleep(time.Hour)
			want = append(want, ticks(t, app, "later", 5)...)
			if gaps := s.stop()[0].Gaps; gaps != 0 {
				t.Errorf("%d gaps", gaps)
			}
			if got := slices.DeleteFunc(s.lines("web", "app"), func(l string) bool { return l == words }); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// A gateway cuts each answer, and the log is rotated before it was read: what the log holds yet comes once.
func TestCutAnswersOfRotatedLog(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		c.Inject(sim.Fault{Verb: "log", Bytes: 64000, End: sim.Abort})
		s := start(t, following(), c)
		stamp := time.Now()
		burst := func(what string, n int) (lines []string) {
			records := make([]sim.Record, n)
			for i := range records {
				stamp = stamp.Add(time.Microsecond)
				records[i] = sim.Record{Stamp: stamp, Text: fmt.Sprintf("%s %d %s", what, i, strings.Repeat("x", 60))}
				lines = append(lines, records[i].Text)
			}
			if err := app.Append(records...); err != nil {
				t.Fatal(err)
			}
			return lines
		}
		burst("first", 100)
		time.Sleep(time.Second)
		c.Down()
		burst("lost", 100)
		app.Rotate(0)
		stamp = time.Now()
		want := burst("second", 2000)
		c.Up()
		time.Sleep(20 * time.Minute)
		if gaps := s.stop()[0].Gaps; gaps != 1 {
			t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
		}
		var got []string
		for _, line := range s.lines("web", "app") {
			if strings.HasPrefix(line, "second") {
				got = append(got, line)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %d lines, want %d", len(got), len(want))
		}
	})
}

// Of a container that waits to be started again, the node serves one log as the current and as the previous one: that is no fault of the
// node.
func TestCrashLoop(t *testing.T) {
	bubble(t, "--previous", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		for i := range 6 {
			write(t, app, fmt.Sprint("life ", i))
			app.Exit(1)
			for !app.Running() && i < 5 {
				time.Sleep(time.Second)
			}
		}
		time.Sleep(time.Second)
		s := start(t, tail.Options{Tail: -1, Previous: true}, c)
		<-s.done
		s.want("web", "app", "life 5")
		if logged := s.logged(); logged != "" {
			t.Error(logged)
		}
	})
	bubble(t, "followed", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		s := start(t, following(), c)
		time.Sleep(time.Second)
		var want []string
		for i := range 8 {
			want = append(want, fmt.Sprint("life ", i))
			write(t, app, want[i])
			app.Exit(1)
			for !app.Running() {
				time.Sleep(time.Second)
			}
		}
		time.Sleep(time.Minute)
		s.exact(want)
	})
	bubble(t, "gone while the API server is away", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		pod := c.AddPod(sim.PodSpec{Name: "web"})
		app := pod.Container("app")
		s := start(t, following(), c)
		time.Sleep(time.Second)
		for i := range 8 {
			write(t, app, fmt.Sprint("life ", i))
			app.Exit(1)
			if i == 5 {
				time.Sleep(10 * time.Second)
				c.Down()
			}
			for !app.Running() && i < 7 {
				time.Sleep(time.Second)
			}
		}
		pod.Delete(0)
		time.Sleep(time.Minute)
		c.Compact()
		c.Up()
		time.Sleep(time.Minute)
		if gaps := s.stop()[0].Gaps; gaps != 1 {
			t.Errorf("%d gaps; got %q; stderr: %s", gaps, s.lines("web", "app"), s.logged())
		}
	})
}

// Two instances began within a second: lines of the one that ended may be thought to be of the one that runs. What that one has lost to
// rotation later is reported all the same.
func TestRotatedAfterRestartsWithinASecond(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		s := start(t, following(), c)
		write(t, app, "zero")
		time.Sleep(time.Minute)
		c.Down()
		app.Restart()
		write(t, app, "one")
		time.Sleep(100 * time.Millisecond)
		app.Restart()
		write(t, app, "two")
		c.Up()
		time.Sleep(time.Minute)
		c.Down()
		write(t, app, "lost")
		app.Rotate(0)
		c.Up()
		time.Sleep(time.Minute)
		write(t, app, "three")
		time.Sleep(time.Minute)
		if gaps := s.stop()[0].Gaps; gaps != 2 { // after zero, and after two
			t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
		}
		s.want("web", "app", "zero", "one", "two", "three")
	})
}

// With --rotated the log may be rotated between the step and the restart.
func TestRotatedAfterClockStep(t *testing.T) {
	for _, step := range []time.Duration{-30 * time.Second, -time.Hour, -72 * time.Hour} {
		for _, lines := range []int{0, 1, 30} { // between the rotation and the restart
			bubble(t, fmt.Sprintf("by %v, %d lines", step, lines), func(t *testing.T) {
				c, app := web(t, sim.Options{})
				o := following()
				o.Rotated = true
				s := start(t, o, c)
				want := ticks(t, app, "before", 60)
				c.Node("node-1").SetClock(step - time.Minute)
				time.Sleep(3 * time.Second)
				app.Rotate(0)
				want = append(want, ticks(t, app, "after", lines)...)
				time.Sleep(time.Second)
				app.Restart()
				want = append(want, ticks(t, app, "next", 20)...)
				time.Sleep(10 * time.Minute)
				s.exact(want)
			})
		}
	}
}

// A line that has only begun, and is rotated away then, is the instance's last one there. Without --rotated a gap takes its place.
func TestLineBegunAfterClockStep(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		o := following()
		o.Rotated = true
		s := start(t, o, c)
		want := append(ticks(t, app, "before", 60), "begun")
		node := c.Node("node-1")
		node.SetClock(-time.Hour)
		if err := app.Append(sim.Record{Stamp: node.Now(), Partial: true, Text: "begun"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		app.Rotate(0)
		time.Sleep(time.Second)
		app.Restart()
		want = append(want, ticks(t, app, "next", 20)...)
		time.Sleep(10 * time.Minute)
		s.exact(want)
	})
}

// A container restarts in the second in which it wrote its first line, so that whose that is must be found out; and its node stops answering
// within a line. What has come of that is no line.
func TestRestartStallsWithinALine(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		write(t, c.AddPod(sim.PodSpec{Name: "other"}).Container("app"), "by which the node", "is known")
		o := following()
		o.Rotated = true // which asks for files between
		s := start(t, o, c)
		time.Sleep(time.Second)
		want := []string{"a line of some length", "another one", "the last one"}
		write(t, app, want...)
		previous := func(q *sim.Request) bool { return q.Query.Get("previous") != "" && q.Query.Get("tailLines") == "" }
		c.Inject(sim.Fault{Verb: "log", Match: previous, Times: 1, Bytes: 40, End: sim.Stall})
		for range 3 {
			time.Sleep(700 * time.Millisecond)
			app.Restart()
		}
		write(t, app, "after")
		time.Sleep(10 * time.Minute)
		s.stop()
		s.want("web", "app", append(want, "after")...)
	})
}

// A container that was restarted often while the API was away goes on soon: files are looked for of the last instances alone.
func TestManyUnseenRestarts(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		o := following()
		o.Rotated = true
		s := start(t, o, c)
		want := ticks(t, app, "before", 10)
		c.Down()
		for range 100 {
			app.Restart()
		}
		lists := 0
		c.Inject(sim.Fault{Verb: "get", Path: "/app/", Match: func(*sim.Request) bool { lists++; return false }})
		if err := c.Up(); err != nil {
			t.Fatal(err)
		}
		want = append(want, ticks(t, app, "after", 10)...)
		time.Sleep(time.Minute)
		if gaps := s.stop()[0].Gaps; gaps != 1 || lists > 20 {
			t.Errorf("%d gaps, %d requests for files; stderr: %s", gaps, lists, s.logged())
		}
		s.want("web", "app", want...)
	})
}

// A container is restarted before the API knows, so that its first lines are read as those of the instance before, and may be, as both wrote in
// one second. Once its log has shown that it holds them, they must come again, or a gap is reported: the log was rotated.
func TestRotatedAfterEarlyRead(t *testing.T) {
	for name, k := range map[string]sim.Kubelet{"followed": {}, "polled": {NoInotify: true}} {
		bubble(t, name, func(t *testing.T) {
			c, app := webOn(t, k)
			c.Inject(sim.Fault{Verb: "log", Delay: 20 * time.Millisecond, Times: 1})
			s := start(t, following(), c)
			time.Sleep(10 * time.Millisecond)
			app.Restart()
			write(t, app, "one")
			time.Sleep(time.Minute)
			c.CutConnections()
			time.Sleep(time.Minute)
			c.Down()
			write(t, app, "two")
			app.Rotate(0)
			time.Sleep(time.Second)
			write(t, app, "three")
			if err := c.Up(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
			summary := s.stop()[0]
			s.want("web", "app", "one", "three")
			if summary.Gaps != 1 {
				t.Errorf("%d gaps; stderr: %s", summary.Gaps, s.logged())
			}
		})
	}
}
