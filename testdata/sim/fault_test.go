package sim_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"mktail/testdata/sim"
)

// TestLogFaults: each strikes at its byte, and ends the stream in its way.
func TestLogFaults(t *testing.T) {
	clean := func(err error) bool { return err == nil }
	broken := func(err error) bool { return err != nil }
	for _, test := range []struct {
		name  string
		fault sim.Fault
		want  string
		err   func(error) bool
	}{
		{"clean end after the headers", sim.Fault{End: sim.EOF}, "", clean},
		{"clean end after two lines", sim.Fault{Lines: 2, End: sim.EOF}, "aaaa\nbbbb\n", clean},
		{"clean end in a line", sim.Fault{Lines: 1, Bytes: 2, End: sim.EOF}, "aaaa\nbb", clean},
		{"clean end in a rune", sim.Fault{Lines: 2, Bytes: 3, End: sim.EOF}, "aaaa\nbbbb\ncc\xc3", clean},
		{"clean end after bytes", sim.Fault{Bytes: 7, End: sim.EOF}, "aaaa\nbb", clean},
		{"stream reset", sim.Fault{Lines: 1, Bytes: 2, End: sim.Abort}, "aaaa\nbb", broken},
		{"connection cut", sim.Fault{Lines: 1, Bytes: 2, End: sim.Cut}, "aaaa\nbb", broken},
		{"the kubelet speaks", sim.Fault{Lines: 1, Insert: "failed to create fsnotify watcher: too many open files\n"},
			"aaaa\nfailed to create fsnotify watcher: too many open files\nbbbb\nccée\ndddd\n", clean},
		{"the kubelet speaks and ends", sim.Fault{Lines: 1, Insert: "rpc error", End: sim.EOF}, "aaaa\nrpc error", clean},
		{"a place that is never reached", sim.Fault{Lines: 5, Bytes: 1, End: sim.Abort}, "aaaa\nbbbb\nccée\ndddd\n", clean},
	} {
		for _, http1 := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				c := start(t, sim.Options{HTTP1: http1})
				app := c.AddPod(sim.PodSpec{Policy: corev1.RestartPolicyNever}).Container("app")
				app.Write("aaaa")
				in := c.Inject(sim.Fault{Verb: "watch", End: sim.EOF})
				test.fault.Verb, test.fault.Pod, test.fault.Times = "log", "pod", 1
				hit := c.Inject(test.fault)
				cs := client(t, c.RESTConfig())
				rc := open(t, cs, &corev1.PodLogOptions{Follow: true})
				app.Write("bbbb")
				app.Write("ccée")
				app.Write("dddd")
				app.Exit(0)
				if got, err := read(rc); got != test.want || !test.err(err) {
					t.Errorf("got %q, %v, want %q", got, err, test.want)
				}
				if hit.Hits() != 1 || in.Hits() != 0 {
					t.Errorf("%d and %d hits", hit.Hits(), in.Hits())
				}
				if got, err := read(open(t, cs, &corev1.PodLogOptions{})); got != "aaaa\nbbbb\nccée\ndddd\n" || err != nil {
					t.Errorf("the next request got %q, %v", got, err)
				}
			})
		}
	}
}

// TestSilence: a stalled stream says nothing more, and neither does a frozen connection or network.
func TestSilence(t *testing.T) {
	for name, strike := range map[string]func(c *sim.Cluster){
		"stall":   func(c *sim.Cluster) { c.Inject(sim.Fault{Verb: "log", Lines: 1, End: sim.Stall}) },
		"freeze":  func(c *sim.Cluster) { c.Inject(sim.Fault{Verb: "log", Lines: 1, End: sim.Freeze}) },
		"network": func(c *sim.Cluster) {},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, sim.Options{})
			app := c.AddPod(sim.PodSpec{}).Container("app")
			strike(c)
			r := bufio.NewReader(open(t, client(t, c.RESTConfig()), &corev1.PodLogOptions{Follow: true}))
			app.Write("one")
			if line, err := r.ReadString('\n'); line != "one\n" {
				t.Fatal(line, err)
			}
			if name == "network" {
				c.Freeze()
			}
			app.Write("two")
			got := make(chan string, 1)
			go func() {
				line, _ := r.ReadString('\n')
				got <- line
			}()
			select {
			case line := <-got:
				t.Fatalf("got %q", line)
			case <-time.After(100 * time.Millisecond): // silence takes time to see
			}
			if name == "network" {
				c.Thaw()
				if line := <-got; line != "two\n" {
					t.Errorf("after the thaw: %q", line)
				}
			}
		})
	}
}

