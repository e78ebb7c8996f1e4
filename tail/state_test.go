package tail_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/rs/zerolog"

	"mktail/tail"
	"mktail/tail/checkpoint"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

func openState(t *testing.T, path string) *checkpoint.Store {
	t.Helper()
	s, err := checkpoint.Open(path, time.Second, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stateful is following with a state file.
func stateful(t *testing.T, path string) tail.Options {
	t.Helper()
	o := following()
	o.State = openState(t, path)
	return o
}

// labelled is stateful for the pods of one label.
func labelled(t *testing.T, path string) tail.Options {
	t.Helper()
	o := stateful(t, path)
	o.Labels = "app=web"
	return o
}

func TestStateBetweenRuns(t *testing.T) {
	bubble(t, "nothing is lost or repeated", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		write(t, app, "one")
		s := start(t, stateful(t, path), c)
		time.Sleep(time.Minute)
		write(t, app, "two")
		time.Sleep(time.Second)
		s.stop()
		s.want("web", "app", "one", "two")

		write(t, app, "three")
		app.Restart()
		write(t, app, "four")
		job := c.AddPod(sim.PodSpec{Name: "job", Policy: "Never"}).Container("app")
		write(t, job, "done")
		job.Exit(0)
		time.Sleep(time.Hour)
		o := stateful(t, path)
		o.Tail = 0 // counts for what a run sees for the first time
		s = start(t, o, c)
		time.Sleep(time.Second)
		write(t, app, "five")
		time.Sleep(time.Second)
		s.stop()
		s.want("web", "app", "three", "four", "five")
		s.want("job", "app", "done")

		time.Sleep(time.Hour)
		s = start(t, stateful(t, path), c)
		time.Sleep(time.Minute)
		s.stop()
		if got := s.records(); len(got) > 0 {
			t.Errorf("again: %v", got)
		}
		if logged := s.logged(); logged != "" {
			t.Errorf("stderr: %s", logged)
		}
	})
	bubble(t, "without following", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		for i := range 3 {
			line := fmt.Sprint("line ", i)
			write(t, app, line)
			o := stateful(t, path)
			o.Follow = false
			s := start(t, o, c)
			<-s.done
			s.want("web", "app", line)
			time.Sleep(time.Minute)
		}
	})
	bubble(t, "a pod that went meanwhile", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		web := c.AddPod(sim.PodSpec{Name: "web"})
		job := c.AddPod(sim.PodSpec{Name: "job", Policy: "Never"})
		write(t, web.Container("app"), "one")
		write(t, job.Container("app"), "done")
		job.Container("app").Exit(0)
		s := start(t, stateful(t, path), c)
		time.Sleep(time.Minute)
		s.stop()
		web.Delete(0)
		job.Delete(0)
		s = start(t, stateful(t, path), c)
		time.Sleep(time.Minute)
		if got := s.stop()[0].Gaps; got != 1 {
			t.Errorf("%d gaps", got)
		}
		if logged := s.logged(); strings.Count(logged, "missing") != 1 || !strings.Contains(logged, "web/app") || !strings.Contains(logged, string(report.LogUnavailable)) {
			t.Errorf("stderr: %s", logged)
		}
		if b, err := os.ReadFile(path); err != nil || bytes.Contains(b, []byte("web")) {
			t.Errorf("the file still knows the pod: %s, %v", b, err)
		}
	})
	for name, early := range map[string]bool{"before": true, "during": false} {
		bubble(t, "a container from "+name+" a run that never came to read it", func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			path := filepath.Join(t.TempDir(), "state")
			var web *sim.Pod
			if early {
				web = c.AddPod(sim.PodSpec{Name: "web"})
				time.Sleep(time.Hour)
			}
			s := start(t, labelled(t, path), c)
			time.Sleep(time.Minute)
			if !early {
				web = c.AddPod(sim.PodSpec{Name: "web"})
			}
			refused := c.Inject(sim.Fault{Verb: "get", Status: 503, Times: 1000}) // it is to be asked how it stands
			time.Sleep(10 * time.Second)
			web.SetLabels(map[string]string{"app": "web"})
			time.Sleep(time.Second)
			app := web.Container("app")
			write(t, app, "lost")
			s.stop()
			for range 3 {
				time.Sleep(5 * time.Second)
				app.Restart()
			}
			write(t, app, "one")
			refused.Remove()
			time.Sleep(time.Minute)
			s = start(t, labelled(t, path), c)
			time.Sleep(time.Minute)
			if gaps := s.stop()[0].Gaps; gaps != 1 || !strings.Contains(s.logged(), string(report.RestartsMissed)) {
				t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
			}
			s.want("web", "app", "one")
		})
	}
	for _, between := range []int{0, 1} {
		bubble(t, fmt.Sprintf("a container that had been restarted before a run that never came to read it, and %d times since", between), func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			path := filepath.Join(t.TempDir(), "state")
			web := c.AddPod(sim.PodSpec{Name: "web"})
			app := web.Container("app")
			time.Sleep(time.Hour)
			app.Restart()
			time.Sleep(time.Hour)
			s := start(t, labelled(t, path), c)
			time.Sleep(time.Minute)
			refused := c.Inject(sim.Fault{Verb: "get", Status: 503, Times: 1000})
			web.SetLabels(map[string]string{"app": "web"})
			time.Sleep(time.Second)
			write(t, app, "kept")
			s.stop()
			for range between {
				time.Sleep(5 * time.Second)
				app.Restart()
			}
			write(t, app, "one")
			refused.Remove()
			time.Sleep(time.Minute)
			s = start(t, labelled(t, path), c)
			time.Sleep(time.Minute)
			if gaps := s.stop()[0].Gaps; gaps != 0 {
				t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
			}
			s.want("web", "app", "kept", "one")
		})
	}
	bubble(t, "a doubt that was not resolved", func(t *testing.T) {
		c := simulated(t, sim.Options{SkipRotated: true})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, stateful(t, path), c)
		leaveOut(t, c, app)
		refused := c.Inject(sim.Fault{Verb: "log", Status: 503, Times: 100, Match: func(r *sim.Request) bool { return r.Query.Get("follow") == "" }})
		c.Thaw()
		time.Sleep(10 * time.Second)
		s.want("web", "app", "one", "two", "three")
		if gaps := s.stop()[0].Gaps; gaps != 0 {
			t.Fatalf("%d gaps already; stderr: %s", gaps, s.logged())
		}
		refused.Remove()
		s = start(t, stateful(t, path), c)
		time.Sleep(5 * time.Minute)
		if gaps := s.stop()[0].Gaps; gaps != 1 {
			t.Errorf("%d gaps; stderr: %s", gaps, s.logged())
		}
		s.want("web", "app")
	})
	bubble(t, "a pod that left the selection and went", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		pod := c.AddPod(sim.PodSpec{Name: "web", Labels: map[string]string{"app": "web"}})
		s := start(t, labelled(t, path), c)
		write(t, pod.Container("app"), "one")
		time.Sleep(time.Minute)
		pod.SetLabels(nil)
		time.Sleep(time.Minute)
		pod.Delete(0)
		s.stop()
		s.want("web", "app", "one")
		s = start(t, labelled(t, path), c)
		time.Sleep(time.Minute)
		s.stop()
		if logged := s.logged(); strings.Contains(logged, "missing") {
			t.Errorf("stderr: %s", logged)
		}
		if b, err := os.ReadFile(path); err != nil || bytes.Contains(b, []byte("web")) {
			t.Errorf("the file still knows the pod: %s, %v", b, err)
		}
	})
	bubble(t, "what is not selected is kept", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		web, db := c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), c.AddPod(sim.PodSpec{Name: "db"}).Container("app")
		write(t, web, "w1")
		write(t, db, "d1")
		run := func(pod string) *session {
			o := stateful(t, path)
			if pod != "" {
				o.Pods = []*regexp.Regexp{regexp.MustCompile(pod)}
			}
			s := start(t, o, c)
			time.Sleep(time.Minute)
			s.stop()
			return s
		}
		run("")
		write(t, web, "w2")
		write(t, db, "d2")
		run("web").want("web", "app", "w2")
		run("").want("db", "app", "d2")
	})
	bubble(t, "a cluster that is down at the start", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		write(t, app, "one")
		s := start(t, stateful(t, path), c)
		time.Sleep(time.Minute)
		s.stop()
		c.Down()
		write(t, app, "two")
		s = start(t, stateful(t, path), c)
		time.Sleep(time.Minute)
		s.stop()
		c.Up()
		s = start(t, stateful(t, path), c)
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", "two")
	})
}

