package tail_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/tail"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// session is a run of tail against simulated clusters. In a synctest bubble, settle and the clock's steps take the
// place of waiting.
type session struct {
	t      *testing.T
	cancel context.CancelFunc
	done   chan []report.Summary

	gate chan struct{} // the reader of the output takes nothing until it is closed; nil: it does

	mu          sync.Mutex
	out, stderr bytes.Buffer
}

type record struct{ Cluster, NS, Pod, Container, TS, Line string }

func start(t *testing.T, o tail.Options, clusters ...*sim.Cluster) *session {
	t.Helper()
	var tokens []string
	for _, c := range clusters {
		tokens = append(tokens, c.AdminToken())
	}
	return startAs(t, o, tokens, clusters...)
}

// startAs starts a run with a token for each cluster.
func startAs(t *testing.T, o tail.Options, tokens []string, clusters ...*sim.Cluster) *session {
	t.Helper()
	var cs []tail.Cluster
	for i, c := range clusters {
		cs = append(cs, tail.Cluster{Name: c.Name(), Namespace: "default", Users: []tail.User{{Config: c.RESTConfigFor(tokens[i])}}})
	}
	return startOn(t, o, cs...)
}

func startOn(t *testing.T, o tail.Options, cs ...tail.Cluster) *session {
	t.Helper()
	s := &session{t: t, done: make(chan []report.Summary, 1)}
	o.Log = zerolog.New(lockedWriter{s, &s.stderr})
	if o.OwnStreams == 0 {
		o.OwnStreams = 1000
	}
	if o.MaxStreams == 0 {
		o.MaxStreams = 1000
	}
	if o.MaxLine == 0 {
		o.MaxLine = 1 << 20
	}
	out := emit.NewOutput(lockedWriter{s, &s.out}, emit.JSON)
	ctx, cancel := context.WithCancel(t.Context())
	s.cancel = cancel
	go func() {
		summaries := tail.Run(ctx, cs, o, out)
		if n := out.Open(); n != 0 {
			t.Errorf("%d streams have not ended", n)
		}
		if err := out.Close(); err != nil {
			t.Error(err)
		}
		if o.State != nil {
			if err := o.State.Close(true); err != nil {
				t.Error(err)
			}
		}
		s.done <- summaries
	}()
	return s
}

// stop ends the run and returns what it says of itself.
func (s *session) stop() []report.Summary {
	s.cancel()
	return <-s.done
}

type lockedWriter struct {
	s  *session
	to *bytes.Buffer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.s.mu.Lock()
	gate := w.s.gate
	w.s.mu.Unlock()
	if gate != nil && w.to == &w.s.out {
		<-gate
	}
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.to.Write(p)
}

func (s *session) records() []record {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []record
	for line := range strings.Lines(s.out.String()) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			s.t.Fatalf("%q: %v", line, err)
		}
		all = append(all, r)
	}
	return all
}

// lines are the lines of a container, in the order of the output.
func (s *session) lines(pod, container string) []string {
	s.t.Helper()
	var all []string
	for _, r := range s.records() {
		if r.Pod == pod && r.Container == container {
			all = append(all, r.Line)
		}
	}
	return all
}

func (s *session) want(pod, container string, lines ...string) {
	s.t.Helper()
	if got := s.lines(pod, container); !slices.Equal(got, lines) {
		s.t.Errorf("%s/%s: got %q, want %q\nstderr:\n%s", pod, container, got, lines, s.logged())
	}
}

// once is lines, none of which may have come twice.
func (s *session) once(pod, container string) []string {
	s.t.Helper()
	lines, seen := s.lines(pod, container), make(map[string]bool)
	for _, line := range lines {
		if seen[line] {
			s.t.Errorf("%s/%s: %q came twice", pod, container, line)
		}
		seen[line] = true
	}
	return lines
}

// logged returns the messages of the log.
func (s *session) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for line := range strings.Lines(s.stderr.String()) {
		var m struct{ Level, Message, Pod, Container, From, To, Reason string }
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			s.t.Fatal(err)
		}
		if m.Level != "debug" {
			if m.Reason != "" {
				m.Message += " " + m.Pod + "/" + m.Container + " " + m.From + " " + m.To
				m.Message += " " + m.Reason
			}
			all = append(all, m.Level+": "+m.Message)
		}
	}
	return strings.Join(all, "\n")
}

