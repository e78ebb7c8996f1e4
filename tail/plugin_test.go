package tail

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"mktail/testdata/sim"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// credentials stands between the two ends of a gate, as client-go's authenticator does.
type credentials struct {
	running, most *atomic.Int32
	plugin        func() // runs for as long as the plugin does
	valid         bool
	next          http.RoundTripper
}

func (c *credentials) RoundTrip(req *http.Request) (*http.Response, error) {
	if !c.valid {
		c.run()
	}
	resp, err := c.next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		c.run()
	}
	return resp, err
}

func (c *credentials) run() {
	if n := c.running.Add(1); n > c.most.Load() {
		c.most.Store(n)
	}
	c.plugin()
	c.running.Add(-1)
	c.valid = true
}

func TestGate(t *testing.T) {
	const atOnce = 4
	var running, most atomic.Int32
	status := func(code int) http.RoundTripper {
		return roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: code, Body: http.NoBody}, nil
		})
	}
	build := func(g *gate, plugin func(), server http.RoundTripper) (http.RoundTripper, *credentials) {
		known := new(atomic.Bool)
		c := &credentials{running: &running, most: &most, plugin: plugin, next: &gateEnd{known, server}}
		return &gateBegin{g, known, c}, c
	}
	ask := func(rt http.RoundTripper) {
		req, _ := http.NewRequest("GET", "https://x/", nil)
		if resp, err := rt.RoundTrip(req); err == nil {
			resp.Body.Close()
		}
	}
	for name, code := range map[string]int{"before the first request": 200, "after a 401": 401} {
		bubble(t, name, func(t *testing.T) {
			running.Store(0)
			most.Store(0)
			g := Plugins{AtOnce: atOnce}.gate()
			var done atomic.Int32
			for range 3 * atOnce {
				rt, _ := build(g, func() { time.Sleep(time.Second) }, status(code))
				go func() {
					ask(rt)
					done.Add(1)
				}()
			}
			time.Sleep(time.Hour)
			if most.Load() != atOnce || done.Load() != 3*atOnce {
				t.Errorf("%d plugins ran at once, %d requests were answered", most.Load(), done.Load())
			}
		})
	}
	bubble(t, "a request under way holds no turn", func(t *testing.T) {
		g := Plugins{AtOnce: 1}.gate()
		release := make(chan struct{})
		slow, _ := build(g, func() {}, roundTrip(func(*http.Request) (*http.Response, error) {
			<-release
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		}))
		go ask(slow)
		synctest.Wait()
		quick, _ := build(g, func() {}, status(200))
		ask(quick)
		close(release)
	})
	bubble(t, "a plugin that hangs stops no cluster that is logged in", func(t *testing.T) {
		g := Plugins{AtOnce: 1}.gate()
		good, c := build(g, func() {}, status(200))
		ask(good)
		release := make(chan struct{})
		hung, _ := build(g, func() { <-release }, status(200))
		go ask(hung)
		synctest.Wait()
		begun := time.Now()
		ask(good)
		if took := time.Since(begun); took != patience || !c.valid {
			t.Errorf("took %v", took)
		}
		close(release)
	})
}

// TestPlugins runs a real credential plugin for a cluster that wants a token.
func TestPlugins(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the plugin is a shell script")
	}
	for _, tt := range []struct {
		name   string
		policy clientcmdapi.PluginPolicy
		said   string
		lines  bool
	}{
		{"allowed", clientcmdapi.PluginPolicy{PolicyType: clientcmdapi.PluginPolicyAllowAll}, "info: eu: log in at example.com\ninfo: eu: stdin: 0 bytes", true},
		{"denied", clientcmdapi.PluginPolicy{PolicyType: clientcmdapi.PluginPolicyDenyAll}, "warn: eu: connecting: getting credentials: ", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := sim.Start(sim.Options{Name: "eu"})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), "x")
			const secret = "s3cret-t0ken"
			c.AddToken(secret, sim.Admin("plugin"))
			script := filepath.Join(t.TempDir(), "login")
			text := `#!/bin/sh
echo log in at example.com >&2
echo stdin: $(wc -c) bytes >&2
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"` + secret + `"}}'
`
			if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
			cfg := c.RESTConfigFor("")
			cfg.ExecProvider = &clientcmdapi.ExecConfig{Command: script, APIVersion: "client.authentication.k8s.io/v1",
				InteractiveMode: clientcmdapi.IfAvailableExecInteractiveMode}
			s := startOn(t, Options{Tail: -1, Plugins: Plugins{Policy: tt.policy, AtOnce: 4}}, Cluster{Name: "eu", Namespace: "default", Config: cfg})
			summaries := <-s.done
			if tt.lines {
				s.want("web", "app", "x")
			} else if summaries[0].Failed == "" || len(s.records()) > 0 {
				t.Errorf("summary %+v", summaries[0])
			}
			if said := s.said(); !strings.HasPrefix(said, tt.said) || strings.Contains(said+fmt.Sprint(summaries), secret) {
				t.Errorf("stderr: %s", said)
			}
		})
	}
}