func TestStatusFaults(t *testing.T) {
	c := start(t, sim.Options{})
	c.AddPod(sim.PodSpec{})
	cfg := c.RESTConfig()
	hc, err := restHTTP(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []int{401, 403, 404, 410, 429, 500, 503} {
		in := c.Inject(sim.Fault{Path: "/log", Skip: 1, Times: 1, Status: code, RetryAfter: 7, Message: "as scripted"})
		for i, want := range []int{200, code, 200} {
			resp, err := hc.Get(c.URL() + "/api/v1/namespaces/default/pods/pod/log")
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("request %d: status %d, want %d", i, resp.StatusCode, want)
			}
			if want == 429 && resp.Header.Get("Retry-After") != "7" {
				t.Errorf("429 has headers %v", resp.Header)
			}
			if want != 200 && !strings.Contains(string(body), `"kind":"Status"`) {
				t.Errorf("%d has body %s", want, body)
			}
		}
		in.Remove()
	}
}

func TestSlowHeaders(t *testing.T) {
	c := start(t, sim.Options{LateHeaders: true})
	app := c.AddPod(sim.PodSpec{}).Container("app")
	opened := make(chan io.ReadCloser, 1)
	cs := client(t, c.RESTConfig())
	go func() {
		rc, _ := cs.CoreV1().Pods("default").GetLogs("pod", &corev1.PodLogOptions{Follow: true}).Stream(t.Context())
		opened <- rc
	}()
	if err := app.CaughtUp(limit(t), 1); err != nil {
		t.Fatal(err)
	}
	select {
	case <-opened:
		t.Error("the headers came before the first byte")
	case <-time.After(50 * time.Millisecond):
	}
	app.Write("x")
	(<-opened).Close()

	c.Inject(sim.Fault{Verb: "list", Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := cs.CoreV1().Pods("").List(ctx, metav1.ListOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestReset(t *testing.T) {
	c := start(t, sim.Options{HTTP1: true})
	app := c.AddPod(sim.PodSpec{}).Container("app")
	c.Inject(sim.Fault{Verb: "log", Lines: 1, End: sim.Reset})
	rc := open(t, client(t, c.RESTConfig()), &corev1.PodLogOptions{Follow: true})
	app.Write("one")
	if _, err := read(rc); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

func TestWatchFaults(t *testing.T) {
	c := start(t, sim.Options{})
	cs := client(t, c.RESTConfig())
	events := func(o metav1.ListOptions) []watch.Event {
		w, err := cs.CoreV1().Pods("").Watch(limit(t), o)
		if err != nil {
			t.Fatal(err)
		}
		var all []watch.Event
		for ev := range w.ResultChan() {
			all = append(all, ev)
		}
		return all
	}
	for _, name := range []string{"a", "b", "c"} {
		c.AddPod(sim.PodSpec{Name: name})
	}
	for _, end := range []sim.End{sim.EOF, sim.Abort, sim.Cut} {
		in := c.Inject(sim.Fault{Verb: "watch", Lines: 2, End: end})
		got := events(metav1.ListOptions{})
		got = slices.DeleteFunc(got, func(ev watch.Event) bool { return ev.Type == watch.Error }) // the client's own
		if len(got) != 2 {
			t.Errorf("%v: %d events", end, len(got))
		}
		in.Remove()
	}
	in := c.Inject(sim.Fault{Verb: "watch", Lines: 1, End: sim.Expire})
	got := events(metav1.ListOptions{})
	if len(got) != 2 || got[1].Type != watch.Error || !apierrors.IsResourceExpired(apierrors.FromObject(got[1].Object)) {
		t.Errorf("an expired watch gave %v", got)
	}
	in.Remove()
	in = c.Inject(sim.Fault{Verb: "watch", After: 20 * time.Millisecond, End: sim.EOF})
	if got := events(metav1.ListOptions{}); len(got) != 3 {
		t.Errorf("a watch ended by time gave %d events", len(got))
	}
	in.Remove()
}

// TestCompact: old versions and tokens are gone, as an event or as a status; open watches go on.
func TestCompact(t *testing.T) {
	for _, asStatus := range []bool{false, true} {
		c := start(t, sim.Options{GoneAsStatus: asStatus})
		cs := client(t, c.RESTConfig())
		a := c.AddPod(sim.PodSpec{Name: "a"})
		c.AddPod(sim.PodSpec{Name: "b"})
		page, err := cs.CoreV1().Pods("").List(limit(t), metav1.ListOptions{Limit: 1})
		if err != nil || page.Continue == "" {
			t.Fatal(page, err)
		}
		opened, err := cs.CoreV1().Pods("").Watch(limit(t), metav1.ListOptions{ResourceVersion: page.ResourceVersion})
		if err != nil {
			t.Fatal(err)
		}
		c.Compact()
		_, err = cs.CoreV1().Pods("").List(limit(t), metav1.ListOptions{Limit: 1, Continue: page.Continue})
		if !apierrors.IsResourceExpired(err) {
			t.Errorf("the continue token gave %v", err)
		}
		w, err := cs.CoreV1().Pods("").Watch(limit(t), metav1.ListOptions{ResourceVersion: page.ResourceVersion})
		if err == nil {
			err = apierrors.FromObject((<-w.ResultChan()).Object)
		} else if !asStatus {
			t.Errorf("the error came as a status: %v", err)
		}
		if !apierrors.IsResourceExpired(err) {
			t.Errorf("the watch gave %v", err)
		}
		a.SetLabels(map[string]string{"x": "y"})
		if ev := <-opened.ResultChan(); ev.Type != watch.Modified {
			t.Errorf("the open watch gave %v", ev)
		}
		opened.Stop()
	}
}

// TestHistoryIsBounded: a watch from before the window is 410, one from within resumes.
func TestHistoryIsBounded(t *testing.T) {
	c := start(t, sim.Options{History: 10})
	cs := client(t, c.RESTConfig())
	p := c.AddPod(sim.PodSpec{})
	old := c.Stats().ResourceVersion
	for range 50 {
		p.SetLabels(map[string]string{"x": "y"})
	}
	w, err := cs.CoreV1().Pods("").Watch(limit(t), metav1.ListOptions{ResourceVersion: itoa(old)})
	if err != nil {
		t.Fatal(err)
	}
	if ev := <-w.ResultChan(); ev.Type != watch.Error {
		t.Errorf("got %v", ev)
	}
	w, err = cs.CoreV1().Pods("").Watch(limit(t), metav1.ListOptions{ResourceVersion: itoa(c.Stats().ResourceVersion - 5)})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if ev := <-w.ResultChan(); ev.Type != watch.Modified {
			t.Errorf("got %v", ev)
		}
	}
	w.Stop()
}

// TestKubeletDown: streams end cleanly while the container writes on; nothing is lost in its file.
func TestKubeletDown(t *testing.T) {
	c := start(t, sim.Options{})
	app := c.AddPod(sim.PodSpec{}).Container("app")
	cs := client(t, c.RESTConfig())
	rc := open(t, cs, &corev1.PodLogOptions{Follow: true})
	app.Write("one")
	if err := app.CaughtUp(limit(t), 1); err != nil {
		t.Fatal(err)
	}
	c.KubeletDown()
	if got, err := read(rc); got != "one\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	app.Write("two")
	_, err := cs.CoreV1().Pods("default").GetLogs("pod", &corev1.PodLogOptions{}).Stream(limit(t))
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Code != http.StatusInternalServerError || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("a log request got %v", err)
	}
	c.KubeletUp()
	if got, err := read(open(t, cs, &corev1.PodLogOptions{})); got != "one\ntwo\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// A connection that is to go carries on what is under way on it, and no new request.
func TestGoAway(t *testing.T) {
	for _, http1 := range []bool{false, true} {
		c := start(t, sim.Options{HTTP1: http1})
		app := c.AddPod(sim.PodSpec{}).Container("app")
		cfg := c.RESTConfig()
		var dials atomic.Int64
		cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			dials.Add(1)
			return new(net.Dialer).DialContext(ctx, network, address)
		}
		cs := client(t, cfg)
		away := c.Inject(sim.Fault{Verb: "log", Times: 1, GoAway: true})
		rc := open(t, cs, &corev1.PodLogOptions{Follow: true})
		before := dials.Load()
		if _, err := cs.CoreV1().Pods("").List(limit(t), metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
		if n := dials.Load() - before; n != 1 || away.Hits() != 1 {
			t.Errorf("HTTP/1.1 %v: %d connections for the next request, %d hits", http1, n, away.Hits())
		}
		app.Write("x")
		if err := app.CaughtUp(limit(t), 1); err != nil {
			t.Fatal(err)
		}
		app.Exit(0)
		if got, err := read(rc); got != "x\n" || err != nil {
			t.Errorf("HTTP/1.1 %v: the stream gave %q, %v", http1, got, err)
		}
	}
}

// TestGateways: faults that strike ever, and answers that are not the API server's.
func TestGateways(t *testing.T) {
	c := start(t, sim.Options{})
	app := c.AddPod(sim.PodSpec{}).Container("app")
	for _, l := range []string{"a", "b", "c"} {
		app.Write(l)
	}
	cs := client(t, c.RESTConfig())
	logs := func() (string, error) { return read(open(t, cs, &corev1.PodLogOptions{})) }
	gateway := c.Inject(sim.Fault{Verb: "log", Lines: 2, End: sim.EOF})
	c.Inject(sim.Fault{Verb: "log", Lines: 1, End: sim.EOF, Skip: 1, Times: 1})
	for i, want := range []string{"a\nb\n", "a\n", "a\nb\n"} {
		if got, err := logs(); got != want || err != nil {
			t.Errorf("answer %d is %q, %v, want %q", i, got, err, want)
		}
	}
	gateway.Remove()
	c.Inject(sim.Fault{Verb: "log", Bytes: 3, End: sim.Abort})
	for range 2 {
		if got, err := logs(); got != "a\nb" || err == nil {
			t.Errorf("the answer is %q, %v", got, err)
		}
	}

	hc, err := rest.HTTPClientFor(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, test := range []struct {
		fault  sim.Fault
		status int
	}{
		{sim.Fault{Page: "<html>Sign in</html>"}, 200},
		{sim.Fault{Page: "<html>Bad gateway</html>", Status: 502, RetryAfter: 3600}, 502},
		{sim.Fault{Page: "<html>Service unavailable</html>", Status: 503}, 503},
	} {
		test.fault.Verb, test.fault.Times = "list", 1
		c.Inject(test.fault)
		resp, err := hc.Get(c.URL() + "/api/v1/pods")
		if err != nil {
			t.Fatal(err)
		}
		text, err := read(resp.Body)
		if resp.StatusCode != test.status || text != test.fault.Page || err != nil || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") ||
			(resp.Header.Get("Retry-After") != "") != (test.fault.RetryAfter > 0) {
			t.Errorf("%+v: got %v %q, %v", test.fault, resp, text, err)
		}
	}
}

// TestWatchesThatAreEnded: a gateway ends each watch cleanly after some time, and loses nothing.
func TestWatchesThatAreEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, sim.Options{Memory: true})
		c.Inject(sim.Fault{Verb: "watch", After: 8 * time.Second, End: sim.EOF})
		cs := client(t, c.RESTConfig())
		begun := time.Now()
		for i := range 2 {
			w, err := cs.CoreV1().Pods("").Watch(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprint("web-", i)
			c.AddPod(sim.PodSpec{Name: name})
			seen := false
			for e := range w.ResultChan() {
				p, ok := e.Object.(*corev1.Pod)
				seen = seen || ok && p.Name == name
			}
			if took := time.Since(begun); !seen || took != time.Duration(i+1)*8*time.Second {
				t.Errorf("watch %d ended after %v; the pod was seen: %v", i, took, seen)
			}
		}
	})
}
