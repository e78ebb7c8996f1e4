package sim_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"mktail/testdata/sim"
)

// answer is what came of a request to the node proxy.
type answer struct {
	status int
	header http.Header
	text   string
	err    error // of reading
}

// ask asks node-1 through the proxy, as the user of that token.
func ask(t testing.TB, cfg *rest.Config, path string, headers ...string) answer {
	t.Helper()
	return askNode(t, cfg, http.MethodGet, "node-1", path, headers...)
}

func askNode(t testing.TB, cfg *rest.Config, method, node, path string, headers ...string) answer {
	t.Helper()
	hc, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(limit(t), method, cfg.Host+"/api/v1/nodes/"+node+"/proxy"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := hc.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := read(resp.Body)
	return answer{resp.StatusCode, resp.Header, text, err}
}

var link = regexp.MustCompile(`<a href="([^"]*)">`)

// names lists a folder below /var/log.
func names(t testing.TB, c *sim.Cluster, folder string) []string {
	t.Helper()
	a := ask(t, c.RESTConfig(), "/logs/"+folder)
	if a.status != 200 || a.header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(a.text, "<pre>\n") {
		t.Fatalf("listing %s: %+v", folder, a)
	}
	all := []string{}
	for _, m := range link.FindAllStringSubmatch(a.text, -1) {
		all = append(all, m[1])
	}
	return all
}

// texts gives the lines of a file below /var/log without what the runtime writes before them.
func texts(t testing.TB, c *sim.Cluster, file string) []string {
	t.Helper()
	a := ask(t, c.RESTConfig(), "/logs/"+file)
	if a.status != 200 || a.err != nil {
		t.Fatalf("%s: %+v", file, a)
	}
	if strings.HasSuffix(file, ".gz") {
		z, err := gzip.NewReader(strings.NewReader(a.text))
		if err != nil {
			t.Fatal(err)
		}
		a.text, err = read(io.NopCloser(z))
		if err != nil {
			t.Fatal(err)
		}
	}
	all := []string{}
	for line := range strings.Lines(a.text) {
		all = append(all, strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)[3])
	}
	return all
}

func folder(p *sim.Pod, container string) string {
	return fmt.Sprintf("pods/%s_%s_%s/%s/", p.Namespace(), p.Name(), p.UID(), container)
}

func same(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}

// TestLogFiles: a rotated file is plain at first and compressed at the next rotation; the oldest go; the files of the
// previous instance stay as long as it is the previous one.
func TestLogFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, sim.Options{Memory: true})
		defer c.Close()
		p := c.AddPod(sim.PodSpec{})
		app := p.Container("app")
		dir := folder(p, "app")
		same(t, "the root", names(t, c, ""), "pods/")
		same(t, "the pods", names(t, c, "pods/"), strings.Split(dir, "/")[1]+"/")
		same(t, "the pod", names(t, c, strings.TrimSuffix(dir, "app/")), "app/")
		same(t, "at first", names(t, c, dir), "0.log")
		same(t, "the empty file", texts(t, c, dir+"0.log"))
		for i := range 6 {
			time.Sleep(time.Minute)
			app.Write(fmt.Sprint("line ", i))
			app.Rotate(0)
			if i == 1 {
				same(t, "after two rotations", names(t, c, dir), "0.log", "0.log.20000101-000100.gz", "0.log.20000101-000200")
			}
		}
		app.Write("line 6")
		same(t, "after six rotations", names(t, c, dir), "0.log", "0.log.20000101-000300.gz", "0.log.20000101-000400.gz",
			"0.log.20000101-000500.gz", "0.log.20000101-000600")
		same(t, "the oldest", texts(t, c, dir+"0.log.20000101-000300.gz"), "line 2")
		same(t, "the newest", texts(t, c, dir+"0.log.20000101-000600"), "line 5")
		same(t, "the current one", texts(t, c, dir+"0.log"), "line 6")
		same(t, "on disk", app.OnDisk(), "line 2", "line 3", "line 4", "line 5", "line 6")

		app.Restart()
		app.Write("next life")
		same(t, "after a restart", names(t, c, dir), "0.log", "0.log.20000101-000300.gz", "0.log.20000101-000400.gz",
			"0.log.20000101-000500.gz", "0.log.20000101-000600", "1.log")
		app.Restart()
		app.Write("last life")
		same(t, "after another restart", names(t, c, dir), "1.log", "2.log")
		same(t, "on disk then", app.OnDisk(), "next life", "last life")
		same(t, "written", app.Written(), "line 0", "line 1", "line 2", "line 3", "line 4", "line 5", "line 6", "next life", "last life")
		app.Lose(true)
		same(t, "after the loss", names(t, c, dir), "2.log")
		p.Delete(0)
		if a := ask(t, c.RESTConfig(), "/logs/"+dir); a.status != 404 || a.text != "404 page not found\n" {
			t.Errorf("the folder of a pod that is gone: %+v", a)
		}
		same(t, "on disk at the end", app.OnDisk())
	})
}

