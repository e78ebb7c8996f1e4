package tail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mktail/tail"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// steady writes n lines to a container, one each 100 ms, and returns them.
func steady(t *testing.T, c *sim.Container, n int) (lines []string) {
	t.Helper()
	for i := range n {
		lines = append(lines, fmt.Sprintf("%s %d", c.Pod().Name(), i))
		write(t, c, lines[i])
		time.Sleep(100 * time.Millisecond)
	}
	return lines
}

// Whatever ends a stream of a container that lives on, every line comes once.
func TestBrokenStreams(t *testing.T) {
	for name, fault := range map[string]sim.Fault{
		"clean end":               {Lines: 7, End: sim.EOF},
		"clean end within a line": {Lines: 7, Bytes: 20, End: sim.EOF},
		"reset":                   {Lines: 7, End: sim.Abort},
		"reset within a line":     {Lines: 7, Bytes: 35, End: sim.Abort},
		"connection cut":          {Lines: 7, Bytes: 3, End: sim.Cut},
		"end before the first":    {End: sim.EOF},
	} {
		fault.Verb, fault.Times, fault.Match = "log", 5, func(q *sim.Request) bool { return q.Query.Has("follow") }
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			injected := c.Inject(fault)
			app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
			s := start(t, following(), c)
			want := steady(t, app, 100)
			time.Sleep(time.Minute)
			summary := s.stop()[0]
			s.want("web", "app", want...)
			if injected.Hits() != 5 || summary.Reconnects == 0 {
				t.Errorf("%d faults, %d reconnects", injected.Hits(), summary.Reconnects)
			}
			if logged := s.logged(); strings.Contains(logged, "error") {
				t.Errorf("stderr: %s", logged)
			}
		})
	}
	bubble(t, "the kubelet dies and comes back", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, following(), c)
		want := steady(t, app, 10)
		c.KubeletDown()
		want = append(want, steady(t, app, 100)...)
		c.KubeletUp()
		want = append(want, steady(t, app, 400)...)
		s.stop()
		s.want("web", "app", want...)
		if logged, want := s.logged(), "warn: eu: logs on node node-1: "; strings.Count(logged, "\n") != 1 || !strings.HasPrefix(logged, want) ||
			!strings.HasSuffix(logged, "info: eu: logs on node node-1: readable again") {
			t.Errorf("stderr: %s", logged)
		}
	})
	bubble(t, "the last line has no newline", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, following(), c)
		time.Sleep(time.Second)
		fmt.Fprint(app.Stdout(), "one\ntwo")
		app.Exit(1)
		time.Sleep(10 * time.Second)
		s.stop()
		s.want("web", "app", "one", "two")
	})
	bubble(t, "restarts while disconnected", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, following(), c)
		time.Sleep(time.Second)
		write(t, app, "a1")
		time.Sleep(time.Second)
		c.Down()
		write(t, app, "a2", "a3")
		app.Restart()
		write(t, app, "b1")
		time.Sleep(10 * time.Second)
		c.Up()
		time.Sleep(time.Minute)
		write(t, app, "b2")
		time.Sleep(time.Second)
		s.stop()
		s.want("web", "app", "a1", "a2", "a3", "b1", "b2")
	})
}

// What has no stamp is the kubelet speaking. It is reported once, and is no record.
func TestTheKubeletSpeaks(t *testing.T) {
	bubble(t, "between lines", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.Inject(sim.Fault{Verb: "log", Match: func(q *sim.Request) bool { return q.Query.Has("follow") },
			Lines: 2, Insert: "failed to watch file: boom\n", End: sim.EOF, Times: 3})
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, following(), c)
		want := steady(t, app, 50)
		time.Sleep(time.Minute)
		summary := s.stop()[0]
		s.want("web", "app", want...)
		if logged, want := s.logged(), "warn: eu: default/web/app: the kubelet says: failed to watch file: boom"; logged != want {
			t.Errorf("stderr: %s", logged)
		}
		if summary.Errors != 3 {
			t.Errorf("%d errors, want 3", summary.Errors)
		}
	})
}

