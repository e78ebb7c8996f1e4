package e2e

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

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/testdata/loggen"
)

// TestJob runs README's job for CI on two clusters, to each of its ends.
func TestJob(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```bash\n(.*?)```").FindSubmatch(readme)
	if block == nil {
		t.Fatal("README has no job")
	}
	bin := t.TempDir()
	for _, name := range []string{"kubectl", "mktail"} {
		from, pkg := filepath.Join("..", "cluster"), "k8s.io/kubernetes/cmd/kubectl"
		if name == "mktail" {
			from, pkg = filepath.Join("..", ".."), "."
		}
		if out, err := exec.Command("go", "build", "-C", from, "-o", filepath.Join(bin, name), pkg).CombinedOutput(); err != nil {
			t.Fatalf("%s", out)
		}
	}
	ready, panics := loggen.Spec{Prefix: "ready ", Lines: 1, Wait: -1}, loggen.Spec{Prefix: "panic: ", Lines: 1, Wait: -1}
	silent := loggen.Spec{Prefix: "starting ", Lines: 1, Wait: -1}
	good := loggen.Spec{Prefix: "row ", Lines: 5, Wait: time.Second}
	bad := good
	bad.Exit = 7
	for _, tt := range []struct {
		name         string
		webs         [3]loggen.Spec // two in eu, one in us
		third        string         // what that in us is called
		job          loggen.Spec
		down         bool // us can't be reached
		patience     string
		code         int
		stdout, said string
	}{
		{"all is well", [3]loggen.Spec{ready, ready, ready}, "web-3", good, false, "3m", 0, "imported", ""},
		{"a panic", [3]loggen.Spec{ready, ready, panics}, "web-3", good, false, "3m", 3, "", "panic: "},
		{"never-ready", [3]loggen.Spec{ready, silent, ready}, "web-3", good, false, "10s", 124, "", "web-2 did not match --until in time"},
		{"a failed import", [3]loggen.Spec{ready, ready, ready}, "web-3", bad, false, "3m", 4, "rolled out", "main exited with 7"},
		{"a pod too few", [3]loggen.Spec{ready, ready, ready}, "db-3", good, false, "10s", 1, "", "2 of 3 pods were there in time"},
		{"a wrong flag", [3]loggen.Spec{ready, ready, ready}, "web-3", good, false, "soon", 2, "", "--timeout: "},
		{"a cluster that is away", [3]loggen.Spec{ready, ready, ready}, "web-3", good, true, "10s", 5, "", "1 of 2 clusters could be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ns := "job-" + strings.ReplaceAll(strings.ToLower(tt.name), " ", "-")
			namespaceOf(t, "a", ns)
			namespaceOf(t, "b", ns)
			home := newHome(t, contextName, map[string]string{"eu": "a", "us": "b"})
			work := t.TempDir()
			manifest := func(file, cluster string, pods ...*corev1.Pod) {
				var all bytes.Buffer
				for _, p := range pods {
					p.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
					p.Spec.NodeName = cluster + "-node"
					text, err := json.Marshal(p)
					if err != nil {
						t.Fatal(err)
					}
					fmt.Fprintf(&all, "---\n%s\n", text)
				}
				if err := os.WriteFile(filepath.Join(work, file), all.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			manifest("web-eu.yaml", "a", podOf("web-1", corev1.RestartPolicyAlways, tt.webs[0]), podOf("web-2", corev1.RestartPolicyAlways, tt.webs[1]))
			manifest("web-us.yaml", "b", podOf(tt.third, corev1.RestartPolicyAlways, tt.webs[2]))
			manifest("import.yaml", "a", podOf("import", corev1.RestartPolicyNever, tt.job))
			script := string(block[1])
			if tt.down { // kubectl is refused before mktail could be
				script = strings.ReplaceAll(script, "apply -f \"web-$cluster.yaml\"", "apply -f \"web-$cluster.yaml\" || true")
				closed := "https://127.0.0.1:1"
				config, err := os.ReadFile(filepath.Join(home, ".kube", "us"))
				if err != nil {
					t.Fatal(err)
				}
				config = regexp.MustCompile(`server: \S+`).ReplaceAll(config, []byte("server: "+closed))
				if err := os.WriteFile(filepath.Join(home, ".kube", "us"), config, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("bash", "-c", script, "job", ns, tt.patience)
			cmd.Dir, cmd.Env = work, []string{"HOME=" + home, "PATH=" + bin + ":" + os.Getenv("PATH")}
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			cmd.Run()
			if got := cmd.ProcessState.ExitCode(); got != tt.code || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.said) {
				t.Errorf("exit code %d\nstdout: %s\nstderr: %s", got, &stdout, &stderr)
			}
			if tt.code == 0 {
				log, err := os.ReadFile(filepath.Join(work, "import.log"))
				if n := bytes.Count(log, []byte("\n")); err != nil || n != tt.job.Lines {
					t.Errorf("%d lines of the import, %v", n, err)
				}
			}
		})
	}
}

// podOf is a pod with a container that writes a log.
func podOf(name string, policy corev1.RestartPolicy, spec loggen.Spec) *corev1.Pod {
	grace := int64(1)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{HostNetwork: true, RestartPolicy: policy, TerminationGracePeriodSeconds: &grace, Containers: []corev1.Container{{
			Name: "main", Image: "mktail.test/loggen:1", ImagePullPolicy: corev1.PullNever, Command: []string{"/loggen"}, Args: spec.Args(),
		}}},
	}
}
