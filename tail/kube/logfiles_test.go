package kube_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mktail/tail/kube"
	"mktail/testdata/sim"
)

// folder names the logs of a container of p.
func folder(p *sim.Pod, container string) kube.ContainerLog {
	return kube.ContainerLog{Node: "node-1", Namespace: p.Namespace(), Pod: p.Name(), Container: container, UID: p.UID()}
}

// list lists files, which must be there.
func list(t *testing.T, client *kube.Client, of kube.ContainerLog, restarts int) *kube.LogFiles {
	t.Helper()
	files, err := client.NodeFiles().List(t.Context(), of, restarts)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// texts are the lines of a file, without what the runtime writes in front of them.
func texts(t *testing.T, files *kube.LogFiles, name string) (all []string) {
	t.Helper()
	r, err := files.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		all = append(all, strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)[3])
	}
	return all
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestLogFiles(t *testing.T) {
	bubble(t, "rotated and compressed", func(t *testing.T) {
		c := start(t, sim.Options{LogMaxSize: "10Mi"})
		p := c.AddPod(sim.PodSpec{})
		app := p.Container("app")
		client, log := connect(t, c.RESTConfig(), kube.Options{})
		write(t, app, "zero")
		files := list(t, client, folder(p, "app"), 0)
		if files.Current != "0.log" || len(files.Rotated) != 0 || files.Newest() != "" || files.Restarts != 0 || files.MaxSize != 10<<20 {
			t.Errorf("at first: %+v", files)
		}
		for _, line := range []string{"one", "two"} {
			time.Sleep(time.Minute)
			app.Rotate(0)
			write(t, app, line)
		}
		const older, newer = "0.log.20000101-000100", "0.log.20000101-000200" // the older one is compressed
		files = list(t, client, folder(p, "app"), 0)
		same(t, "rotated", files.Rotated, older, newer)
		if files.Current != "0.log" || files.Newest() != newer {
			t.Errorf("the current one is %s, the newest %s", files.Current, files.Newest())
		}
		same(t, older, texts(t, files, older), "zero")
		same(t, newer, texts(t, files, newer), "one")
		same(t, "the current one", texts(t, files, files.Current), "two")
		time.Sleep(time.Minute)
		app.Rotate(0)
		same(t, "compressed since it was listed", texts(t, files, newer), "one")
		same(t, "compressed, again", texts(t, files, newer), "one")

		app.Restart()
		write(t, app, "three")
		files = list(t, client, folder(p, "app"), 1)
		if files.Current != "1.log" || len(files.Rotated) != 0 || files.Restarts != 1 {
			t.Errorf("after a restart: %+v", files)
		}
		same(t, "after a restart", texts(t, files, files.Current), "three")
		files = list(t, client, folder(p, "app"), 0)
		same(t, "the files of the instance before", files.Rotated, older, newer, "0.log.20000101-000300")
		configs := 0
		for _, q := range c.Requests() {
			if strings.HasSuffix(q.Path, "/configz") {
				configs++
			}
		}
		if configs != 1 || log.String() != "" {
			t.Errorf("the configuration was read %d times; log: %s", configs, log)
		}
	})
	bubble(t, "the newest has an earlier name", func(t *testing.T) {
		c := start(t, sim.Options{})
		p := c.AddPod(sim.PodSpec{})
		app := p.Container("app")
		client, _ := connect(t, c.RESTConfig(), kube.Options{})
		time.Sleep(time.Minute)
		app.Rotate(0)
		c.Node("node-1").SetClock(-time.Hour)
		time.Sleep(time.Minute)
		app.Rotate(0)
		const older, newer = "0.log.20000101-000100", "0.log.19991231-230200"
		same(t, "rotated", list(t, client, folder(p, "app"), 0).Rotated, older, newer)
		app.Compressing(true)
		same(t, "while it is compressed", list(t, client, folder(p, "app"), 0).Rotated, older, newer)
	})
	bubble(t, "while one is compressed it is there twice", func(t *testing.T) {
		c := start(t, sim.Options{})
		p := c.AddPod(sim.PodSpec{})
		app := p.Container("app")
		client, _ := connect(t, c.RESTConfig(), kube.Options{})
		write(t, app, "zero")
		time.Sleep(time.Minute)
		app.Rotate(0)
		for _, done := range []bool{false, true} {
			app.Compressing(done)
			files := list(t, client, folder(p, "app"), 0)
			same(t, "rotated", files.Rotated, "0.log.20000101-000100")
			same(t, "its text", texts(t, files, files.Newest()), "zero")
		}
	})
}

