package behaviour

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"mktail/testdata/loggen"
)

// answer is what came of a request to a node through the API server's proxy.
type answer struct {
	status int
	header http.Header
	text   string
}

// proxied asks a node; headers are names and values in turn.
func (e *env) proxied(cfg *rest.Config, method, node, path string, headers ...string) answer {
	e.Helper()
	hc, err := rest.HTTPClientFor(cfg)
	if err != nil {
		e.Fatal(err)
	}
	base, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		e.Fatal(err)
	}
	req, err := http.NewRequestWithContext(e.ctx, method, base.JoinPath("api/v1/nodes", node, "proxy").String()+path, nil)
	if err != nil {
		e.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := hc.Do(req)
	if err != nil {
		e.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		e.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// get asks the suite's node, as the administrator.
func (e *env) get(path string, headers ...string) answer {
	e.Helper()
	return e.proxied(e.cfg, http.MethodGet, e.node, path, headers...)
}

// kubelet is what of its configuration concerns log files.
type kubelet struct {
	PodLogsDir  string            `json:"podLogsDir"`
	MaxSize     resource.Quantity `json:"containerLogMaxSize"`
	MaxFiles    int               `json:"containerLogMaxFiles"`
	Interval    metav1.Duration   `json:"containerLogMonitorInterval"`
	ServesFiles *bool             `json:"enableSystemLogHandler"`
}

// configz asks the node for its configuration.
func (e *env) configz() kubelet {
	e.Helper()
	a := e.get("/configz")
	var all struct {
		Kubelet *kubelet `json:"kubeletconfig"`
	}
	if err := json.Unmarshal([]byte(a.text), &all); err != nil || a.status != 200 || all.Kubelet == nil {
		e.Fatalf("configz: %d %.200q, %v", a.status, a.text, err)
	}
	k := *all.Kubelet
	if k.PodLogsDir == "" || k.MaxFiles < 2 || k.MaxSize.IsZero() || k.Interval.Duration == 0 || k.ServesFiles == nil ||
		a.header.Get("Content-Type") != "application/json" {
		e.Errorf("configz: %+v, %v", k, a.header)
	}
	return k
}

// logFolder is the path of a container's log files below the node's proxy.
func (e *env) logFolder(p *corev1.Pod, container string) string {
	e.Helper()
	k := e.configz()
	below, ok := strings.CutPrefix(k.PodLogsDir, "/var/log/")
	if !ok {
		e.Skipf("this node's logs are in %s, which it serves no files from", k.PodLogsDir)
	}
	return fmt.Sprintf("/logs/%s/%s_%s_%s/%s/", below, p.Namespace, p.Name, p.UID, container)
}

var link = regexp.MustCompile(`<a href="([^"]*)">([^<]*)</a>`)

// listed gives the names in a folder.
func (e *env) listed(folder string) []string {
	e.Helper()
	a := e.get(folder)
	if a.status != 200 || a.header.Get("Content-Type") != "text/html; charset=utf-8" ||
		!strings.Contains(a.text, "<pre>\n") || !strings.HasSuffix(a.text, "</pre>\n") {
		e.Fatalf("listing %s: %+v", folder, a)
	}
	names := []string{}
	for _, m := range link.FindAllStringSubmatch(a.text, -1) {
		if m[1] != m[2] {
			e.Errorf("%q is linked as %q", m[2], m[1])
		}
		names = append(names, m[1])
	}
	return names
}

// criForm is a record as the runtime writes it; how many digits the stamp has is its own affair.
var criForm = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP]) (.*)$`)

// records takes a log file apart, and gives its lines as the log API does, with their stamps.
func (e *env) records(text string) (lines []string, partial, stderr int) {
	e.Helper()
	if !strings.HasSuffix(text, "\n") {
		e.Errorf("the file does not end with a newline: %.200q", text)
	}
	line := ""
	for _, r := range split(text) {
		m := criForm.FindStringSubmatch(r)
		if m == nil {
			e.Fatalf("%.200q has not the form of a record", r)
		}
		if line == "" {
			at, err := time.Parse(time.RFC3339Nano, m[1])
			if err != nil {
				e.Fatal(err)
			}
			line = at.Format("2006-01-02T15:04:05.000000000Z07:00") + " "
		}
		line += m[4]
		if m[2] == "stderr" {
			stderr++
		}
		if m[3] == "P" {
			partial++
			continue
		}
		lines, line = append(lines, line), ""
	}
	return lines, partial, stderr
}

// testLogFile: the node shows the file that the log API reads.
func testLogFile(e *env) {
	spec := loggen.Spec{Lines: 1, Length: 50_000, Wait: -1} // less than a small limit
	errs := loggen.Spec{Lines: 20, Rate: 10, StderrEvery: 4, Wait: -1}
	e.create(e.pod("pod", container("app", spec), container("both", errs)))
	e.written("pod", "app", spec.Lines)
	e.written("pod", "both", errs.Lines)
	p := e.running("pod")
	dir := e.logFolder(p, "app")
	pod := strings.TrimSuffix(dir, "app/")
	if got := e.listed(pod[:strings.LastIndex(strings.TrimSuffix(pod, "/"), "/")+1]); !slices.Contains(got, fmt.Sprintf("%s_%s_%s/", e.ns, "pod", p.UID)) {
		e.Errorf("the pod is not among %q", got)
	}
	e.equal("the pod's folder", e.listed(pod), []string{"app/", "both/"})
	e.equal("the container's folder", e.listed(dir), []string{"0.log"})

	whole := e.get(dir + "0.log")
	lines, partial, _ := e.records(whole.text)
	e.equal("the file", lines, e.lines("pod", corev1.PodLogOptions{Container: "app", Timestamps: true}))
	if partial != 3*spec.Lines { // 16 KiB to a record
		e.Errorf("the file has %d partial records", partial)
	}
	if n := whole.header.Get("Content-Length"); n != fmt.Sprint(len(whole.text)) {
		e.Errorf("the file is said to have %s bytes, and has %d", n, len(whole.text))
	}
	lines, _, stderr := e.records(e.get(strings.Replace(dir, "/app/", "/both/", 1) + "0.log").text)
	e.equal("the file of both streams", lines, e.lines("pod", corev1.PodLogOptions{Container: "both", Timestamps: true}))
	if stderr != errs.Lines/errs.StderrEvery {
		e.Errorf("%d records are of stderr", stderr)
	}

	if a := e.get(dir+"0.log", "Range", "bytes=20000-50000"); a.status != 206 || a.text != whole.text[20000:50001] {
		e.Errorf("a part of the file: %d, %d bytes", a.status, len(a.text))
	}
	if a := e.get(dir+"0.log", "Range", fmt.Sprintf("bytes=%d-", len(whole.text))); a.status != 416 {
		e.Errorf("what is behind the file: %+v", a)
	}
	if a := e.get(dir+"0.log", "If-Modified-Since", whole.header.Get("Last-Modified")); a.status != 304 {
		e.Errorf("the file, unless it is old: %d, %v", a.status, a.header)
	}
	if a := e.get(strings.TrimSuffix(dir, "/")); a.status != 200 || !strings.Contains(a.text, ">0.log<") { // redirected
		e.Errorf("the folder without its slash: %+v", a)
	}
	if err := e.pods.Delete(e.ctx, "pod", metav1.DeleteOptions{GracePeriodSeconds: ptr(int64(1))}); err != nil {
		e.Fatal(err)
	}
	e.gone("pod")
	e.poll("the files to be gone", func() bool { return e.get(dir).status == 404 })
}

// testLogFilesOfLives: the files are named after the restarts, and those of the previous life stay.
func testLogFilesOfLives(e *env) {
	spec := loggen.Spec{Lines: 3, Wait: 3 * time.Second, Exit: 1}
	p := e.pod("pod", container("app", spec))
	p.Spec.RestartPolicy = corev1.RestartPolicyAlways
	dir := e.logFolder(e.create(p), "app")
	e.until("pod", "restarted", func(p *corev1.Pod) bool {
		s := p.Status.ContainerStatuses
		return len(s) == 1 && s[0].RestartCount == 1 && s[0].State.Running != nil
	})
	e.equal("the container's folder", e.listed(dir), []string{"0.log", "1.log"})
	e.poll("the second life's lines", func() bool { return strings.Count(e.get(dir+"1.log").text, "\n") == spec.Lines })
	for _, name := range []string{"0.log", "1.log"} {
		lines, _, _ := e.records(e.get(dir + name).text)
		for i, line := range lines {
			_, lines[i] = e.stamped(line)
		}
		e.equal(name, lines, expected(spec))
	}
}

// testRotatedFiles: a log that grows too large is rotated; the newest of the rotated files is plain, the older ones are
// compressed, and together with the current one they hold every line.
func testRotatedFiles(e *env) {
	k := e.configz()
	size := k.MaxSize.Value()
	if size <= 0 || size > 20<<20 || k.MaxFiles < 5 {
		e.Skipf("this node rotates logs at %s and keeps %d of them", &k.MaxSize, k.MaxFiles)
	}
	// Three and a half files, in so many looks of the kubelet that each is rotated when it has grown to one and a half at most.
	looks := 8 * max(k.Interval.Duration, time.Second)
	spec := loggen.Spec{Lines: int(size * 7 / 2 / 1000), Length: 960, Wait: -1}
	spec.Rate = float64(spec.Lines) / looks.Seconds()
	dir := e.logFolder(e.create(e.pod("pod", container("app", spec))), "app")
	e.running("pod")
	e.written("pod", "app", 1)
	want := expected(spec)
	var names, current []string
	e.poll("all lines in rotated files", func() bool {
		// Right after a rotation there may be no line in the file that the log API reads.
		if last := e.lines("pod", corev1.PodLogOptions{TailLines: ptr(int64(1))}); len(last) > 0 && last[0] != want[len(want)-1] {
			return false
		}
		if names = e.listed(dir); len(names) < 3 {
			return false
		}
		total := 0
		for i, name := range append(names[1:], names[0]) { // the current one last
			a := e.get(dir + name)
			if a.status != 200 {
				return false // it was compressed or removed meanwhile
			}
			if strings.HasSuffix(name, ".gz") {
				z, err := gzip.NewReader(strings.NewReader(a.text))
				if err != nil {
					e.Fatal(err)
				}
				b, err := io.ReadAll(z)
				if err != nil {
					e.Fatal(err)
				}
				a.text = string(b)
			}
			current = nil
			if a.text != "" {
				current, _, _ = e.records(a.text)
			}
			if last := i == len(names)-1; !last && int64(len(a.text)) < size {
				e.Fatalf("%s was rotated with %d bytes", name, len(a.text))
			}
			for _, line := range current {
				if _, text := e.stamped(line); total >= len(want) || text != want[total] {
					return false
				}
				total++
			}
		}
		return total == len(want) && slices.Equal(names, e.listed(dir))
	})
	for i, name := range names {
		form := `^0\.log\.\d{8}-\d{6}\.gz$`
		switch i {
		case 0:
			form = `^0\.log$`
		case len(names) - 1:
			form = `^0\.log\.\d{8}-\d{6}$`
		}
		if !regexp.MustCompile(form).MatchString(name) {
			e.Errorf("file %d of %q has not the form %s", i, names, form)
		}
	}
	e.equal("what the log API has", e.lines("pod", corev1.PodLogOptions{Timestamps: true}), current)
}

// testProxyRefusals: what is not there, and who may not.
func testProxyRefusals(e *env) {
	made := e.create(e.pod("pod", idle("app")))
	e.running("pod")
	dir := e.logFolder(made, "app")
	nobody := rest.CopyConfig(e.cfg)
	nobody.Impersonate.UserName = "mktail-behaviour-nobody"
	for _, test := range []struct {
		name               string
		cfg                *rest.Config
		method, node, path string
		status             int
		text               string
	}{
		{"an unknown file", e.cfg, "GET", e.node, dir + "7.log", 404, "404 page not found\n"},
		{"an unknown container", e.cfg, "GET", e.node, strings.Replace(dir, "/app/", "/web/", 1), 404, "404 page not found\n"},
		{"an unknown pod", e.cfg, "GET", e.node, strings.Replace(dir, "_pod_", "_web_", 1) + "0.log", 404, "404 page not found\n"},
		{"a pod of another UID", e.cfg, "GET", e.node, strings.Replace(dir, string(made.UID), "0", 1) + "0.log", 404, "404 page not found\n"},
		{"an unknown path", e.cfg, "GET", e.node, "/no/such/path", 404, "404 page not found\n"},
		{"another method", e.cfg, "HEAD", e.node, dir + "0.log", 405, ""},
		{"an unknown node", e.cfg, "GET", "none", "/configz", 404, `nodes \"none\" not found`},
		{"a user without rights", nobody, "GET", e.node, "/configz", 403, fmt.Sprintf(`nodes \"%s\" is forbidden: `+
			`User \"mktail-behaviour-nobody\" cannot get resource \"nodes/proxy\" in API group \"\" at the cluster scope`, e.node)},
	} {
		a := e.proxied(test.cfg, test.method, test.node, test.path)
		if plain := strings.HasPrefix(test.text, "404"); a.status != test.status || !strings.Contains(a.text, test.text) ||
			plain && a.text != test.text {
			e.Errorf("%s: got %d %q", test.name, a.status, a.text)
		}
	}
}
