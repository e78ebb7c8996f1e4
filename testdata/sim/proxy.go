package sim

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// serveProxy is the proxy subresource of a node: what of the kubelet's own API tells of log files.
func (c *Cluster) serveProxy(x *exchange) error {
	q := x.req
	c.mu.Lock()
	_, known := c.nodes[q.Node]
	c.mu.Unlock()
	if !known {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "nodes"}, q.Node)
	}
	rest := strings.TrimPrefix(q.Path, "/api/v1/nodes/"+q.Node+"/proxy")
	if rest == "" {
		x.w.Header().Set("Location", q.Path+"/")
		x.begin(http.StatusMovedPermanently)
		return nil
	}
	w := &proxied{x: x, down: c.kubeletGone()}
	select {
	case <-w.down:
		return apierrors.NewServiceUnavailable("error trying to reach service: dial tcp 10.0.0.1:10250: connect: connection refused")
	default:
	}
	logs := strings.HasPrefix(rest, "/logs/")
	switch {
	case rest == "/logs":
		w.Header().Set("Location", q.Path+"/")
		w.WriteHeader(http.StatusTemporaryRedirect)
	case logs && c.opt.NoLogFiles:
		http.Error(w, "logs endpoint is disabled.", http.StatusMethodNotAllowed)
	case logs && x.r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusMethodNotAllowed)
		_, _ = io.WriteString(w, "405: Method Not Allowed")
	case logs:
		r := x.r.Clone(x.r.Context())
		r.URL = &url.URL{Path: rest, RawQuery: x.r.URL.RawQuery}
		http.StripPrefix("/logs/", http.FileServer(disk{c, q.Node})).ServeHTTP(w, r)
	case rest == "/configz":
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		text, _ := json.Marshal(c.kubeletConfig()) // can't fail
		_, _ = w.Write(text)                       // an error is the client's going away
	default:
		http.NotFound(w, x.r)
	}
	return nil
}

// kubeletConfig is what configz says of the kubelet's configuration; a real one says more, but neither kind nor apiVersion.
func (c *Cluster) kubeletConfig() any {
	size := cmp.Or(c.opt.LogMaxSize, "1") // a file of any size may be rotated here
	if c.opt.MaxLog > 0 {
		size = strconv.Itoa(c.opt.MaxLog)
	}
	return map[string]any{"kubeletconfig": map[string]any{
		"enableServer":                true,
		"podLogsDir":                  c.opt.PodLogsDir,
		"containerLogMaxSize":         size,
		"containerLogMaxFiles":        c.opt.MaxLogFiles,
		"containerLogMaxWorkers":      1,
		"containerLogMonitorInterval": "1s", // a log is rotated at once
		"enableSystemLogHandler":      !c.opt.NoLogFiles,
		"enableSystemLogQuery":        false,
	}}
}

// proxied is the kubelet's answer on its way through the API server.
type proxied struct {
	x     *exchange
	down  <-chan struct{}
	begun bool
	over  error // a fault ended it
}

func (p *proxied) Header() http.Header { return p.x.w.Header() }

func (p *proxied) WriteHeader(code int) {
	if p.begun {
		return
	}
	p.begun = true
	p.x.begin(code)
	p.over = p.x.out.begun()
}

func (p *proxied) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	if p.over != nil {
		return 0, p.over
	}
	select {
	case <-p.x.out.timer:
		if p.over = p.x.out.strike(); p.over != nil {
			return 0, p.over
		}
	case <-p.down:
		panic(http.ErrAbortHandler)
	default:
	}
	n, err := p.x.out.Write(b)
	p.over = err
	return n, err
}
