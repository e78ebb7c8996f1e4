package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"mktail/testdata/loggen"
)

// job is what runs README's scripts "rollout" and "job" for a namespace and with a timeout.
const job = `set -eu
for cluster in eu us; do
  kubectl --kubeconfig ~/.kube/$cluster -n $1 apply -f web-$cluster.yaml
done
bash rollout $2
kubectl --kubeconfig ~/.kube/eu -n $1 apply -f import.yaml
bash job $2
`

// TestJob runs README's scripts for a rollout and a Job on two clusters, one after the other, to each of their ends.
func TestJob(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	scripts := make(map[string]string)
	for _, block := range regexp.MustCompile("(?s)```bash\n(#!.*?\n# (\\w+): .*?)```").FindAllSubmatch(readme, -1) {
		scripts[string(block[2])] = string(block[1])
	}
	bin := t.TempDir()
	for name, program := range map[string]string{"kubectl": kubectlOf(t), "mktail": mktail} {
		if err := os.Symlink(program, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
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
		third        string         // the Deployment of that in us
		job          loggen.Spec
		down         bool // us can't be reached
		patience     string
		code         int
		stdout, said string
		second       *[3]loggen.Spec // of a second run, of which the first one's pods are the old revision; it ends with 3
	}{
		{"all is well", [3]loggen.Spec{ready, ready, ready}, "web", good, false, "3m", 0, "imported", "", &[3]loggen.Spec{ready, panics, ready}},
		{"a panic", [3]loggen.Spec{ready, ready, panics}, "web", good, false, "3m", 3, "", "panic: ", nil},
		{"never-ready", [3]loggen.Spec{ready, silent, ready}, "web", good, false, "10s", 124, "", "web-1-2 did not match --until", nil},
		{"a failed import", [3]loggen.Spec{ready, ready, ready}, "web", bad, false, "3m", 7, "rolled out", "import exited with 7", nil},
		{"a pod too few", [3]loggen.Spec{ready, ready, ready}, "db", good, false, "10s", 1, "", "2 of 3 pods were there", nil},
		{"a wrong flag", [3]loggen.Spec{ready, ready, ready}, "web", good, false, "soon", 2, "", "--timeout: ", nil},
		{"a cluster that is away", [3]loggen.Spec{ready, ready, ready}, "web", good, true, "10s", 5, "", "1 of 2 clusters could be read", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ns := "job-" + strings.ReplaceAll(strings.ToLower(tt.name), " ", "-")
			api, us := namespaceOf(t, "a", ns), namespaceOf(t, "b", ns)
			home := newHome(t, contextName, map[string]string{"eu": "a", "us": "b"})
			work := t.TempDir()
			manifest := func(file string, objects ...runtime.Object) {
				var all bytes.Buffer
				for _, o := range objects {
					text, err := json.Marshal(o)
					if err != nil {
						t.Fatal(err)
					}
					fmt.Fprintf(&all, "---\n%s\n", text)
				}
				if err := os.WriteFile(filepath.Join(work, file), all.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			manifest("web-eu.yaml", webOf("a", "web", 2, "first"))
			manifest("web-us.yaml", webOf("b", tt.third, 1, "first"))
			once := jobOf("import", batchv1.JobSpec{BackoffLimit: ptr.To(int32(0))})
			once.Spec.Template.Spec.Containers[0].Name = "import"
			manifest("import.yaml", once)
			t.Cleanup(func() { // they are there if the script came so far
				_ = api.BatchV1().Jobs(ns).Delete(context.Background(), "import", metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationBackground)})
				for _, api := range []*kubernetes.Clientset{api, us} {
					_ = api.AppsV1().Deployments(ns).DeleteCollection(context.Background(), metav1.DeleteOptions{}, metav1.ListOptions{})
					_ = api.AppsV1().ReplicaSets(ns).DeleteCollection(context.Background(), metav1.DeleteOptions{}, metav1.ListOptions{})
				}
			})
			revisions := [][3]loggen.Spec{tt.webs}
			if tt.second != nil {
				revisions = append(revisions, *tt.second)
			}
			played(t, func(ctx context.Context) error { return playJob(ctx, api, ns, "import", tt.job) })
			for _, d := range []struct {
				api      *kubernetes.Clientset
				name     string
				from, to int // of the specs
			}{{api, "web", 0, 2}, {us, tt.third, 2, 3}} {
				var specs [][]loggen.Spec
				for _, all := range revisions {
					specs = append(specs, all[d.from:d.to])
				}
				played(t, func(ctx context.Context) error { return playDeployment(ctx, d.api, ns, d.name, specs...) })
			}
			for _, name := range []string{"rollout", "job"} {
				if scripts[name] == "" {
					t.Fatalf("README has no script %s", name)
				}
				if err := os.WriteFile(filepath.Join(work, name), []byte(strings.ReplaceAll(scripts[name], "-n shop ", "-n "+ns+" ")), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			script := job
			if tt.down { // kubectl is refused before mktail could be
				script = strings.ReplaceAll(script, "-f web-$cluster.yaml", "-f web-$cluster.yaml || true")
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
			run := func(code int, out, said string) {
				t.Helper()
				cmd := exec.Command("bash", "-c", script, "job", ns, tt.patience)
				cmd.Dir, cmd.Env = work, []string{"HOME=" + home, "PATH=" + bin + ":" + os.Getenv("PATH")}
				var stdout, stderr bytes.Buffer
				cmd.Stdout, cmd.Stderr = &stdout, &stderr
				cmd.Run()
				if got := cmd.ProcessState.ExitCode(); got != code || !strings.Contains(stdout.String(), out) || !strings.Contains(stderr.String(), said) {
					t.Errorf("exit code %d\nstdout: %s\nstderr: %s", got, &stdout, &stderr)
				}
			}
			run(tt.code, tt.stdout, tt.said)
			if tt.code == 0 {
				log, err := os.ReadFile(filepath.Join(work, "import.log"))
				if n := bytes.Count(log, []byte("\n")); err != nil || n != tt.job.Lines {
					t.Errorf("%d lines of the import, %v", n, err)
				}
			}
			if tt.second != nil { // what the old pods have written is of no account
				manifest("web-eu.yaml", webOf("a", "web", 2, "second"))
				manifest("web-us.yaml", webOf("b", tt.third, 1, "second"))
				run(3, "", "panic: ")
			}
		})
	}
}

// webOf is a Deployment of so many pods on a cluster's node. Its template differs by version; playDeployment has the pods write what it is told.
func webOf(cluster, name string, replicas int32, version string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"version": version}},
		Spec: loggenPod(cluster, name, corev1.RestartPolicyAlways, container{name: "main"}).Spec}
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template},
	}
}

// jobOf is a Job of cluster a. playJob has its pods write what it is told.
func jobOf(name string, spec batchv1.JobSpec) *batchv1.Job {
	spec.Template.Spec = loggenPod("a", name, corev1.RestartPolicyNever, container{name: "main"}).Spec
	return &batchv1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       spec,
	}
}
