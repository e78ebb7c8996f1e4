package cli

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"mktail/testdata/sim"
)

// On a terminal one plugin at a time asks the user, and reads what the user types. Those that need not ask go on beside it.
func TestPluginsOnTerminal(t *testing.T) {
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".kube"), 0o755); err != nil {
		t.Fatal(err)
	}
	const asks = "printf 'user of %s: ' $0 >&2; read name; [ \"$name\" = ann ] || exit 1"
	for name, plugin := range map[string]struct {
		mode  clientcmdapi.ExecInteractiveMode
		first string
	}{
		"one":   {clientcmdapi.AlwaysExecInteractiveMode, asks},
		"two":   {clientcmdapi.AlwaysExecInteractiveMode, asks},
		"three": {clientcmdapi.IfAvailableExecInteractiveMode, asks},
		"four":  {clientcmdapi.IfAvailableExecInteractiveMode, strings.ReplaceAll(asks, "read name", "read name </dev/tty")},
		"good":  {clientcmdapi.IfAvailableExecInteractiveMode, ""},
		"never": {clientcmdapi.NeverExecInteractiveMode, "! read name"},
	} {
		c, err := sim.Start(sim.Options{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		write := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
		if err := write.Write("line of " + name); err != nil {
			t.Fatal(err)
		}
		cfg, err := clientcmd.Load(c.KubeconfigFor(sim.Access{Context: name, User: name}))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(home, name)
		if err := writePlugin(path, strings.ReplaceAll(plugin.first, "$0", name), c.AdminToken()); err != nil {
			t.Fatal(err)
		}
		cfg.AuthInfos[name] = &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{Command: path, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: plugin.mode}}
		if err := clientcmd.WriteToFile(*cfg, filepath.Join(home, ".kube", name)); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-o", "raw", "--no-follow")
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), asMktail + "=1"}
	user := onTerminal(t, cmd)
	var seen bytes.Buffer
	asked := map[string]int{}
	for buf := make([]byte, 4096); ; {
		n, err := user.Read(buf)
		if err != nil { // the program has ended
			break
		}
		seen.Write(buf[:n])
		for _, name := range []string{"one", "two", "three", "four"} {
			if times := strings.Count(seen.String(), "user of "+name+": "); times > asked[name] {
				asked[name] = times
				waits := strings.Contains(seen.String(), "line of good") && strings.Contains(seen.String(), "line of never")
				for !waits { // others do not wait for the user
					n, err := user.Read(buf)
					if err != nil {
						t.Fatalf("%v after %s", err, &seen)
					}
					seen.Write(buf[:n])
					waits = strings.Contains(seen.String(), "line of good") && strings.Contains(seen.String(), "line of never")
				}
				io.WriteString(user, "ann\n")
			}
		}
	}
	exitsWith(t, cmd, 0, &seen)
	for _, name := range []string{"one", "two", "three", "four", "good", "never"} {
		if n := strings.Count(seen.String(), "line of "+name); n != 1 {
			t.Errorf("%s came %d times", name, n)
		}
	}
	if t.Failed() {
		t.Logf("terminal: %s", &seen)
	}
}

// A plugin that is ended while it reads a password leaves no terminal without echo.
func TestPluginLeavesTerminal(t *testing.T) {
	for name, signal := range map[string]func(cmd *exec.Cmd, user io.Writer){
		"^C":     func(_ *exec.Cmd, user io.Writer) { io.WriteString(user, interrupt) },
		"SIGINT": func(cmd *exec.Cmd, _ io.Writer) { _ = cmd.Process.Signal(os.Interrupt) },
	} {
		t.Run(name, func(t *testing.T) {
			cmd, _, _ := commandOn(t, 1)
			cmd.Stderr = nil
			home := strings.TrimPrefix(cmd.Env[0], "HOME=")
			kubeconfig, script := filepath.Join(home, ".kube", "eu"), filepath.Join(home, "login")
			if err := os.WriteFile(script, []byte("#!/bin/sh\nstty -echo </dev/tty\nprintf 'password: ' >&2\nread word\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			cfg, err := clientcmd.LoadFromFile(kubeconfig)
			if err != nil {
				t.Fatal(err)
			}
			for _, user := range cfg.AuthInfos {
				*user = clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{Command: script, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.AlwaysExecInteractiveMode}}
			}
			if err := clientcmd.WriteToFile(*cfg, kubeconfig); err != nil {
				t.Fatal(err)
			}
			user := onTerminal(t, cmd)
			echoes := func() bool {
				settings, err := unix.IoctlGetTermios(int(user.Fd()), unix.TCGETS)
				if err != nil {
					t.Fatal(err)
				}
				return settings.Lflag&unix.ECHO != 0
			}
			await(t, user, "password: ")
			if echoes() {
				t.Error("the plugin has not changed the terminal")
			}
			signal(cmd, user)
			exitsWith(t, cmd, 130, new(bytes.Buffer))
			if !echoes() {
				t.Error("the terminal is left without echo")
			}
		})
	}
}