// TestTwoRotationsWithinASecond: each gets a name of its own.
func TestTwoRotationsWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, sim.Options{Memory: true, Zone: time.FixedZone("", -3600), MaxLogFiles: 4})
		defer c.Close()
		p := c.AddPod(sim.PodSpec{})
		app := p.Container("app")
		for i := range 3 {
			app.Write(fmt.Sprint(i))
			app.Rotate(0)
		}
		dir := folder(p, "app")
		same(t, "names", names(t, c, dir), "0.log", "0.log.19991231-230000.gz", "0.log.19991231-230001.gz", "0.log.19991231-230002")
		app.Compressing(false)
		same(t, "while it compresses", names(t, c, dir), "0.log", "0.log.19991231-230000.gz", "0.log.19991231-230001.gz",
			"0.log.19991231-230002", "0.log.19991231-230002.tmp")
		app.Compressing(true)
		same(t, "when it has compressed", names(t, c, dir), "0.log", "0.log.19991231-230000.gz", "0.log.19991231-230001.gz",
			"0.log.19991231-230002", "0.log.19991231-230002.gz")
		same(t, "its compressed form", texts(t, c, dir+"0.log.19991231-230002.gz"), "2")
		app.Rotate(0)
		same(t, "after the next rotation", names(t, c, dir), "0.log", "0.log.19991231-230001.gz", "0.log.19991231-230002.gz",
			"0.log.19991231-230003")
		same(t, "on disk", app.OnDisk(), "1", "2")
	})
}

// TestFileForm: records are in the file as containerd writes them.
func TestFileForm(t *testing.T) {
	c := start(t, sim.Options{Zone: time.FixedZone("", 2*3600), PodLogsDir: "/var/log/some/where/"})
	p := c.AddPod(sim.PodSpec{})
	app := p.Container("app")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	app.Append(
		sim.Record{Stamp: at, Text: "a", Partial: true},
		sim.Record{Stamp: at.Add(123456789), Text: "e", Stderr: true, Partial: true},
		sim.Record{Stamp: at.Add(120 * time.Millisecond), Text: "b"},
		sim.Record{Stamp: at.Add(time.Microsecond), Text: "", Stderr: true},
	)
	dir := strings.Replace(folder(p, "app"), "pods", "some/where", 1)
	want := "2026-01-02T05:04:05+02:00 stdout P a\n" +
		"2026-01-02T05:04:05.123456789+02:00 stderr P e\n" +
		"2026-01-02T05:04:05.12+02:00 stdout F b\n" +
		"2026-01-02T05:04:05.000001+02:00 stderr F \n"
	if a := ask(t, c.RESTConfig(), "/logs/"+dir+"0.log"); a.text != want || a.header.Get("Last-Modified") == "" {
		t.Errorf("got %+v, want %q", a, want)
	}
	same(t, "the lines", app.Written(), "ab", "e")
	io.WriteString(app.Stdout(), strings.Repeat("x", 40_000)+"\nunfinished")
	if got := texts(t, c, dir+"0.log")[4:]; len(got) != 3 || len(got[0]) != 16<<10 || len(got[2]) != 40_000-32<<10 {
		t.Errorf("a long line has %d records", len(got))
	}
	if a := ask(t, c.RESTConfig(), "/configz"); !strings.Contains(a.text, `"podLogsDir":"/var/log/some/where"`) ||
		!strings.Contains(a.text, `{"kubeletconfig":{`) || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("configz: %+v", a)
	}
	// A pod whose files lie elsewhere has none here.
	away := start(t, sim.Options{PodLogsDir: "/data/pods"})
	away.AddPod(sim.PodSpec{})
	same(t, "a root without pods", names(t, away, ""))
}