// Names of clusters depend on which others there are, and one name may be that of another cluster the next time.
func TestStateOfClusters(t *testing.T) {
	as := func(name string, c *sim.Cluster) tail.Cluster {
		return tail.Cluster{Name: name, Context: "eu", Namespace: "default", Users: []tail.User{{Config: c.RESTConfig()}}}
	}
	run := func(t *testing.T, path string, cs ...tail.Cluster) *session {
		t.Helper()
		o := stateful(t, path)
		o.Tail = 0 // counts for what a run sees for the first time
		time.Sleep(time.Minute)
		s := startOn(t, o, cs...)
		time.Sleep(time.Minute)
		s.stop()
		return s
	}
	holds := func(t *testing.T, path, text string) bool {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Contains(b, []byte(text))
	}
	bubble(t, "by another name", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		app, gone := c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), c.AddPod(sim.PodSpec{Name: "gone"})
		write(t, app, "one")
		run(t, path, as("eu", c))
		write(t, app, "two")
		gone.Delete(0)
		time.Sleep(time.Hour)
		added := c.AddPod(sim.PodSpec{Name: "new"}).Container("app")
		write(t, added, "first")
		s := run(t, path, as("file/eu", c))
		s.want("web", "app", "two")
		s.want("new", "app", "first")
		if logged := s.logged(); strings.Count(logged, "missing") != 1 || !strings.Contains(logged, "gone/app") {
			t.Errorf("stderr: %s", logged)
		}
		if holds(t, path, `"cluster":"eu"`) || holds(t, path, "gone") {
			t.Error("the file still knows what was")
		}
	})
	bubble(t, "another one by that name", func(t *testing.T) {
		eu, us := simulated(t, sim.Options{}), simulated(t, sim.Options{Name: "us"})
		defer eu.Close()
		defer us.Close()
		path := filepath.Join(t.TempDir(), "state")
		app := eu.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		us.AddPod(sim.PodSpec{Name: "db"})
		run(t, path, as("default", eu))
		write(t, app, "one")
		if logged := run(t, path, as("default", us)).logged(); logged != "" {
			t.Errorf("stderr: %s", logged)
		}
		run(t, path, as("default", eu)).want("web", "app", "one")
	})
	bubble(t, "one by two names", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		run(t, path, as("a/eu", c), as("b/eu", c))
		for range 2 {
			write(t, app, "again")
			s := run(t, path, as("a/eu", c), as("b/eu", c))
			if got := s.records(); len(got) != 2 || got[0].Cluster == got[1].Cluster {
				t.Errorf("got %v", got)
			}
		}
	})
	bubble(t, "one that is not followed any longer", func(t *testing.T) {
		eu, us := simulated(t, sim.Options{}), simulated(t, sim.Options{Name: "us"})
		defer eu.Close()
		defer us.Close()
		path := filepath.Join(t.TempDir(), "state")
		eu.AddPod(sim.PodSpec{Name: "web"})
		us.AddPod(sim.PodSpec{Name: "db"})
		run(t, path, as("eu", eu), as("us", us))
		time.Sleep(checkpoint.MaxAge + 48*time.Hour)
		run(t, path, as("us", us))
		if !holds(t, path, "web") || !holds(t, path, eu.URL()) {
			t.Error("the places of the last run were forgotten")
		}
		run(t, path, as("us", us))
		if holds(t, path, "web") || holds(t, path, eu.URL()) || !holds(t, path, "db") {
			t.Error("the file has not what it should")
		}
	})
}