func TestDeadCluster(t *testing.T) {
	bubble(t, "down at the start, and later again", func(t *testing.T) {
		eu, us := simulated(t, sim.Options{Down: true}), simulated(t, sim.Options{Name: "us"})
		defer eu.Close()
		defer us.Close()
		a, b := eu.AddPod(sim.PodSpec{Name: "a"}).Container("app"), us.AddPod(sim.PodSpec{Name: "b"}).Container("app")
		s := start(t, following(), eu, us)
		wantB := steady(t, b, 100)
		s.want("b", "app", wantB...)
		eu.Up()
		wantA := steady(t, a, 400)
		s.want("a", "app", wantA...)
		eu.Down()
		time.Sleep(time.Minute)
		wantB = append(wantB, steady(t, b, 100)...)
		eu.Up()
		time.Sleep(time.Minute)
		wantA = append(wantA, steady(t, a, 10)...)
		s.stop()
		s.want("a", "app", wantA...)
		s.want("b", "app", wantB...)
		logged := s.logged()
		if n := strings.Count(logged, "warn: eu: connecting: "); n != 2 || strings.Count(logged, "info: eu: connected") != 2 ||
			strings.Count(logged, "\n") != 3 || strings.Contains(logged, " us: ") {
			t.Errorf("stderr:\n%s", logged)
		}
	})
	bubble(t, "without following", func(t *testing.T) {
		eu, us := simulated(t, sim.Options{Down: true}), simulated(t, sim.Options{Name: "us"})
		defer eu.Close()
		defer us.Close()
		write(t, us.AddPod(sim.PodSpec{Name: "b"}).Container("app"), "x")
		s := start(t, tail.Options{Tail: -1}, eu, us)
		summaries := <-s.done
		s.want("b", "app", "x")
		if summaries[0].Failed == "" || summaries[1].Failed != "" {
			t.Errorf("summaries %+v", summaries)
		}
	})
}

func TestDenied(t *testing.T) {
	bubble(t, "wrong token", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.RevokeToken(c.AdminToken())
		app := c.AddPod(sim.PodSpec{Name: "a"}).Container("app")
		write(t, app, "x")
		s := start(t, following(), c)
		time.Sleep(10 * time.Minute)
		if logged := s.logged(); logged != "warn: eu: authenticating: Unauthorized, retrying" {
			t.Errorf("stderr: %s", logged)
		}
		c.AddToken(c.AdminToken(), sim.Admin("admin"))
		time.Sleep(time.Minute)
		s.stop()
		s.want("a", "app", "x")
	})
	rules := func(namespaces ...string) sim.User { return sim.Reader("dev", namespaces...) }
	dev := func(t *testing.T, o tail.Options, u sim.User) (*session, *sim.Cluster) {
		c := simulated(t, sim.Options{})
		c.AddToken("bearer", u)
		for _, ns := range []string{"default", "shop", "secret"} {
			write(t, c.AddPod(sim.PodSpec{Namespace: ns, Name: ns}).Container("app"), "x")
		}
		return startAs(t, o, []string{"bearer"}, c), c
	}
	bubble(t, "one namespace of two", func(t *testing.T) {
		o := following()
		o.Namespaces = []string{"shop", "secret"}
		s, c := dev(t, o, rules("shop"))
		defer c.Close()
		time.Sleep(10 * time.Minute)
		s.want("shop", "app", "x")
		c.AddToken("bearer", rules("shop", "secret"))
		time.Sleep(time.Minute)
		s.stop()
		s.want("secret", "app", "x")
		want := `warn: eu: namespace secret: pods is forbidden: User "dev" cannot list resource "pods" in API group "" in the namespace "secret", retrying
info: eu: namespace secret: readable again`
		if logged := s.logged(); logged != want {
			t.Errorf("stderr:\n%s\nwant:\n%s", logged, want)
		}
	})
	bubble(t, "all namespaces", func(t *testing.T) {
		o := following()
		o.AllNamespaces = true
		s, c := dev(t, o, rules("default"))
		defer c.Close()
		time.Sleep(time.Minute)
		s.stop()
		s.want("default", "app", "x")
		s.want("shop", "app")
		want := `warn: eu: -A: pods is forbidden: User "dev" cannot list resource "pods" in API group "" at the cluster scope; namespaces is forbidden: User "dev" cannot list resource "namespaces" in API group "" at the cluster scope; following namespace default instead`
		if logged := s.logged(); logged != want {
			t.Errorf("stderr:\n%s\nwant:\n%s", logged, want)
		}
	})
	bubble(t, "the logs alone", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		fault := c.Inject(sim.Fault{Verb: "log", Status: 403})
		want := []string{}
		for i := range 5 {
			name := fmt.Sprint("p", i)
			write(t, c.AddPod(sim.PodSpec{Name: name}).Container("app"), "x")
			want = append(want, name)
		}
		s := start(t, following(), c)
		time.Sleep(10 * time.Minute)
		fault.Remove()
		time.Sleep(time.Minute)
		s.stop()
		for _, name := range want {
			s.want(name, "app", "x")
		}
		if logged := strings.Split(s.logged(), "\n"); len(logged) != 2 || !strings.HasPrefix(logged[0], "warn: eu: logs in namespace default: ") {
			t.Errorf("stderr: %q", logged)
		}
	})
}

