package tail_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

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
		if said := s.said(); said != "" {
			t.Errorf("stderr: %s", said)
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
		if said := s.said(); strings.Count(said, "missing") != 1 || !strings.Contains(said, "web/app") || !strings.Contains(said, string(report.LogUnavailable)) {
			t.Errorf("stderr: %s", said)
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
			if gaps := s.stop()[0].Gaps; gaps != 1 || !strings.Contains(s.said(), string(report.RestartsMissed)) {
				t.Errorf("%d gaps; stderr: %s", gaps, s.said())
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
				t.Errorf("%d gaps; stderr: %s", gaps, s.said())
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
			t.Fatalf("%d gaps already; stderr: %s", gaps, s.said())
		}
		refused.Remove()
		s = start(t, stateful(t, path), c)
		time.Sleep(5 * time.Minute)
		if gaps := s.stop()[0].Gaps; gaps != 1 {
			t.Errorf("%d gaps; stderr: %s", gaps, s.said())
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
		if said := s.said(); strings.Contains(said, "missing") {
			t.Errorf("stderr: %s", said)
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
		return tail.Cluster{Name: name, Context: "eu", Namespace: "default", Config: c.RESTConfig()}
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
		if said := s.said(); strings.Count(said, "missing") != 1 || !strings.Contains(said, "gone/app") {
			t.Errorf("stderr: %s", said)
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
		if said := run(t, path, as("default", us)).said(); said != "" {
			t.Errorf("stderr: %s", said)
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

		var said bytes.Buffer
		o := following()
		if o.State, err = checkpoint.Open(crashed, time.Second, zerolog.New(&said)); err != nil {
			t.Fatal(err)
		}
		s = start(t, o, c)
		time.Sleep(time.Minute)
		s.stop()
		again := s.lines("web", "app")
		if len(again) == 0 || len(again) > 11 || again[len(again)-1] != "95" {
			t.Errorf("came again: %q", again)
		}
		if !strings.Contains(said.String(), "did not end in order") {
			t.Errorf("said: %s", &said)
		}
	})
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
