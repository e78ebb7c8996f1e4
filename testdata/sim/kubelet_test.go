package sim_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"mktail/testdata/sim"
)

// following waits until n requests follow a container's log. The headers of a response, with which open returns, come before
// the log is opened: what is rotated away between the two is not followed.
func following(t testing.TB, app *sim.Container, n int) {
	t.Helper()
	if err := app.CaughtUp(limit(t), n); err != nil {
		t.Fatal(err)
	}
}

// TestRotation: a follower reads on, a new reader sees the new file alone.
func TestRotation(t *testing.T) {
	c := start(t, sim.Options{})
	app := c.AddPod(sim.PodSpec{Policy: corev1.RestartPolicyNever}).Container("app")
	cs := client(t, c.RESTConfig())
	rc := open(t, cs, &corev1.PodLogOptions{Follow: true})
	following(t, app, 1)
	app.Write("1")
	app.Write("2")
	app.Rotate(1)
	app.Write("3")
	late := open(t, cs, &corev1.PodLogOptions{Follow: true})
	following(t, app, 2)
	app.Rotate(0)
	app.Rotate(0)
	app.Write("4")
	if got, _ := read(open(t, cs, &corev1.PodLogOptions{})); got != "4\n" {
		t.Errorf("the current file is %q", got)
	}
	app.Exit(0)
	if got, err := read(rc); got != "1\n2\n3\n4\n" || err != nil {
		t.Errorf("the follower got %q, %v", got, err)
	}
	if got, err := read(late); got != "2\n3\n4\n" || err != nil {
		t.Errorf("the late follower got %q, %v", got, err)
	}
}

// TestRecords: partial records, records of both streams and stamps as the kubelet treats them.
func TestRecords(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	c := start(t, sim.Options{Zone: zone, SplitStreams: true})
	app := c.AddPod(sim.PodSpec{}).Container("app")
	at := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	app.Append(
		sim.Record{Stamp: at, Text: "a", Partial: true},
		sim.Record{Stamp: at.Add(time.Second), Text: "b"},
		sim.Record{Stamp: at.Add(2 * time.Second), Text: "err", Stderr: true},
		sim.Record{Stamp: at.Add(-time.Second), Text: ""},
	)
	stderr, n, half := corev1.LogStreamStderr, int64(3), int64(38)
	since := metav1.NewTime(at.Add(time.Second))
	for _, test := range []struct {
		name string
		o    corev1.PodLogOptions
		want string
	}{
		{"plain", corev1.PodLogOptions{}, "ab\nerr\n\n"},
		{"joined under one stamp", corev1.PodLogOptions{Timestamps: true},
			"2026-01-02T05:04:05.000000600+02:00 ab\n2026-01-02T05:04:07.000000600+02:00 err\n2026-01-02T05:04:04.000000600+02:00 \n"},
		{"since cuts within a line, which then has no stamp", corev1.PodLogOptions{Timestamps: true, SinceTime: &since},
			"b\n2026-01-02T05:04:07.000000600+02:00 err\n"},
		{"tail counts records", corev1.PodLogOptions{TailLines: &n}, "b\nerr\n\n"},
		{"limit counts stamps", corev1.PodLogOptions{Timestamps: true, LimitBytes: &half}, "2026-01-02T05:04:05.000000600+02:00 ab"},
		{"one stream", corev1.PodLogOptions{Stream: &stderr}, "err\n"},
	} {
		if got, err := read(open(t, client(t, c.RESTConfig()), &test.o)); got != test.want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", test.name, got, err, test.want)
		}
	}
	app.Lose(false)
	if got, err := read(open(t, client(t, c.RESTConfig()), &corev1.PodLogOptions{})); got != "unable to retrieve container logs for "+app.ID() || err != nil {
		t.Errorf("a lost log: %q, %v", got, err)
	}
}

// TestUnterminated: what a container leaves of a line comes out when it ends, without a newline.
func TestUnterminated(t *testing.T) {
	c := start(t, sim.Options{})
	app := c.AddPod(sim.PodSpec{Policy: corev1.RestartPolicyNever}).Container("app")
	io.WriteString(app.Stdout(), "one\ntw")
	io.WriteString(app.Stdout(), "o\nthr")
	if got, _ := read(open(t, client(t, c.RESTConfig()), &corev1.PodLogOptions{})); got != "one\ntwo\n" {
		t.Errorf("while it runs: %q", got)
	}
	app.Exit(0)
	if got, _ := read(open(t, client(t, c.RESTConfig()), &corev1.PodLogOptions{})); got != "one\ntwo\nthr" {
		t.Errorf("after its end: %q", got)
	}
}