// TestFileRanges: any part of a file can be asked for, whatever lies in it; what is written meanwhile does not matter.
func TestFileRanges(t *testing.T) {
	c := start(t, sim.Options{})
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	fill := sim.Prerender(3000, at, time.Millisecond, func(i int) string { return fmt.Sprint("line ", i) })
	p := c.AddPod(sim.PodSpec{Containers: []sim.ContainerSpec{{Name: "app", Fill: fill}}})
	app := p.Container("app")
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 3000 {
		app.Append(sim.Record{Stamp: at.Add(time.Duration(i) * 100), Text: strings.Repeat("y", r.IntN(99)), Partial: r.IntN(9) == 0, Stderr: r.IntN(9) == 0})
	}
	app.Rotate(200)
	var lines int
	for _, n := range names(t, c, folder(p, "app")) {
		file := "/logs/" + folder(p, "app") + n
		whole := ask(t, c.RESTConfig(), file)
		if fmt.Sprint(len(whole.text)) != whole.header.Get("Content-Length") || whole.err != nil {
			t.Fatalf("%s: %d bytes, %v, %v", n, len(whole.text), whole.header, whole.err)
		}
		lines += strings.Count(whole.text, "\n")
		for range 100 {
			from := r.IntN(len(whole.text))
			to := from + r.IntN(len(whole.text)-from)
			a := ask(t, c.RESTConfig(), file, "Range", fmt.Sprintf("bytes=%d-%d", from, to))
			if a.status != 206 || a.text != whole.text[from:to+1] {
				t.Fatalf("%s: bytes %d to %d are wrong (%d, %v)", n, from, to, a.status, a.err)
			}
		}
		if a := ask(t, c.RESTConfig(), file, "Range", fmt.Sprintf("bytes=%d-", len(whole.text))); a.status != 416 {
			t.Errorf("%s: behind its end: %+v", n, a)
		}
		if a := ask(t, c.RESTConfig(), file, "If-Modified-Since", whole.header.Get("Last-Modified")); a.status != 304 {
			t.Errorf("%s: not modified since: %+v", n, a)
		}
	}
	if lines != 6000 {
		t.Errorf("%d records on disk", lines)
	}
	if got := app.OnDisk(); !slices.Equal(got, app.Written()) || len(got) < 5000 {
		t.Errorf("%d lines on disk, %d written", len(got), len(app.Written()))
	}
}

// TestLineCutByRemoval: a line of which a part is gone is not on the disk, and still was written.
func TestLineCutByRemoval(t *testing.T) {
	c := start(t, sim.Options{MaxLogFiles: 2})
	app := c.AddPod(sim.PodSpec{}).Container("app")
	now := time.Now()
	app.Append(sim.Record{Stamp: now, Text: "one"}, sim.Record{Stamp: now, Text: "tw", Partial: true})
	app.Rotate(0)
	app.Append(sim.Record{Stamp: now, Text: "o"}, sim.Record{Stamp: now, Text: "three"})
	same(t, "on disk", app.OnDisk(), "one", "two", "three")
	app.Rotate(0)
	same(t, "after the removal", app.OnDisk(), "three")
	same(t, "written", app.Written(), "one", "two", "three")
}