func simulated(t *testing.T, o sim.Options) *sim.Cluster {
	t.Helper()
	o.Memory = true
	if o.Name == "" {
		o.Name = "eu"
	}
	c, err := sim.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// web makes a cluster with the pod web, and gives its container app. The cluster ends with the test.
func web(t *testing.T, o sim.Options) (*sim.Cluster, *sim.Container) {
	t.Helper()
	c := simulated(t, o)
	t.Cleanup(c.Close)
	return c, c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
}

// bubble runs a test with its own clock, which stands still until everything waits.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func following() tail.Options { return tail.Options{Follow: true, Tail: -1} }

func write(t *testing.T, c *sim.Container, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if err := c.Write(l); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFollow(t *testing.T) {
	bubble(t, "lines before and after the start, in two clusters", func(t *testing.T) {
		eu, us := simulated(t, sim.Options{}), simulated(t, sim.Options{Name: "us"})
		defer eu.Close()
		defer us.Close()
		a := eu.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		b := us.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		write(t, a, "one")
		s := start(t, following(), eu, us)
		time.Sleep(time.Second)
		write(t, a, "two", "")
		write(t, b, "three")
		time.Sleep(time.Second)
		got := s.stop()
		var all []string
		for _, r := range s.records() {
			all = append(all, r.Cluster+" "+r.NS+" "+r.Pod+" "+r.Container+" "+r.Line)
			if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$`).MatchString(r.TS) {
				t.Errorf("ts %q", r.TS)
			}
		}
		slices.Sort(all)
		if want := []string{"eu default web app ", "eu default web app one", "eu default web app two", "us default web app three"}; !slices.Equal(all, want) {
			t.Errorf("got %q, want %q", all, want)
		}
		if want := (report.Summary{Cluster: "eu", Containers: 1, Lines: 3, Bytes: 6}); got[0] != want {
			t.Errorf("summary %+v, want %+v", got[0], want)
		}
		if logged := s.logged(); logged != "" {
			t.Errorf("stderr: %s", logged)
		}
	})
	bubble(t, "pods that come and go", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		s := start(t, following(), c)
		time.Sleep(time.Second)
		web := c.AddPod(sim.PodSpec{Name: "web"})
		write(t, web.Container("app"), "first")
		time.Sleep(time.Second)
		write(t, web.Container("app"), "last")
		web.Delete(0)
		time.Sleep(time.Minute)
		write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "another of that name")
		time.Sleep(time.Second)
		s.stop()
		s.want("web", "app", "first", "last", "another of that name")
	})
	bubble(t, "restarts", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		write(t, app, "a1")
		s := start(t, following(), c)
		time.Sleep(time.Second)
		var want = []string{"a1"}
		for i := range 5 {
			write(t, app, fmt.Sprint("before ", i))
			app.Restart()
			write(t, app, fmt.Sprint("after ", i))
			want = append(want, fmt.Sprint("before ", i), fmt.Sprint("after ", i))
			time.Sleep(10 * time.Second)
		}
		s.stop()
		s.want("web", "app", want...)
	})
	bubble(t, "init and ephemeral containers, and those that have ended", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		n := func(text string, n int) func(int) (string, bool) {
			return func(i int) (string, bool) { return fmt.Sprint(text, i), i < n }
		}
		s := start(t, following(), c)
		time.Sleep(time.Second)
		job := c.AddPod(sim.PodSpec{Name: "job", Policy: "Never", Containers: []sim.ContainerSpec{
			{Name: "prepare", Init: true, Lines: n("p", 2)}, {Name: "work", Lines: n("w", 3)}, {Name: "wait"},
		}})
		time.Sleep(time.Second)
		job.AddEphemeral(sim.ContainerSpec{Name: "debug", Lines: n("d", 1)})
		time.Sleep(time.Second)
		s.stop()
		s.want("job", "prepare", "p0", "p1")
		s.want("job", "work", "w0", "w1", "w2")
		s.want("job", "debug", "d0")
	})
}

func TestNoFollow(t *testing.T) {
	bubble(t, "what there is", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		write(t, app, "a", "b")
		done := c.AddPod(sim.PodSpec{Name: "done", Policy: "Never"}).Container("app")
		write(t, done, "c")
		done.Exit(0)
		s := start(t, tail.Options{Tail: -1}, c)
		<-s.done
		s.want("web", "app", "a", "b")
		s.want("done", "app", "c")
	})
}