// TestStatusLag: the stream ends before the API knows that the container did.
func TestStatusLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, sim.Options{Memory: true, StatusLag: 3 * time.Second})
		app := c.AddPod(sim.PodSpec{Policy: corev1.RestartPolicyNever}).Container("app")
		cs := client(t, c.RESTConfig())
		rc := open(t, cs, &corev1.PodLogOptions{Follow: true})
		app.Write("one")
		begun := time.Now()
		go app.Exit(1)
		if got, err := read(rc); got != "one\n" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		phase := func() corev1.PodPhase {
			p, err := cs.CoreV1().Pods("default").Get(t.Context(), "pod", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return p.Status.Phase
		}
		if got := phase(); got != corev1.PodRunning || time.Since(begun) != 0 {
			t.Errorf("the pod is %s after %v", got, time.Since(begun))
		}
		c.Wait(t.Context(), func(sim.Stats) bool { return !app.Running() })
		if got := phase(); got != corev1.PodFailed || time.Since(begun) != 3*time.Second {
			t.Errorf("the pod is %s after %v", got, time.Since(begun))
		}
		c.Close()
	})
}

// TestBubble: a cluster in memory runs on a bubble's clock: bookmarks, back-off, rates.
func TestBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, sim.Options{Memory: true, Backoff: func(n int) time.Duration { return time.Duration(n) * 10 * time.Second }})
		cs := client(t, c.RESTConfig())
		c.AddPod(sim.PodSpec{Containers: []sim.ContainerSpec{{Name: "app", Rate: 2, Code: 1,
			Lines: func(i int) (string, bool) { return fmt.Sprint("line ", i), i < 10 }}}})
		begun := time.Now()
		got, err := read(open(t, cs, &corev1.PodLogOptions{Follow: true}))
		if strings.Count(got, "\n") != 10 || err != nil || time.Since(begun) != 5*time.Second {
			t.Errorf("got %q, %v after %v", got, err, time.Since(begun))
		}
		app := c.Pod("default", "pod").Container("app")
		c.Wait(t.Context(), func(sim.Stats) bool { return app.Restarts() == 2 })
		if d := time.Since(begun); d != 40*time.Second { // 5 + 10 + 5 + 20
			t.Errorf("the second restart came after %v", d)
		}
		w, err := cs.CoreV1().Pods("other").Watch(t.Context(), metav1.ListOptions{ResourceVersion: itoa(c.Stats().ResourceVersion), AllowWatchBookmarks: true})
		if err != nil {
			t.Fatal(err)
		}
		begun = time.Now()
		if ev := <-w.ResultChan(); ev.Type != watch.Bookmark || time.Since(begun) != time.Minute {
			t.Errorf("got %v after %v", ev, time.Since(begun))
		}
		c.Bookmark()
		if ev := <-w.ResultChan(); ev.Type != watch.Bookmark || time.Since(begun) != time.Minute {
			t.Errorf("got %v after %v", ev, time.Since(begun))
		}
		w.Stop()
		c.Down()
		synctest.Wait() // until the client has seen it
		if _, err := cs.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{}); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("while down: %v", err)
		}
		c.Up()
		if _, err := cs.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{}); err != nil {
			t.Error(err)
		}
		c.Close()
	})
}

func TestCrashLoop(t *testing.T) {
	c := start(t, sim.Options{})
	p := c.AddPod(sim.PodSpec{Containers: []sim.ContainerSpec{{Name: "app",
		Run: func(ctx context.Context, stdout, stderr io.Writer) int { fmt.Fprintln(stdout, "boom"); return 1 }}}})
	if err := c.Wait(limit(t), func(sim.Stats) bool { return p.Container("app").Restarts() >= 4 }); err != nil {
		t.Fatal(err)
	}
	p.Delete(0)
	if c.Pod("default", "pod") != nil {
		t.Error("the pod is still there")
	}
}

func TestHeldContainer(t *testing.T) {
	c := start(t, sim.Options{})
	p := c.AddPod(sim.PodSpec{Containers: []sim.ContainerSpec{{Name: "app", Hold: "ErrImagePull"}, {Name: "side"}}})
	_, err := client(t, c.RESTConfig()).CoreV1().Pods("default").GetLogs("pod", &corev1.PodLogOptions{Container: "app"}).Stream(limit(t))
	if want := `container "app" in pod "pod" is waiting to start: image can't be pulled`; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	p.Container("app").Release()
	if err := p.Container("app").Write("x"); err != nil {
		t.Error(err)
	}
	p.Delete(0)
}