// TestProxyRefusals: who may not, what is not there, and a kubelet that does not answer.
func TestProxyRefusals(t *testing.T) {
	c := start(t, sim.Options{})
	p := c.AddPod(sim.PodSpec{})
	c.AddPod(sim.PodSpec{Name: "other", Node: "node-2"})
	c.AddToken("reader", sim.Reader("ann"))
	c.AddToken("files", sim.User{Name: "bob", Rules: []sim.Rule{{Verbs: []string{"get"}, Resources: []string{"nodes/proxy"}}}})
	admin := c.RESTConfig()
	file := "/logs/" + folder(p, "app") + "0.log"
	masked := rest.CopyConfig(admin)
	masked.Impersonate.UserName = "ann"
	for _, test := range []struct {
		name         string
		cfg          *rest.Config
		method, node string
		path         string
		status       int
		text         string
	}{
		{"a user without the right", c.RESTConfigFor("reader"), "GET", "node-1", file, 403,
			`nodes \"node-1\" is forbidden: User \"ann\" cannot get resource \"nodes/proxy\" in API group \"\" at the cluster scope`},
		{"impersonated", masked, "GET", "node-1", file, 403, `User \"ann\" cannot get`},
		{"a user with that right alone", c.RESTConfigFor("files"), "GET", "node-1", file, 200, ""},
		{"an unknown node", admin, "GET", "none", file, 404, `nodes \"none\" not found`},
		{"another node", admin, "GET", "node-2", file, 404, "404 page not found\n"},
		{"an unknown file", admin, "GET", "node-1", file + ".gz", 404, "404 page not found\n"},
		{"an unknown container", admin, "GET", "node-1", strings.Replace(file, "app", "web", 1), 404, "404 page not found\n"},
		{"an unknown pod", admin, "GET", "node-1", "/logs/pods/a_b_c/app/0.log", 404, "404 page not found\n"},
		{"another folder", admin, "GET", "node-1", "/logs/syslog", 404, "404 page not found\n"},
		{"an unknown path", admin, "GET", "node-1", "/pods", 404, "404 page not found\n"},
		{"another method", admin, "HEAD", "node-1", file, 405, ""},
		{"a folder without its slash", admin, "GET", "node-1", "/logs/pods", 200, "default_pod_"},
		{"the folder of logs", admin, "GET", "node-1", "/logs", 200, "pods/"},
		{"nothing", admin, "GET", "node-1", "", 404, "404 page not found\n"},
	} {
		if a := askNode(t, test.cfg, test.method, test.node, test.path); a.status != test.status || !strings.Contains(a.text, test.text) {
			t.Errorf("%s: got %+v", test.name, a)
		}
	}
	q := c.Requests()[0]
	if q.Verb != "get" || q.Resource != "nodes" || q.Subresource != "proxy" || q.Node != "node-1" || q.Namespace != "" || q.User != "ann" || q.Status != 403 {
		t.Errorf("the first request is %+v", q)
	}
	if n := c.Stats().Proxied; n < 14 {
		t.Errorf("%d requests to nodes", n)
	}

	c.KubeletDown()
	_, err := client(t, admin).CoreV1().RESTClient().Get().AbsPath("/api/v1/nodes/node-1/proxy/configz").Stream(limit(t))
	want := "error trying to reach service: dial tcp 10.0.0.1:10250: connect: connection refused"
	if !apierrors.IsServiceUnavailable(err) || err.Error() != want {
		t.Errorf("with the kubelet down: %v", err)
	}
	c.KubeletUp()
	if a := ask(t, admin, file); a.status != 200 {
		t.Errorf("with the kubelet up again: %+v", a)
	}
	off := start(t, sim.Options{NoLogFiles: true})
	if a := ask(t, off.RESTConfig(), "/logs/"); a.status != 405 || a.text != "logs endpoint is disabled.\n" {
		t.Errorf("a node that serves no files: %+v", a)
	}
	if a := ask(t, off.RESTConfig(), "/configz"); a.status != 200 {
		t.Errorf("its configz: %+v", a)
	}
}

