package tail_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"mktail/tail"
	"mktail/tail/kube/plugin"
	"mktail/testdata/sim"
)

// TestPlugins runs a real credential plugin for a cluster that wants a token.
func TestPlugins(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the plugin is a shell script")
	}
	for _, tt := range []struct {
		name   string
		policy clientcmdapi.PluginPolicy
		token  string // of the configuration itself
		logged string
		lines  bool
	}{
		{"allowed", clientcmdapi.PluginPolicy{PolicyType: clientcmdapi.PluginPolicyAllowAll}, "", "info: eu: log in at example.com\ninfo: eu: stdin: 0 bytes", true},
		{"denied", clientcmdapi.PluginPolicy{PolicyType: clientcmdapi.PluginPolicyDenyAll}, "", "error: eu: credential plugin login: --exec-plugins does not allow it", false},
		{"not needed", clientcmdapi.PluginPolicy{PolicyType: clientcmdapi.PluginPolicyDenyAll}, "s3cret-t0ken", "", true},
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
echo '` + sim.ExecCredential(secret) + `'
`
			if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
			cfg := c.RESTConfigFor(tt.token)
			cfg.ExecProvider = &clientcmdapi.ExecConfig{Command: script, APIVersion: "client.authentication.k8s.io/v1",
				InteractiveMode: clientcmdapi.IfAvailableExecInteractiveMode}
			s := startOn(t, tail.Options{Tail: -1, Plugins: plugin.Options{Policy: tt.policy}}, tail.Cluster{Name: "eu", Namespace: "default", Users: []tail.User{{Config: cfg}}})
			summaries := <-s.done
			if tt.lines {
				s.want("web", "app", "x")
			} else if summaries[0].Failed == "" || len(s.records()) > 0 {
				t.Errorf("summary %+v", summaries[0])
			}
			if logged := s.logged(); !strings.HasPrefix(logged, tt.logged) || strings.Contains(logged+fmt.Sprint(summaries), secret) {
				t.Errorf("stderr: %s", logged)
			}
		})
	}
}