// That a container has no files, or that they can't be listed now, is not ErrNoFiles.
func TestListErrors(t *testing.T) {
	bubble(t, "there are none", func(t *testing.T) {
		c := start(t, sim.Options{})
		p := c.AddPod(sim.PodSpec{})
		client, log := connect(t, c.RESTConfig(), kube.Options{})
		for name, restarts := range map[string]int{"app": 1, "web": 0} {
			if files, err := client.NodeFiles().List(t.Context(), folder(p, name), restarts); err == nil || errors.Is(err, kube.ErrNoFiles) {
				t.Errorf("%s, %d restarts: %+v, %v", name, restarts, files, err)
			}
		}
		files := list(t, client, folder(p, "app"), 0)
		for _, name := range []string{"0.log.20000101-000100", "5.log"} {
			if _, err := files.Open(t.Context(), name); err == nil {
				t.Errorf("%s can be opened", name)
			}
		}
		if log.String() != "" {
			t.Errorf("log: %s", log)
		}
	})
	bubble(t, "a list that ends early", func(t *testing.T) {
		c := start(t, sim.Options{})
		p := c.AddPod(sim.PodSpec{})
		client, _ := connect(t, c.RESTConfig(), kube.Options{})
		c.Inject(sim.Fault{Path: "/proxy/logs/", Bytes: 8, End: sim.EOF})
		if files, err := client.NodeFiles().List(t.Context(), folder(p, "app"), 0); err == nil || !strings.HasSuffix(err.Error(), " ends early") {
			t.Errorf("%+v, %v", files, err)
		}
	})
	bubble(t, "an answer that doesn't come", func(t *testing.T) {
		c := start(t, sim.Options{})
		p := c.AddPod(sim.PodSpec{})
		client, _ := connect(t, c.RESTConfig(), kube.Options{RequestTimeout: 10 * time.Second})
		files := list(t, client, folder(p, "app"), 0)
		c.Inject(sim.Fault{Path: "/proxy/", Delay: time.Hour})
		begun := time.Now()
		if _, err := client.NodeFiles().List(t.Context(), folder(p, "app"), 0); !errors.Is(err, context.DeadlineExceeded) || since(begun) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
		begun = time.Now()
		if _, err := files.Longer(t.Context(), files.Current, 0); !errors.Is(err, context.DeadlineExceeded) || since(begun) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
	})
}

// The runtime goes on writing to a file for a moment after it was renamed.
func TestLonger(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		c := start(t, sim.Options{})
		p := c.AddPod(sim.PodSpec{})
		app := p.Container("app")
		client, _ := connect(t, c.RESTConfig(), kube.Options{})
		write(t, app, "zero")
		files := list(t, client, folder(p, "app"), 0)
		r, err := files.Open(t.Context(), files.Current)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		size := int64(len(content))
		longer := func(when, name string, than int64, want bool) {
			t.Helper()
			if got, err := files.Longer(t.Context(), name, than); err != nil || got != want {
				t.Errorf("%s: %v, %v", when, got, err)
			}
		}
		longer("as long", files.Current, size, false)
		longer("longer by a byte", files.Current, size-1, true)
		longer("shorter", files.Current, size+1, false)
		longer("not empty", files.Current, 0, true)
		write(t, app, "one")
		longer("written to", files.Current, size, true)
		longer("removed", "0.log.20000101-000100", 0, false)
		time.Sleep(time.Minute)
		app.Rotate(0)
		time.Sleep(time.Minute)
		app.Rotate(0)
		files = list(t, client, folder(p, "app"), 0)
		longer("compressed", files.Rotated[0], 0, false)
		longer("not compressed yet", files.Newest(), 0, false) // it is empty
		c.KubeletDown()
		if _, err := files.Longer(t.Context(), files.Current, 0); err == nil {
			t.Error("no error while the kubelet is down")
		}
	})
}

// A node that doesn't answer keeps no log from being opened, however many ask for its files.
func TestFilesThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, sim.Options{})
		c.AddPod(sim.PodSpec{Name: "web"})
		client, _ := connect(t, c.RESTConfig(), kube.Options{})
		c.Inject(sim.Fault{Path: "/proxy/", Delay: time.Hour})
		const many = 200 // more than are opened at once
		done := make(chan error)
		for range many {
			go func() {
				_, err := client.NodeFiles().List(t.Context(), kube.ContainerLog{Node: "node-1", Namespace: "default", Pod: "web", Container: "app"}, 0)
				done <- err
			}()
		}
		synctest.Wait()
		begun := time.Now()
		s := client.NewLog(t.Context())
		defer s.Close()
		if err := s.Open(following("web", kube.Auto)); err != nil || time.Since(begun) > time.Second {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
		for range many {
			if err := <-done; err == nil {
				t.Error("files are listed that were not answered for")
			}
		}
	})
}
