package tail_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mktail/testdata/sim"
)

// closed has the output take nothing until the function that it returns is called.
func (s *session) closed() (open func()) {
	gate := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = gate
	return func() { close(gate) }
}

// A pod that leaves what the server selects because it ends is read to its end, however slowly.
func TestEndLeavesSelection(t *testing.T) {
	for _, tt := range []struct {
		fields string
		exit   int
		away   bool
	}{
		{"status.phase=Running", 0, false},
		{"status.phase=Running", 1, false},
		{"status.phase=Running", 0, true},
		{"status.phase!=Succeeded", 0, false},
		{"status.phase!=Failed,spec.restartPolicy=Never", 3, false},
	} {
		bubble(t, fmt.Sprint(tt), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "job", Policy: "Never"}).Container("app")
			o := following()
			o.Fields = tt.fields
			s := start(t, o, c)
			time.Sleep(time.Second)
			open := s.closed()
			var want []string
			for i := range 2000 {
				want = append(want, fmt.Sprint(i, " ", strings.Repeat("x", 10<<10)))
				write(t, app, want[i])
			}
			if tt.away {
				c.Inject(sim.Fault{Verb: "watch", Times: 1, Status: 503})
				c.CutConnections()
				c.Compact()
			}
			app.Exit(tt.exit)
			time.Sleep(5 * time.Second)
			open()
			time.Sleep(time.Minute)
			summary := s.stop()[0]
			if got := s.lines("job", "app"); len(got) != len(want) || summary.Gaps > 0 {
				t.Errorf("%d lines of %d, %d gaps\n%s", len(got), len(want), summary.Gaps, s.logged())
			}
		})
	}
}

// A pod that has left what the server selects and returns goes on from its place, in whatever phase, and whatever the server
// said of it meanwhile.
func TestReturnToSelection(t *testing.T) {
	for name, fault := range map[string]*sim.Fault{
		"asked about":        nil,
		"not to be asked":    {Verb: "get", Status: 403},
		"said to be gone":    {Verb: "get", Status: 404, Times: 1},
		"no answer at first": {Verb: "get", Status: 500, Times: 2},
	} {
		for _, init := range []bool{true, false} {
			bubble(t, fmt.Sprint(name, ", in an init container: ", init), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				if fault != nil {
					fault := *fault
					fault.Match = func(q *sim.Request) bool { return q.Resource == "pods" && !strings.HasSuffix(q.Path, "/log") }
					c.Inject(fault)
				}
				labels := map[string]string{"app": "web"}
				pod := c.AddPod(sim.PodSpec{Name: "web", Labels: labels, Containers: []sim.ContainerSpec{{Name: "app", Init: init}}})
				time.Sleep(time.Second)
				app := pod.Container("app")
				o := following()
				o.Labels = "app=web"
				s := start(t, o, c)
				want := steady(t, app, 100)
				for range 3 {
					pod.SetLabels(nil)
					want = append(want, steady(t, app, 100)...)
					pod.SetLabels(labels)
					want = append(want, steady(t, app, 100)...)
				}
				time.Sleep(time.Second)
				if open := c.Stats().OpenLogs; open != 1 {
					t.Errorf("%d streams of one container", open)
				}
				summary := s.stop()[0]
				s.want("web", "app", want...)
				if summary.Gaps > 0 {
					t.Errorf("%d gaps\n%s", summary.Gaps, s.logged())
				}
			})
		}
	}
}

// Pods that have left what the server selects are forgotten when they are gone. Where they may be listed but not got, a few
// requests are enough, too.
func TestForgottenAfterLeaving(t *testing.T) {
	for _, how := range []string{"phase", "label", "label, and may not be asked about"} {
		bubble(t, how, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			path := filepath.Join(t.TempDir(), "state")
			o := stateful(t, path)
			if how == "phase" {
				o.Fields = "status.phase=Running"
			} else {
				o.Labels = "app=web"
			}
			if strings.Contains(how, "asked") {
				c.Inject(sim.Fault{Verb: "get", Status: 403})
			}
			labels := map[string]string{"app": "web"}
			write(t, c.AddPod(sim.PodSpec{Name: "stays", Labels: labels}).Container("app"), "x")
			s := start(t, o, c)
			time.Sleep(time.Second)
			for i := range 50 {
				p := c.AddPod(sim.PodSpec{Name: fmt.Sprint("job-", i), Policy: "Never", Labels: labels})
				write(t, p.Container("app"), "x")
				time.Sleep(time.Second)
				if how == "phase" {
					p.Container("app").Exit(0)
				} else {
					p.SetLabels(map[string]string{"app": "old"})
				}
				time.Sleep(time.Second)
				p.Delete(0)
				time.Sleep(time.Second)
			}
			time.Sleep(30 * time.Minute)
			if n := asked(c, "get"); n > 5*50 {
				t.Errorf("the API was asked %d times about 50 pods", n)
			}
			summary := s.stop()[0]
			if n := len(s.records()); n != 51 || summary.Gaps > 0 {
				t.Errorf("%d lines, want 51; %d gaps\n%s", n, summary.Gaps, s.logged())
			}
			b, err := os.ReadFile(path)
			if n := bytes.Count(b, []byte(`"job-`)); err != nil || n > 0 || !bytes.Contains(b, []byte("stays")) {
				t.Errorf("the file has %d pods that are gone: %v", n, err)
			}
		})
	}
}