// TestFileFaults: a file's answer can be refused, delayed and cut as any other.
func TestFileFaults(t *testing.T) {
	for _, opt := range []sim.Options{{}, {HTTP1: true}, {Memory: true}} {
		c := start(t, opt)
		p := c.AddPod(sim.PodSpec{})
		app := p.Container("app")
		for i := range 10 {
			app.Write(fmt.Sprint("line ", i))
		}
		file := "/logs/" + folder(p, "app") + "0.log"
		cfg := c.RESTConfig()
		c.Inject(sim.Fault{Verb: "get", Path: "/proxy/logs/", Status: 503, Times: 1})
		if a := ask(t, cfg, file); a.status != 503 {
			t.Errorf("%+v: got %+v", opt, a)
		}
		whole := ask(t, cfg, file)
		for _, end := range []sim.End{sim.EOF, sim.Abort, sim.Cut} {
			c.Inject(sim.Fault{Match: func(q *sim.Request) bool { return q.Subresource == "proxy" }, Lines: 3, Bytes: 5, End: end, Times: 1})
			a := ask(t, cfg, file)
			want := strings.Join(strings.SplitAfter(whole.text, "\n")[:3], "")
			if a.err == nil || !strings.HasPrefix(a.text, want) || len(a.text) != len(want)+5 {
				t.Errorf("%+v, %v: got %q, %v", opt, end, a.text, a.err)
			}
		}
		c.Inject(sim.Fault{Verb: "get", Path: "/proxy/logs/", Bytes: 7, Insert: "#", Times: 1})
		if a := ask(t, cfg, "/logs/pods/"); !strings.HasPrefix(a.text, "<!docty#pe html>") {
			t.Errorf("%+v: got %+v", opt, a)
		}
	}
}

// TestKubeletDownDuringDownload: the answer is broken off.
func TestKubeletDownDuringDownload(t *testing.T) {
	c := start(t, sim.Options{})
	fill := sim.Prerender(200_000, time.Now(), time.Millisecond, func(i int) string { return fmt.Sprintf("line %0100d", i) })
	p := c.AddPod(sim.PodSpec{Containers: []sim.ContainerSpec{{Name: "app", Fill: fill}}})
	rc, err := client(t, c.RESTConfig()).CoreV1().RESTClient().Get().
		AbsPath("/api/v1/nodes/node-1/proxy/logs/" + folder(p, "app") + "0.log").Stream(limit(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(rc, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	c.KubeletDown()
	if n, err := io.Copy(io.Discard, rc); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestKubeletSettle: a kubelet that has just started knows no pods, but serves their files.
func TestKubeletSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, sim.Options{Memory: true, KubeletSettle: 5 * time.Second})
		defer c.Close()
		p := c.AddPod(sim.PodSpec{})
		p.Container("app").Write("one")
		log := func() error {
			rc, err := client(t, c.RESTConfig()).CoreV1().Pods("default").GetLogs("pod", &corev1.PodLogOptions{}).Stream(t.Context())
			if err == nil {
				_, err = read(rc)
			}
			return err
		}
		if err := log(); err != nil {
			t.Error(err)
		}
		c.KubeletDown()
		c.KubeletUp()
		var status *apierrors.StatusError
		if err := log(); !errors.As(err, &status) || status.ErrStatus.Code != 404 || status.ErrStatus.Details.Kind != "pods/log" ||
			err.Error() != "the server could not find the requested resource ( pods/log pod)" {
			t.Errorf("just after its start: %v", err)
		}
		same(t, "the file", texts(t, c, folder(p, "app")+"0.log"), "one")
		time.Sleep(5 * time.Second)
		if err := log(); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkFile reads a prerendered file, in bytes a second.
func BenchmarkFile(b *testing.B) {
	line := strings.Repeat("x", 100)
	fill := sim.Prerender(100_000, time.Now(), time.Microsecond, func(int) string { return line })
	c := start(b, sim.Options{})
	p := c.AddPod(sim.PodSpec{Containers: []sim.ContainerSpec{{Name: "app", Fill: fill}}})
	for b.Loop() {
		b.SetBytes(int64(len(ask(b, c.RESTConfig(), "/logs/"+folder(p, "app")+"0.log").text)))
	}
}