// What a server refuses for what it is, is not asked for again.
func TestRefused(t *testing.T) {
	bubble(t, "a field that can't be selected by", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		o := following()
		o.Fields = "foo=bar"
		s := start(t, o, c)
		summary := (<-s.done)[0]
		const words = `the server refuses this selection: Unable to find "/v1, Resource=pods" that match label selector "", field selector "foo=bar": field label not supported: foo`
		if logged := s.logged(); logged != "warn: eu: namespace default: "+words {
			t.Errorf("stderr: %s", logged)
		}
		if summary.Failed != "namespace default: "+words {
			t.Errorf("failed: %s", summary.Failed)
		}
	})
	bubble(t, "in one of two clusters, and once in the other", func(t *testing.T) {
		eu, us := simulated(t, sim.Options{}), simulated(t, sim.Options{Name: "us"})
		defer eu.Close()
		defer us.Close()
		eu.Inject(sim.Fault{Verb: "list", Status: 422})
		app := us.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, following(), eu, us)
		time.Sleep(time.Minute)
		us.Inject(sim.Fault{Verb: "list", Status: 400, Times: 1})
		us.Inject(sim.Fault{Verb: "watch", Times: 1, End: sim.Expire})
		us.CutConnections()
		time.Sleep(time.Minute)
		write(t, app, "x")
		write(t, us.AddPod(sim.PodSpec{Name: "late"}).Container("app"), "y")
		time.Sleep(time.Second)
		s.stop()
		s.want("web", "app", "x")
		s.want("late", "app", "y")
		if n := len(eu.Requests()); n != 1 {
			t.Errorf("eu was asked %d times", n)
		}
	})
}

// --since and --tail are about what ran before the start; what starts later is read from its first line.
func TestSinceAndTail(t *testing.T) {
	run := func(t *testing.T, o tail.Options, want ...string) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "old"}).Container("app")
		write(t, app, "first")
		time.Sleep(time.Hour)
		write(t, app, "second", "third")
		time.Sleep(time.Second)
		s := start(t, o, c)
		time.Sleep(time.Second)
		young := c.AddPod(sim.PodSpec{Name: "new"}).Container("app")
		write(t, young, "a", "b", "c")
		time.Sleep(time.Second)
		app.Restart()
		write(t, app, "after", "the", "restart")
		time.Sleep(10 * time.Second)
		s.stop()
		s.want("old", "app", append(want, "after", "the", "restart")...)
		s.want("new", "app", "a", "b", "c")
	}
	for _, tt := range []struct {
		name  string
		since time.Duration
		tail  int64
		want  []string
	}{
		{"all", 0, -1, []string{"first", "second", "third"}},
		{"since", time.Minute, -1, []string{"second", "third"}},
		{"tail", 0, 1, []string{"third"}},
		{"none", 0, 0, nil},
		{"two", 0, 2, []string{"second", "third"}},
		{"both", time.Minute, 5, []string{"second", "third"}},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			run(t, tail.Options{Follow: true, Since: tt.since, Tail: tt.tail}, tt.want...)
		})
	}
	// A stream that breaks before its first line must not lose what is written until it is opened again.
	bubble(t, "tail 0 and a broken stream", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "old"}).Container("app")
		write(t, app, "before")
		time.Sleep(time.Hour)
		s := start(t, tail.Options{Follow: true}, c)
		time.Sleep(time.Hour)
		c.Down()
		write(t, app, "while it was down")
		time.Sleep(time.Second)
		c.Up()
		time.Sleep(time.Minute)
		s.stop()
		s.want("old", "app", "while it was down")
	})
}