// After a crash a run begins where the file was last written, and says so.
func TestStateAfterACrash(t *testing.T) {
	bubble(t, "crash", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, stateful(t, path), c)
		var want []string
		for i := range 96 { // the crash comes between two times when the file is written
			want = append(want, fmt.Sprint(i))
			write(t, app, want[i])
			time.Sleep(100 * time.Millisecond)
		}
		crashed := filepath.Join(t.TempDir(), "state")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(crashed, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s.stop()
		s.want("web", "app", want...)

		var logged bytes.Buffer
		o := following()
		if o.State, err = checkpoint.Open(crashed, time.Second, zerolog.New(&logged)); err != nil {
			t.Fatal(err)
		}
		s = start(t, o, c)
		time.Sleep(time.Minute)
		s.stop()
		again := s.lines("web", "app")
		if len(again) == 0 || len(again) > 11 || again[len(again)-1] != "95" {
			t.Errorf("came again: %q", again)
		}
		if !strings.Contains(logged.String(), "did not end in order") {
			t.Errorf("logged: %s", &logged)
		}
	})
}

// A run that is killed before its places were saved, because it is young or its output is stalled, has saved where it started: the
// next one does not apply --since and --tail anew.
func TestStateAfterAnEarlyCrash(t *testing.T) {
	for name, tt := range map[string]struct {
		tail  int64
		since time.Duration
		old   int // lines that were written before the run
		want  int // the first of them that is wanted
	}{
		"all":                {-1, 0, 10, 0},
		"no old ones":        {0, 0, 10, 10},
		"none there":         {0, 0, 0, 0},
		"the last":           {3, 0, 10, 7},
		"as many as are":     {10, 0, 10, 0},
		"more than there is": {100, 0, 10, 0},
		"last that is young": {7, 3 * time.Second, 10, 7},
		"the last and young": {2, 3 * time.Second, 10, 8},
	} {
		for _, stalled := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%s, stalled %v", name, stalled), func(t *testing.T) {
				c := simulated(t, sim.Options{})
				defer c.Close()
				path, killed := filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "state")
				app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
				var all []string
				add := func() {
					all = append(all, fmt.Sprint(len(all)))
					write(t, app, all[len(all)-1])
				}
				for range tt.old {
					add()
					time.Sleep(time.Second)
				}
				o := stateful(t, path)
				o.Tail, o.Since = tt.tail, tt.since
				s := start(t, o, c)
				gate := make(chan struct{})
				if stalled {
					s.mu.Lock()
					s.gate = gate
					s.mu.Unlock()
				}
				time.Sleep(10 * time.Millisecond)
				for range 5 {
					add()
					time.Sleep(10 * time.Millisecond)
				}
				if stalled {
					time.Sleep(time.Minute)
				} else {
					s.want("web", "app", all[tt.want:]...)
				}
				crash(t, path, killed)
				close(gate)
				s.stop()
				s.want("web", "app", all[tt.want:]...)

				for range 200 {
					add()
					time.Sleep(time.Millisecond)
				}
				var logged bytes.Buffer
				var err error
				o.State, err = checkpoint.Open(killed, time.Second, zerolog.New(&logged))
				if err != nil {
					t.Fatal(err)
				}
				s = start(t, o, c)
				time.Sleep(time.Minute)
				s.stop()
				s.want("web", "app", all[tt.want:]...)
				if !strings.Contains(logged.String(), "did not end in order: it had saved nothing") || s.logged() != "" {
					t.Errorf("logged: %s%s", &logged, s.logged())
				}
			})
		}
	}
	bubble(t, "a pod that comes meanwhile", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path, killed := filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "state")
		o := stateful(t, path)
		o.Tail = 0
		s := start(t, o, c)
		time.Sleep(11 * time.Millisecond)
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		write(t, app, "one")
		time.Sleep(100 * time.Millisecond)
		crash(t, path, killed)
		s.stop()
		s.want("web", "app", "one")
		write(t, app, "two")
		time.Sleep(time.Minute)
		o.State = openState(t, killed)
		s = start(t, o, c)
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", "one", "two")
	})
	bubble(t, "a log that can't be read at first", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path, killed := filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "state")
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		write(t, app, "old")
		time.Sleep(time.Minute)
		refused := c.Inject(sim.Fault{Verb: "log", Status: 503})
		o := stateful(t, path)
		o.Tail = 0
		s := start(t, o, c)
		time.Sleep(time.Second)
		write(t, app, "one")
		crash(t, path, killed)
		s.stop()
		refused.Remove()
		o.State = openState(t, killed)
		s = start(t, o, c)
		time.Sleep(time.Minute)
		s.stop()
		s.want("web", "app", "one")
	})
}

