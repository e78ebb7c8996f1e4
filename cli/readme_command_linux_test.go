package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mktail/testdata/sim"
)

// TestREADMECommand runs README's script that tests while logs are followed, on two clusters, to each of its ends.
func TestREADMECommand(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip(err)
	}
	script := ""
	for _, block := range regexp.MustCompile("(?s)```bash\n(.*?)```").FindAllStringSubmatch(readmeText(t), -1) {
		if strings.Contains(block[1], "-- ./smoke-test") {
			script = block[1]
		}
	}
	if script == "" {
		t.Fatal("README has no script with a command")
	}
	const waits = "#!/bin/bash\necho begun >&2\nexec 3<>go && read <&3\n"
	for name, tt := range map[string]struct {
		test     string // ./smoke-test
		pods     int    // in eu; us has one
		down     bool   // us can't be reached
		patience string
		panics   bool // when the test has begun
		code     int
		stderr   string
	}{
		"all is well":             {"#!/bin/bash\necho ok\n", 2, false, "1h", false, 0, "ok\n"},
		"the test fails":          {"#!/bin/bash\nexit 7\n", 2, false, "1h", false, 7, "mktail: error: ./smoke-test exited with 7\n"},
		"a panic":                 {waits, 2, false, "1h", true, 3, ""},
		"the test takes too long": {waits, 2, false, "2s", false, 124, "./smoke-test did not end"},
		"a pod is missing":        {"#!/bin/bash\necho ok\n", 1, false, "2s", false, 1, "2 of 3 pods were there"},
		"a cluster is away":       {waits, 2, true, "2s", false, 5, "1 of 2 clusters could be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // the runs wait more than they work
			dir := t.TempDir()
			for path, text := range map[string]string{"smoke-test": tt.test, "bin/mktail": mktailScript(t)} {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if out, err := exec.Command("mkfifo", filepath.Join(dir, "go")).CombinedOutput(); err != nil {
				t.Fatalf("%s", out)
			}
			var web *sim.Container
			for cluster, pods := range map[string]int{"eu": tt.pods, "us": 1} {
				c, err := sim.Start(sim.Options{Name: cluster, Down: tt.down && cluster == "us"})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(c.Close)
				for i := range pods {
					web = c.AddPod(sim.PodSpec{Namespace: "shop", Name: fmt.Sprintf("web-%s-%d", cluster, i)}).Container("app")
					if err := web.Write("panic: long ago"); err != nil {
						t.Fatal(err)
					}
				}
				path := filepath.Join(dir, ".kube", cluster)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, c.KubeconfigFor(sim.Access{Context: cluster}), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("bash", "-c", script, "test", tt.patience)
			cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH")}
			var stdout bytes.Buffer
			cmd.Stdout = &stdout
			pipe, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if tt.panics {
				await(t, pipe, "begun")
				if err := web.Write("panic: now"); err != nil {
					t.Fatal(err)
				}
			}
			var stderr bytes.Buffer
			stderr.ReadFrom(pipe)
			cmd.Wait()
			logs, err := filepath.Glob(filepath.Join(dir, "artifacts", "*.log"))
			if err != nil {
				t.Fatal(err)
			}
			states, err := filepath.Glob(filepath.Join(dir, "artifacts", "*.txt"))
			if err != nil {
				t.Fatal(err)
			}
			wantStates := tt.pods + 1
			if tt.down {
				wantStates--
			}
			if tt.code == 0 {
				wantStates = 0
			}
			wantLogs := map[bool]int{true: 1}[tt.panics]
			if code := cmd.ProcessState.ExitCode(); code != tt.code || (stdout.String() == "tested\n") != (code == 0) || !strings.Contains(stderr.String(), tt.stderr) || len(logs) != wantLogs || len(states) != wantStates {
				t.Errorf("exit code %d\nstdout: %s\nstderr: %s\nartifacts: %q, %q", code, &stdout, &stderr, logs, states)
			}
		})
	}
}

// mktailScript is the text of a program that runs mktail.
func mktailScript(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("#!/bin/sh\n%s=1 exec %q \"$@\"\n", asMktail, self)
}