func TestMaxStreams(t *testing.T) {
	bubble(t, "the others wait", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		var apps []*sim.Container
		for i := range 6 {
			apps = append(apps, c.AddPod(sim.PodSpec{Name: fmt.Sprint("p", i), Policy: "Never"}).Container("app"))
			write(t, apps[i], "x")
		}
		o := following()
		o.MaxStreams = 2
		s := start(t, o, c)
		time.Sleep(time.Minute)
		if n := len(s.records()); n != 2 || c.Stats().OpenLogs != 2 {
			t.Errorf("%d lines and %d streams, want 2 and 2", n, c.Stats().OpenLogs)
		}
		for _, app := range apps {
			if app.Running() {
				app.Exit(0)
			}
			time.Sleep(time.Minute)
		}
		s.stop()
		var pods []string
		for _, r := range s.records() {
			pods = append(pods, r.Pod)
		}
		slices.Sort(pods)
		if want := []string{"p0", "p1", "p2", "p3", "p4", "p5"}; !slices.Equal(pods, want) {
			t.Errorf("got %q", pods)
		}
		if logged, want := s.logged(), "warn: eu: more than 2 containers: the others wait until one ends (--max-streams)"; logged != want {
			t.Errorf("stderr: %s", logged)
		}
	})
	bubble(t, "who has a stream keeps it", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		var apps []*sim.Container
		for i := range 6 {
			apps = append(apps, c.AddPod(sim.PodSpec{Name: fmt.Sprint("p", i)}).Container("app"))
		}
		o := following()
		o.MaxStreams = 2
		s := start(t, o, c)
		time.Sleep(time.Minute)
		followed := func(round string) (pods []string) {
			for i, app := range apps {
				write(t, app, round)
				time.Sleep(time.Minute)
				if pod := fmt.Sprint("p", i); slices.Contains(s.lines(pod, "app"), round) {
					pods = append(pods, pod)
				}
			}
			return pods
		}
		first := followed("first")
		c.CutConnections()
		time.Sleep(time.Minute)
		if got := followed("cut"); !slices.Equal(got, first) {
			t.Errorf("%q were followed, then %q", first, got)
		}
		for _, app := range apps {
			app.Restart()
		}
		time.Sleep(time.Minute)
		if got := followed("restarted"); !slices.Equal(got, first) {
			t.Errorf("%q were followed, then %q", first, got)
		}
		s.stop()
	})
	bubble(t, "what can't be opened holds no stream", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.Inject(sim.Fault{Verb: "log", Match: func(r *sim.Request) bool { return r.Pod != "p2" }, Status: 500})
		var app *sim.Container
		for i := range 3 {
			app = c.AddPod(sim.PodSpec{Name: fmt.Sprint("p", i)}).Container("app")
		}
		o := following()
		o.MaxStreams = 1
		s := start(t, o, c)
		write(t, app, "x")
		time.Sleep(time.Minute)
		s.want("p2", "app", "x")
		s.stop()
	})
	bubble(t, "what has ended in a pod that goes on holds none", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		o := following()
		o.MaxStreams = 1
		pod := c.AddPod(sim.PodSpec{Name: "web", Containers: []sim.ContainerSpec{{Name: "prepare", Init: true}, {Name: "app"}}})
		s := start(t, o, c)
		prepare, app := pod.Container("prepare"), pod.Container("app")
		time.Sleep(time.Minute)
		write(t, prepare, "x", "x")
		time.Sleep(time.Minute)
		prepare.Exit(0)
		time.Sleep(time.Minute)
		write(t, app, "y")
		time.Sleep(time.Minute)
		s.want("web", "prepare", "x", "x")
		s.want("web", "app", "y")
		s.stop()
	})
	bubble(t, "one after another, in order", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		var want []string
		for i := range 3 {
			name := fmt.Sprint("p", i)
			two := func(i int) (string, bool) { return "x", i < 2 }
			pod := c.AddPod(sim.PodSpec{Name: name, Policy: "Never", Containers: []sim.ContainerSpec{
				{Name: "z-prepare", Init: true, Lines: two}, {Name: "prepare", Init: true, Lines: two}, {Name: "web", Lines: two}, {Name: "app"},
			}})
			time.Sleep(time.Second)
			pod.AddEphemeral(sim.ContainerSpec{Name: "debug", Lines: two})
			write(t, pod.Container("app"), "x", "x")
			for _, container := range []string{"z-prepare", "prepare", "web", "app", "debug"} {
				want = append(want, name+"/"+container, name+"/"+container)
			}
		}
		time.Sleep(time.Second)
		c.Inject(sim.Fault{Verb: "log", Pod: "p1", Skip: 1, Times: 1, Status: 500}) // what fails is tried again in its turn
		s := start(t, tail.Options{Tail: -1, MaxStreams: 1}, c)
		<-s.done
		var got []string
		for _, r := range s.records() {
			got = append(got, r.Pod+"/"+r.Container)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q,\nwant %q", got, want)
		}
		if logged := s.logged(); logged != "" {
			t.Errorf("stderr: %s", logged)
		}
	})
}