// TestProtobuf: the answer is in the form that was asked for.
func TestProtobuf(t *testing.T) {
	c := start(t, sim.Options{})
	c.AddPod(sim.PodSpec{})
	hc, err := restHTTP(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	for accept, want := range map[string]string{
		"": "application/json",
		"application/vnd.kubernetes.protobuf, application/json":                                                                   "application/vnd.kubernetes.protobuf",
		"application/json;as=Table;v=v1;g=meta.k8s.io, application/json":                                                          "application/json",
		"application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/vnd.kubernetes.protobuf": "application/vnd.kubernetes.protobuf",
	} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL()+"/api/v1/pods", nil)
		req.Header.Set("Accept", accept)
		resp, err := hc.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Content-Type"); got != want || resp.ProtoMajor != 2 {
			t.Errorf("%q: got %s over %s", accept, got, resp.Proto)
		}
	}
}

// TestRequests: what was asked can be read, and waited for.
func TestRequests(t *testing.T) {
	c := start(t, sim.Options{})
	c.AddPod(sim.PodSpec{})
	rc := open(t, client(t, c.RESTConfig()), &corev1.PodLogOptions{Follow: true, Container: "app"})
	if err := c.Wait(limit(t), func(s sim.Stats) bool { return s.OpenLogs == 1 && s.Followers == 1 && s.Connections == 1 }); err != nil {
		t.Fatal(err)
	}
	q := c.Requests()[0]
	if q.Verb != "log" || q.Namespace != "default" || q.Pod != "pod" || q.Container != "app" || q.User != "kubernetes-admin" ||
		q.Query.Get("follow") != "true" || q.Status != 200 || q.Done || q.Proto != "HTTP/2.0" {
		t.Errorf("%+v", q)
	}
	rc.Close()
	if err := c.Wait(limit(t), func(s sim.Stats) bool { return s.OpenLogs == 0 }); err != nil {
		t.Fatal(err)
	}
}

// TestIdleFollowers: a thousand of them are cheap, each gets its line at once, and none is left afterwards.
func TestIdleFollowers(t *testing.T) {
	const n = 1000
	before := runtime.NumGoroutine()
	c, err := sim.Start(sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pods := make([]*sim.Pod, n)
	for i := range pods {
		pods[i] = c.AddPod(sim.PodSpec{Name: fmt.Sprint("pod-", i)})
	}
	cs := client(t, c.RESTConfig())
	ctx, cancel := context.WithCancel(limit(t))
	defer cancel()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			rc, err := cs.CoreV1().Pods("default").GetLogs(fmt.Sprint("pod-", i), &corev1.PodLogOptions{Follow: true}).Stream(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			defer rc.Close()
			if line, err := bufio.NewReader(rc).ReadString('\n'); line != fmt.Sprintln(i) {
				t.Errorf("pod %d: got %q, %v", i, line, err)
			}
		})
	}
	if err := c.Wait(ctx, func(s sim.Stats) bool { return s.Followers == n }); err != nil {
		t.Fatal(err)
	}
	for i, p := range slices.Backward(pods) {
		p.Container("app").Write(fmt.Sprint(i))
	}
	wg.Wait()
	c.Close()
	cancel()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before+10; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}

// BenchmarkServe reads a prerendered log, in bytes a second.
func BenchmarkServe(b *testing.B) {
	line := strings.Repeat("x", 100)
	fill := sim.Prerender(100_000, time.Now(), time.Microsecond, func(int) string { return line })
	for _, opt := range []sim.Options{{}, {HTTP1: true}, {Chunk: 4 << 10}, {Chunk: -1}} {
		b.Run(fmt.Sprintf("http1=%v/chunk=%d", opt.HTTP1, opt.Chunk), func(b *testing.B) {
			c := start(b, opt)
			c.AddPod(sim.PodSpec{Containers: []sim.ContainerSpec{{Name: "app", Fill: fill}}})
			cs := client(b, c.RESTConfig())
			for b.Loop() {
				n, err := io.Copy(io.Discard, open(b, cs, &corev1.PodLogOptions{Timestamps: true}))
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(n)
			}
			b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

// TestMaxLog: a file that grows too large is rotated by itself; a follower misses nothing.
func TestMaxLog(t *testing.T) {
	c := start(t, sim.Options{MaxLog: 1 << 10})
	app := c.AddPod(sim.PodSpec{Policy: corev1.RestartPolicyNever}).Container("app")
	cs := client(t, c.RESTConfig())
	rc := open(t, cs, &corev1.PodLogOptions{Follow: true})
	following(t, app, 1)
	var want strings.Builder
	for i := range 100 {
		app.Write(fmt.Sprint("line ", i))
		fmt.Fprintln(&want, "line", i)
	}
	current, _ := read(open(t, cs, &corev1.PodLogOptions{}))
	if n := strings.Count(current, "\n"); n >= 20 || !strings.HasSuffix(want.String(), current) {
		t.Errorf("the current file has %d lines: %q", n, current)
	}
	app.Exit(0)
	if got, err := read(rc); got != want.String() || err != nil {
		t.Errorf("the follower got %q, %v", got, err)
	}
}
