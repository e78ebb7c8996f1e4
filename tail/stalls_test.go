package tail_test

import (
	"fmt"
	"testing"
	"time"

	"mktail/tail"
	"mktail/tail/follow"
	"mktail/testdata/sim"
)

// A stream that has fallen silent is found soon although those of a dead node hang, and so does each look at their logs.
func TestSilentAmongDead(t *testing.T) {
	bubble(t, "one of 51", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		for i := range 50 {
			c.AddPod(sim.PodSpec{Name: fmt.Sprint("dead-", i)})
		}
		live := c.AddPod(sim.PodSpec{Name: "live"}).Container("app")
		s := start(t, following(), c)
		time.Sleep(time.Second)
		c.Inject(sim.Fault{Verb: "log", Match: func(q *sim.Request) bool { return q.Pod != "live" }, End: sim.Stall})
		c.Inject(sim.Fault{Verb: "log", Pod: "live", Times: 1, Lines: 1, End: sim.Stall})
		c.CutConnections()
		time.Sleep(time.Second)
		write(t, live, "one", "two")
		time.Sleep(follow.Silence + follow.Silence/5 + 4*follow.CompareLimit)
		s.want("live", "app", "one", "two")
		s.stop()
	})
}

// A stream that brought much and then fell silent, as that of a kubelet that has missed a rotation, is compared with the log soon.
func TestSilentAfterMuch(t *testing.T) {
	for _, rotated := range []bool{false, true} {
		bubble(t, fmt.Sprint("rotated ", rotated), func(t *testing.T) {
			c, app := web(t, sim.Options{})
			o := following()
			o.Rotated = rotated
			c.Inject(sim.Fault{Verb: "log", Bytes: 300 << 10, Times: 1, End: sim.Stall, Match: func(q *sim.Request) bool { return q.Query.Get("follow") == "true" }})
			s := start(t, o, c)
			var want []string
			for i := range 20 {
				for j := range 200 {
					want = append(want, fmt.Sprintf("line %d %d %0100d", i, j, 0))
					write(t, app, want[len(want)-1])
				}
				time.Sleep(100 * time.Millisecond)
			}
			app.Rotate(0)
			want = append(want, "last")
			write(t, app, "last")
			time.Sleep(3 * follow.Soon)
			summary := s.stop()[0]
			if rotated {
				s.want("web", "app", want...)
			} else if got := s.lines("web", "app"); got[len(got)-1] != "last" || summary.Gaps != 1 {
				t.Errorf("ends with %.20q, %d gaps", got[len(got)-1], summary.Gaps)
			}
		})
	}
}

// Streams whose connection is frozen, or that hang though it isn't, are found dead and opened anew, whatever had come
// until then: lines, headers or nothing. Nothing is lost. In memory no connection of HTTP/1.1 is found dead by the system, so
// that the looks at the logs alone find it.
func TestFrozen(t *testing.T) {
	for name, fault := range map[string]sim.Fault{
		"after lines":           {Lines: 1, End: sim.Freeze},
		"within a line":         {Lines: 1, Bytes: 33, End: sim.Freeze},
		"after the headers":     {End: sim.Freeze},
		"later":                 {After: time.Minute, End: sim.Freeze},
		"headers that hang":     {Delay: 24 * time.Hour},
		"a stream that hangs":   {End: sim.Stall},
		"a stream, after lines": {Lines: 1, End: sim.Stall},
	} {
		for _, own := range []int{1000, -1} {
			for _, late := range []bool{false, true} {
				for _, last := range []int64{-1, 0} {
					bubble(t, fmt.Sprintf("%s, own streams %d, late headers %v, tail %d", name, own, late, last), func(t *testing.T) {
						c := simulated(t, sim.Options{LateHeaders: late})
						defer c.Close()
						app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
						other := c.AddPod(sim.PodSpec{Name: "other"}).Container("app")
						var want, wantOther []string
						if last != 0 {
							write(t, app, "old")
							want = append(want, "old")
						}
						time.Sleep(time.Minute)
						fault := fault
						fault.Verb, fault.Pod, fault.Times = "log", "web", 1
						f := c.Inject(fault)
						s := start(t, tail.Options{Follow: true, Tail: last, OwnStreams: own}, c)
						for i := range 20 {
							time.Sleep(30 * time.Second)
							line := fmt.Sprint("line ", i)
							write(t, app, line)
							write(t, other, line)
							want, wantOther = append(want, line), append(wantOther, line)
						}
						time.Sleep(15 * time.Minute)
						summary := s.stop()[0]
						s.want("web", "app", want...)
						s.want("other", "app", wantOther...)
						if summary.Gaps != 0 || f.Hits() != 1 {
							t.Errorf("%d gaps, %d hits; stderr: %s", summary.Gaps, f.Hits(), s.logged())
						}
					})
				}
			}
		}
	}
}

// The stream of a container that has nothing to say is left alone, though its log holds lines that were not to come.
func TestQuiet(t *testing.T) {
	for _, tt := range []struct {
		name  string
		since time.Duration
		tail  int64
	}{
		{"all", 0, -1},
		{"since", time.Minute, -1},
		{"tail", 0, 0},
		{"both", time.Minute, 5},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			write(t, app, "old")
			time.Sleep(time.Hour)
			s := start(t, tail.Options{Follow: true, Since: tt.since, Tail: tt.tail}, c)
			time.Sleep(time.Hour)
			if n := s.stop()[0].Reconnects; n != 0 {
				t.Errorf("opened anew %d times", n)
			}
		})
	}
}