// The watch may be forgotten by the server: the pods are listed again, and nothing is lost or repeated.
func TestWatch(t *testing.T) {
	for name, fault := range map[string]sim.Fault{
		"ends":                  {Lines: 1, End: sim.EOF},
		"breaks":                {Lines: 1, End: sim.Abort},
		"has expired":           {End: sim.Expire},
		"has expired as 410":    {Status: 410},
		"is refused":            {Status: 500},
		"is refused for a time": {Status: 429, RetryAfter: 20},
	} {
		fault.Verb, fault.Times = "watch", 4
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			c.Inject(fault)
			s := start(t, following(), c)
			time.Sleep(time.Second)
			var pods []*sim.Pod
			for i := range 20 {
				pods = append(pods, c.AddPod(sim.PodSpec{Name: fmt.Sprint("p", i)}))
				write(t, pods[i].Container("app"), "x")
				time.Sleep(10 * time.Second)
				if i >= 15 { // it was there long enough to be seen
					pods[i-15].Delete(0)
				}
			}
			time.Sleep(time.Minute)
			s.stop()
			if n := len(s.records()); n != 20 {
				t.Errorf("%d lines, want 20\n%s", n, s.logged())
			}
		})
	}
	bubble(t, "many pods, by pages", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		for i := range 2*tail.PageSize + 1 {
			write(t, c.AddPod(sim.PodSpec{Name: fmt.Sprint("p", i)}).Container("app"), "x")
		}
		s := start(t, tail.Options{Tail: -1}, c)
		<-s.done
		if n := len(s.records()); n != 2*tail.PageSize+1 {
			t.Errorf("%d lines", n)
		}
		lists := 0
		for _, r := range c.Requests() {
			if r.Verb == "list" {
				lists++
			}
		}
		if lists != 3 {
			t.Errorf("%d lists, want 3", lists)
		}
	})
}

