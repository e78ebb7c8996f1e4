package kube_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"mktail/tail/kube"
	"mktail/testdata/sim"
)

// TestPlugin runs a real credential plugin. What it writes to its stderr is logged, with a prompt at once.
func TestPlugin(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the plugin is a shell script")
	}
	c, err := sim.Start(sim.Options{Name: "eu"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.AddPod(sim.PodSpec{Name: "web"})
	const secret = "s3cret-t0ken"
	c.AddToken(secret, sim.Admin("plugin"))
	script := filepath.Join(t.TempDir(), "login")
	text := `#!/bin/sh
printf 'log in at example.com\r\n\nuser: ' >&2
echo '` + sim.ExecCredential(secret) + `'
`
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		mode clientcmdapi.ExecInteractiveMode
		err  string // a part of it; empty: none
	}{
		{"that may ask", clientcmdapi.IfAvailableExecInteractiveMode, ""},
		{"that must ask", clientcmdapi.AlwaysExecInteractiveMode, "standard input is not a terminal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, log := c.RESTConfigFor(""), make(logged, 10)
			cfg.ExecProvider = &clientcmdapi.ExecConfig{Command: script, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: tt.mode}
			client, err := kube.New("eu", kube.User{Config: cfg}, kube.NewShared(kube.Options{Log: zerolog.New(log)}, 1))
			if err != nil {
				t.Fatal(err)
			}
			if cfg.ExecProvider == nil {
				t.Error("the configuration has no plugin any more")
			}
			for range 2 { // the plugin runs once
				_, err = client.GetPod(t.Context(), "default", "web")
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(kube.Describe(err), tt.err)) {
				t.Errorf("asking for a pod: %v", err)
			}
			if tt.err == "" {
				for _, want := range []string{"log in at example.com", "user: "} {
					if got := <-log; !strings.Contains(got, `"info"`) || !strings.Contains(got, `"eu: `+want+`"`) {
						t.Errorf("log: %s, want %s", got, want)
					}
				}
			}
			client.Close()
			if n := len(log); n > 0 {
				t.Errorf("%d further messages: %s", n, <-log)
			}
		})
	}
}

// logged are the messages of a log, as JSON.
type logged chan string

// Write sends a message.
func (l logged) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}
