//go:build unix

package cli

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// slowPattern takes minutes to find all its matches in slowLine: each search goes to the end of the line for an x.
const slowPattern = "(?:.*x|e)"

var slowLine = strings.Repeat("e", 1_000_000)

// slowRuns are runs that take minutes for slowLine. They write DEBUG to stderr when they begin.
var slowRuns = map[string][]string{
	"highlight":  {"-o", "text", "--color", "always", "--highlight", slowPattern, "--until-jq", `(.line|length|debug) == -1`},
	"jq":         {"--jq", `(.line|length|debug) as $n | .line|gsub("` + slowPattern + `";"y")`},
	"fail-on-jq": {"--fail-on-jq", `.line|(length|debug)==-1 or gsub("` + slowPattern + `";"y")=="z"`},
	"until-jq":   {"--until-jq", `.line|(length|debug)==-1 or gsub("` + slowPattern + `";"y")=="z"`},
}

// A line that takes minutes does not keep the first signal from ending the run. What was written before is whole.
func TestSignalWithStuckLine(t *testing.T) {
	for name, args := range slowRuns {
		t.Run(name, func(t *testing.T) {
			cmd, app, _ := commandOn(t, 0, args...)
			stdout, stderr := capturing(t, cmd)
			see := func(c *capture, pattern string) {
				if !c.wait(regexp.MustCompile(pattern)) {
					t.Fatalf("it ended without %s: %s", pattern, c)
				}
			}
			app.Write("first")
			see(stdout, "\n")
			app.Write(slowLine)
			see(stderr, `DEBUG:",1000000`)
			cmd.Process.Signal(syscall.SIGTERM)
			cmd.Wait()
			see(stderr, "takes too long on a line")
			if code := cmd.ProcessState.ExitCode(); code != 143 {
				t.Errorf("exit code %d; stderr: %s", code, stderr)
			}
			if out := stdout.String(); strings.Count(out, "\n") != 1 || !strings.HasSuffix(out, "\n") {
				t.Errorf("stdout: %.300q", out)
			}
		})
	}
}

// Nor does it keep --timeout, which is not a success then: not all was read.
func TestTimeoutWithStuckLine(t *testing.T) {
	for _, stdin := range []bool{false, true} {
		args := []string{"--jq", `.line|gsub("` + slowPattern + `";"y")`, "--timeout", "4s"}
		cmd, app, stderr := commandOn(t, 0, args...)
		if stdin {
			cmd = exec.Command(cmd.Path, append(args, "--stdin")...)
			cmd.Env = []string{"HOME=" + t.TempDir(), asMktail + "=1"}
			cmd.Stdin, cmd.Stderr = strings.NewReader(slowLine+"\n"), stderr
		}
		var stdout bytes.Buffer
		cmd.Stdout = &stdout
		app.Write(slowLine)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		exitsWith(t, cmd, 124, stderr)
		if !strings.Contains(stderr.String(), "takes too long on a line") || stdout.Len() > 0 {
			t.Errorf("stdin %v: stderr: %s, stdout: %.100q", stdin, stderr, &stdout)
		}
	}
}

// A run whose end takes long for another reason, as that of a credential plugin, does not blame a line.
func TestSlowEndIsNotStuck(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"plugin": "#!/bin/sh\ntrap '' TERM INT\necho begun >&2\nwhile :; do sleep 1; done\n",
		"eu": `{"clusters":[{"name":"eu","cluster":{"server":"https://127.0.0.1:1"}}],"contexts":[{"name":"eu","context":{"cluster":"eu","user":"u"}}],"current-context":"eu",
			"users":[{"name":"u","user":{"exec":{"apiVersion":"client.authentication.k8s.io/v1","interactiveMode":"Never","command":"` + filepath.Join(dir, "plugin") + `"}}}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd, _, _ := commandOn(t, 0, "--kubeconfig", filepath.Join(dir, "eu"), "-i", "x")
	_, stderr := capturing(t, cmd)
	if !stderr.wait(regexp.MustCompile("begun")) {
		t.Fatalf("the plugin was not run: %s", stderr)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 143 || strings.Contains(stderr.String(), "takes too long") {
		t.Errorf("exit code %d; stderr: %s", code, stderr)
	}
}

// capturing starts a command whose outputs are captured.
func capturing(t *testing.T, cmd *exec.Cmd) (stdout, stderr *capture) {
	t.Helper()
	captured := func(to *io.Writer) *capture {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		*to = w
		t.Cleanup(func() { w.Close() })
		c := newCapture()
		go c.read(r)
		return c
	}
	stdout, stderr = captured(&cmd.Stdout), captured(&cmd.Stderr)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.Writer{cmd.Stdout, cmd.Stderr} {
		w.(*os.File).Close()
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return stdout, stderr
}