// A log that the runtime has lost is reported, and holds up nothing: what comes after is read.
func TestLostLog(t *testing.T) {
	bubble(t, "of an instance that has ended", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, following(), c)
		time.Sleep(time.Second)
		write(t, app, "a")
		time.Sleep(time.Second)
		c.Down()
		write(t, app, "lost")
		app.Restart()
		app.Lose(true)
		write(t, app, "b")
		time.Sleep(time.Second)
		c.Up()
		time.Sleep(5 * time.Minute)
		s.stop()
		s.want("web", "app", "a", "b")
		if logged := s.logged(); strings.Count(logged, "connecting") != 1 || !strings.Contains(logged, "log unavailable") {
			t.Errorf("stderr: %s", logged)
		}
	})
	bubble(t, "for a while, without following", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.Inject(sim.Fault{Verb: "log", Insert: "unable to retrieve container logs for containerd://x", End: sim.EOF, Times: 2})
		write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "x")
		s := start(t, tail.Options{Tail: -1}, c)
		if summary := (<-s.done)[0]; summary.Failed != "" || summary.Errors != 2 {
			t.Errorf("summary %+v", summary)
		}
		s.want("web", "app", "x")
	})
}

// While the container runtime is away the kubelet answers, but not with the log. That is reported once, and nothing is lost.
func TestRuntimeAway(t *testing.T) {
	bubble(t, "for minutes", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, following(), c)
		want := steady(t, app, 10)
		away := c.Inject(sim.Fault{Verb: "log", Insert: "unable to retrieve container logs for containerd://x", End: sim.EOF})
		c.CutConnections()
		want = append(want, steady(t, app, 3000)...)
		away.Remove()
		want = append(want, steady(t, app, 400)...)
		s.stop()
		s.want("web", "app", want...)
		if logged, want := s.logged(), "warn: eu: logs on node node-1: unable to retrieve container logs for containerd://x, retrying\n"+
			"info: eu: logs on node node-1: readable again"; logged != want {
			t.Errorf("stderr:\n%s", logged)
		}
	})
	bubble(t, "when the container ends", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "job", Policy: "Never"}).Container("app")
		s := start(t, following(), c)
		want := steady(t, app, 10)
		away := c.Inject(sim.Fault{Verb: "log", Insert: "unable to retrieve container logs for containerd://x", End: sim.EOF})
		c.CutConnections()
		want = append(want, steady(t, app, 10)...)
		app.Exit(0)
		time.Sleep(4 * time.Minute)
		away.Remove()
		time.Sleep(time.Minute)
		if gaps := s.stop()[0].Gaps; gaps > 0 {
			t.Errorf("%d gaps; stderr:\n%s", gaps, s.logged())
		}
		s.want("job", "app", want...)
	})
	bubble(t, "for ever", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "job", Policy: "Never"}).Container("app")
		s := start(t, following(), c)
		want := steady(t, app, 10)
		c.Inject(sim.Fault{Verb: "log", Insert: "unable to retrieve container logs for containerd://x", End: sim.EOF})
		c.CutConnections()
		write(t, app, "lost")
		app.Exit(0)
		time.Sleep(10 * time.Minute)
		if gaps := s.stop()[0].Gaps; gaps != 1 || !strings.Contains(s.logged(), string(report.LogUnavailable)) {
			t.Errorf("%d gaps; stderr:\n%s", gaps, s.logged())
		}
		s.want("job", "app", want...)
	})
}

// An instance that has ended is read to its end, however often its stream ends too early.
func TestEndedInstance(t *testing.T) {
	for name, faults := range map[string][]sim.Fault{
		"nothing at first":        {{}, {}},
		"cut later, then earlier": {{Lines: 70}, {Lines: 3}},
		"cut within lines":        {{Lines: 70, Bytes: 33}, {Lines: 2, Bytes: 20}},
		"cut within a stamp":      {{Lines: 70, Bytes: 20}, {Lines: 30, Bytes: 20}, {Lines: 30, Bytes: 1}, {Lines: 30, Bytes: 30}},
		"cut, then before a line": {{Lines: 70, Bytes: 20}, {Lines: 30}},
	} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			app := c.AddPod(sim.PodSpec{Name: "job", Policy: "Never"}).Container("app")
			want := steady(t, app, 100)
			app.Exit(0)
			for _, fault := range faults {
				fault.Verb, fault.End, fault.Times = "log", sim.EOF, 1
				c.Inject(fault)
			}
			s := start(t, following(), c)
			time.Sleep(time.Minute)
			s.stop()
			s.want("job", "app", want...)
		})
	}
}

