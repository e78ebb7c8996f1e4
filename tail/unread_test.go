package tail_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mktail/tail"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// endings collects what is told of pods that have ended.
type endings struct {
	mu   sync.Mutex
	told []string      // name and what was not read
	last time.Duration // when the last one was told, since the first call of notify's maker
}

// watch has o report to e.
func (e *endings) watch(o *tail.Options) {
	begun := time.Now()
	o.Notify = func(event report.Event) {
		if event.Kind == report.PodEnded {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.told, e.last = append(e.told, strings.Join(append([]string{event.Pod}, event.Unread...), " ")), time.Since(begun)
		}
	}
}

func (e *endings) want(t *testing.T, within time.Duration, want ...string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Equal(e.told, want) || e.last > within {
		t.Errorf("got %q after %s, want %q within %s", e.told, e.last, want, within)
	}
}

// ended starts a cluster with a pod that has written some lines and ended.
func ended(t *testing.T, lines int) *sim.Cluster {
	t.Helper()
	c := simulated(t, sim.Options{})
	c.AddPod(sim.PodSpec{Name: "job", Policy: "Never", Containers: []sim.ContainerSpec{
		{Name: "main", Lines: func(i int) (string, bool) { return fmt.Sprint("line ", i), i < lines }}}})
	time.Sleep(time.Minute)
	return c
}

// That a pod has ended is told in bounded time, also if its log can't be read any more, and then which it is; with and without following.
func TestEndedButUnread(t *testing.T) {
	fault := func(f sim.Fault) func(*sim.Cluster) {
		f.Verb = "log"
		return func(c *sim.Cluster) { c.Inject(f) }
	}
	for name, tt := range map[string]struct {
		prepare func(c *sim.Cluster)
		unread  string // with Follow, what comes after a colon
		once    string // without
	}{
		"all is well":        {func(*sim.Cluster) {}, "", ""},
		"the node is gone":   {fault(sim.Fault{Status: 404, Message: "nodes n not found"}), ": nodes n not found", ": nodes n not found"},
		"the node fails":     {fault(sim.Fault{Status: 500, Message: "no route"}), ": Internal error occurred: no route", ": Internal error occurred: no route"},
		"the log is refused": {fault(sim.Fault{Status: 400, Message: "no such container"}), ": no such container", ": no such container"},
		"logs are forbidden": {fault(sim.Fault{Status: 403, Message: "not you"}), `: pods "job" is forbidden: not you`, `: pods "job" is forbidden: not you`},
		"nothing answers":    {fault(sim.Fault{Delay: 24 * time.Hour}), ": no answer in time", ": no answer in time"},
		"the log is removed": {func(c *sim.Cluster) { c.Pod("default", "job").Container("main").Lose(false) }, ": unable to retrieve container logs for ", ": unable to retrieve container logs for "},
		"it fails for a while": {func(c *sim.Cluster) {
			in := c.Inject(sim.Fault{Verb: "log", Status: 500, Message: "no route"})
			time.AfterFunc(40*time.Second, in.Remove)
		}, "", ": Internal error occurred: no route"},
	} {
		for _, follow := range []bool{true, false} {
			bubble(t, fmt.Sprint(name, ", follow ", follow), func(t *testing.T) {
				c := ended(t, 3)
				defer c.Close()
				tt.prepare(c)
				var e endings
				o := following()
				o.Follow = follow
				e.watch(&o)
				s := start(t, o, c)
				time.Sleep(time.Hour)
				want := tt.unread
				if !follow {
					want = tt.once
				}
				e.mu.Lock()
				if len(e.told) != 1 || !strings.HasPrefix(e.told[0], "job"+strings.Replace(want, ": ", " main: ", 1)) || want == "" && e.told[0] != "job" || e.last > 3*time.Minute {
					t.Errorf("got %q after %s, want %q", e.told, e.last, want)
				}
				e.mu.Unlock()
				s.stop()
			})
		}
	}
}

// A log that could not be read for a while, and was then, is not a reason when its pod ends later.
func TestEndedAfterUnread(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.AddPod(sim.PodSpec{Name: "job", Policy: "Never", Containers: []sim.ContainerSpec{
			{Name: "main", Lines: func(i int) (string, bool) { return fmt.Sprint("line ", i), i < 3 }},
			{Name: "other", Lines: func(i int) (string, bool) { return fmt.Sprint("line ", i), i < 10 }, Rate: 1. / 60}}})
		fails := c.Inject(sim.Fault{Verb: "log", Container: "main", Status: 500, Message: "no route"})
		time.AfterFunc(5*time.Minute, fails.Remove)
		var e endings
		o := following()
		e.watch(&o)
		s := start(t, o, c)
		time.Sleep(time.Hour)
		e.want(t, time.Hour, "job")
		s.stop()
		if n := len(s.lines("job", "main")); n != 3 {
			t.Errorf("%d lines", n)
		}
	})
}

// A log that is only read slowly, or whose cluster is away, is waited for.
func TestEndedAndRead(t *testing.T) {
	bubble(t, "the output stalls", func(t *testing.T) {
		c := ended(t, 20_000)
		defer c.Close()
		var e endings
		o := following()
		e.watch(&o)
		s := start(t, o, c)
		gate := make(chan struct{})
		s.mu.Lock()
		s.gate = gate
		s.mu.Unlock()
		time.Sleep(time.Hour)
		e.want(t, 0)
		close(gate)
		time.Sleep(time.Hour)
		e.want(t, 2*time.Hour, "job")
		s.stop()
		if n := len(s.lines("job", "main")); n != 20_000 {
			t.Errorf("%d lines", n)
		}
	})
	bubble(t, "the cluster is away", func(t *testing.T) {
		c := ended(t, 3)
		defer c.Close()
		fails := c.Inject(sim.Fault{Verb: "log", Status: 500, Message: "no route"})
		var e endings
		o := following()
		e.watch(&o)
		s := start(t, o, c)
		time.Sleep(10 * time.Second)
		c.Down()
		time.Sleep(time.Hour)
		fails.Remove()
		c.Up()
		time.Sleep(time.Hour)
		e.want(t, 2*time.Hour, "job")
		s.stop()
		s.want("job", "main", "line 0", "line 1", "line 2")
	})
}