// crash makes of a state file what there would be if its run were killed now.
func crash(t *testing.T, path, killed string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(killed, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStateThatCannotBeWritten(t *testing.T) {
	bubble(t, "for a while", func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		path := filepath.Join(t.TempDir(), "state")
		app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		s := start(t, stateful(t, path), c)
		time.Sleep(5 * time.Second)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path, 0o700); err != nil { // which no file takes the place of
			t.Fatal(err)
		}
		write(t, app, "one")
		time.Sleep(5 * time.Second)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if b, err := os.ReadFile(path); err != nil || !bytes.Contains(b, []byte("web")) {
			t.Errorf("the file: %s, %v", b, err)
		}
		s.stop()
	})
}

// Our clock was set back between two runs, to before the first one looked: no line is left out that --since wants.
func TestStateFromTheFuture(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c, app := web(t, sim.Options{})
		path := filepath.Join(t.TempDir(), "state")
		o := stateful(t, path)
		o.Since = time.Hour
		s := start(t, o, c)
		time.Sleep(30 * time.Second)
		s.stop()
		changeState(t, path, regexp.MustCompile(`"(looked|opened)":"2000-01-01`), `"$1":"2000-02-01`)
		want := ticks(t, app, "between", 10)
		o.State = openState(t, path)
		s = start(t, o, c)
		time.Sleep(time.Second)
		want = append(want, ticks(t, app, "then", 10)...)
		time.Sleep(time.Minute)
		s.exact(want)
	})
}

// changeState replaces something in a state file, which becomes one of version 2: its sum is of the content alone.
func changeState(t *testing.T, path string, what *regexp.Regexp, by string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]json.RawMessage
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	changed := what.ReplaceAll(file["content"], []byte(by))
	if bytes.Equal(changed, file["content"]) {
		t.Fatalf("%s is not in %s", what, text)
	}
	file["version"], file["content"], file["sum"] = []byte("2"), changed, fmt.Appendf(nil, `"%016x"`, xxhash.Sum64(changed))
	if text, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