// A proxy that answers 404 while the API server is away does not end what lives on.
func TestNotFoundByAProxy(t *testing.T) {
	bubble(t, "for a while", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, following(), c)
		want := steady(t, app, 10)
		away := c.Inject(sim.Fault{Verb: "log", Status: 404, Message: "the server could not find the requested resource ( pods/log web)"})
		c.CutConnections()
		want = append(want, steady(t, app, 300)...)
		away.Remove()
		want = append(want, steady(t, app, 400)...)
		s.stop()
		s.want("web", "app", want...)
	})
}

// A pod that loses its labels is left, and when it has them again it is read on from there.
func TestLabelsLeaveAndReturn(t *testing.T) {
	bubble(t, "once", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		labels := map[string]string{"app": "web"}
		pod := c.AddPod(sim.PodSpec{Name: "web", Labels: labels})
		app := pod.Container("app")
		o := following()
		o.Labels = "app=web"
		s := start(t, o, c)
		want := steady(t, app, 10)
		time.Sleep(time.Second)
		pod.SetLabels(nil)
		time.Sleep(time.Second)
		meanwhile := steady(t, app, 600)
		if n := len(s.records()); n != len(want) {
			t.Errorf("%d lines, want %d", n, len(want))
		}
		pod.SetLabels(labels)
		time.Sleep(time.Second)
		want = append(append(want, meanwhile...), steady(t, app, 10)...)
		time.Sleep(time.Second)
		s.stop()
		s.want("web", "app", want...)
	})
	bubble(t, "while the watch is away", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		labels := map[string]string{"app": "web"}
		pod := c.AddPod(sim.PodSpec{Name: "web", Labels: labels})
		app := pod.Container("app")
		o := following()
		o.Labels = "app=web"
		s := start(t, o, c)
		want := steady(t, app, 10)
		c.Down()
		pod.SetLabels(nil)
		c.AddPod(sim.PodSpec{Name: "other", Labels: labels, Policy: "Never", Containers: []sim.ContainerSpec{{Name: "app", Lines: func(i int) (string, bool) { return "x", i < 1 }}}})
		c.Compact()
		time.Sleep(time.Minute)
		c.Inject(sim.Fault{Verb: "get", Pod: "web", Status: 500, Times: 5}) // the list must be read again, then
		c.Up()
		time.Sleep(5 * time.Minute)
		pod.SetLabels(labels)
		want = append(want, steady(t, app, 10)...)
		time.Sleep(time.Minute)
		if summary := s.stop()[0]; summary.Gaps != 0 {
			t.Errorf("%d gaps\n%s", summary.Gaps, s.logged())
		}
		s.want("web", "app", want...)
		s.want("other", "app", "x")
	})
}

// One container whose stream always breaks is no trouble of its cluster.
func TestOneBadContainer(t *testing.T) {
	bubble(t, "is reported once", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.Inject(sim.Fault{Verb: "log", Pod: "bad", End: sim.Abort})
		write(t, c.AddPod(sim.PodSpec{Name: "bad"}).Container("app"), "x")
		good := c.AddPod(sim.PodSpec{Name: "good"}).Container("app")
		s := start(t, following(), c)
		want := steady(t, good, 6000)
		time.Sleep(time.Second)
		s.stop()
		s.want("good", "app", want...)
		if logged := s.logged(); strings.Contains(logged, "connect") || strings.Count(logged, "\n") > 0 {
			t.Errorf("stderr:\n%s", logged)
		}
	})
}

// What ailed a container that is left ails its cluster no more.
func TestLeftInTrouble(t *testing.T) {
	bubble(t, "its labels go", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		c.Inject(sim.Fault{Verb: "log", End: sim.Abort})
		pod := c.AddPod(sim.PodSpec{Name: "bad", Labels: map[string]string{"app": "web"}})
		o := following()
		o.Labels = "app=web"
		s := start(t, o, c)
		time.Sleep(time.Minute)
		pod.SetLabels(nil)
		time.Sleep(time.Minute)
		if failed := s.stop()[0].Failed; failed != "" {
			t.Errorf("failed: %s", failed)
		}
	})
}
