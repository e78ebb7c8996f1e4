package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/testdata/sim"
)

// asMktail makes the test binary mktail itself; readmeWorld's script starts it so.
const asMktail = "MKTAIL_TEST_RUNS_MKTAIL"

// TestREADMECommands runs each command line of README's shell blocks on simulated clusters, with --no-follow so that
// it ends. Each must succeed and print something, and report nothing that is wrong.
func TestREADMECommands(t *testing.T) {
	for _, tool := range []string{"bash", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	dir, env := readmeWorld(t)
	for _, line := range readmeBlocks(t, "sh") {
		t.Run(line, func(t *testing.T) {
			cmd := exec.Command("bash", "-c", "set -o pipefail; "+line)
			cmd.Dir, cmd.Env = dir, env
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if _, file, ok := strings.Cut(line, "> "); ok && err == nil {
				file, _, _ = strings.Cut(file, " ")
				out, err = os.ReadFile(filepath.Join(dir, file))
			}
			if err != nil || len(out) == 0 || regexp.MustCompile(`(?m)^mktail: (error|warning):|^[^m]`).MatchString(stderr.String()) {
				t.Errorf("%v\nstdout: %s\nstderr: %s", err, out, &stderr)
			}
		})
	}
}

// TestREADMERecord compares README's record, its last line of JSON, with the real format.
func TestREADMERecord(t *testing.T) {
	lines := readmeBlocks(t, "json")
	var record map[string]string
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &record); err != nil || len(record) != 6 {
		t.Errorf("%v, %v", record, err)
	}
}

// TestREADMEConfig tests that README's config is valid.
func TestREADMEConfig(t *testing.T) {
	dir, env := readmeWorld(t)
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(strings.Join(readmeBlocks(t, "yaml"), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	for flags, want := range map[string]bool{"": true, "--config /dev/null": false} {
		cmd := exec.Command(filepath.Join(dir, "bin", "mktail"), append(strings.Fields(flags), "-o", "text")...)
		cmd.Dir, cmd.Env = dir, append(env, "MKTAIL_CONFIG=config.yaml")
		out, err := cmd.CombinedOutput()
		if err != nil || bytes.Contains(out, []byte("istio-proxy")) == want {
			t.Errorf("%s: %v\n%s", flags, err, out)
		}
	}
}

// TestREADMEExitCodes compares README's table of exit codes with that of --help.
func TestREADMEExitCodes(t *testing.T) {
	readme := readmeText(t)
	for line := range strings.Lines(exitCodes) {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), "    ")
		if row := fmt.Sprintf("| %s | %s |", code, strings.TrimSpace(meaning)); !strings.Contains(readme, row) {
			t.Errorf("README lacks %s", row)
		}
	}
}

func readmeText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// readmeBlocks gives the lines of README's code blocks of a language.
func readmeBlocks(t *testing.T, language string) (lines []string) {
	t.Helper()
	for _, block := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(readmeText(t), -1) {
		for line := range strings.Lines(block[1]) {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) == 0 {
		t.Fatalf("README has no %s block", language)
	}
	return lines
}

// readmeTable returns the cells of README's table whose first one is this, without the spaces around them. The second row is the line below
// the head.
func readmeTable(t *testing.T, first string) (rows [][]string) {
	t.Helper()
	table := regexp.MustCompile(`(?m)^\| ` + first + ` \|.*\n(\|.*\n)+`).FindString(readmeText(t))
	for line := range strings.Lines(table) {
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(strings.TrimSpace(line), "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	if len(rows) < 3 {
		t.Fatalf("README has no table of %s", first)
	}
	return rows
}

// readmeWorld makes the clusters that README's examples speak of, and a mktail in PATH that doesn't follow, except while a command runs.
func readmeWorld(t *testing.T) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, ".kube"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"prod-eu", "staging"} {
		c, err := sim.Start(sim.Options{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		for _, ns := range []string{"default", "shop", "staging"} {
			for _, pod := range []string{"web-1", "envvars-1", "frontend-1"} {
				p := c.AddPod(sim.PodSpec{Namespace: ns, Name: pod, Labels: map[string]string{"app": "web", "release": "canary"},
					Containers: []sim.ContainerSpec{{Name: "gateway"}, {Name: "istio-proxy"}}})
				for _, container := range []string{"gateway", "istio-proxy"} {
					for _, line := range []string{"java.lang.Exception: no stock", "\tat shop.OrderService.pay(OrderService.java:7)", "GET / 200 3ms", `{"level":"error","msg":"ERROR"}`} {
						if err := p.Container(container).Write(line); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
		}
		addOwned(t, c)
		ns := map[string]string{"staging": "staging"}[name]
		if err := os.WriteFile(filepath.Join(dir, ".kube", name), c.KubeconfigFor(sim.Access{Context: name, Namespace: ns}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf(`#!/bin/sh
case " $* " in
*" -- "*) %s=1 exec %q "$@" ;;
esac
%[1]s=1 exec %[2]q "$@" --no-follow
`, asMktail, self)
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "mktail"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "smoke-test"), []byte("#!/bin/sh\necho tested\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir, []string{"HOME=" + dir, "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")}
}

// addOwned adds pods that belong to something, of which one was restarted and is not ready, and what they wrote long ago.
func addOwned(t *testing.T, c *sim.Cluster) {
	t.Helper()
	for _, ns := range []string{"default", "shop"} {
		web := c.AddObject(sim.Object{Group: "apps", Kind: "Deployment", Namespace: ns, Name: "web"})
		night := c.AddObject(sim.Object{Group: "batch", Kind: "CronJob", Namespace: ns, Name: "nightly"})
		c.AddObject(sim.Object{Kind: "Service", Namespace: ns, Name: "front", Selector: map[string]string{"app": "web"}})
		for name, owner := range map[string]*metav1.OwnerReference{
			"web-1-x":   c.AddObject(sim.Object{Group: "apps", Kind: "ReplicaSet", Namespace: ns, Name: "web-1", Owner: web}),
			"nightly-1": c.AddObject(sim.Object{Group: "batch", Kind: "Job", Namespace: ns, Name: "nightly-1", Owner: night}),
		} {
			app := c.AddPod(sim.PodSpec{Namespace: ns, Name: name, Node: "gpu-1", Owner: owner,
				Containers: []sim.ContainerSpec{{Name: "app"}, {Name: "late", Hold: "ErrImagePull"}}}).Container("app")
			for life := range 2 {
				if life > 0 {
					app.Restart()
				}
				if err := app.WriteStamped(time.Now().Add(-90*time.Minute), "long ago"); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
