package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	clientbatch "k8s.io/client-go/kubernetes/typed/batch/v1"
	clientcore "k8s.io/client-go/kubernetes/typed/core/v1"

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
			manifest("web-eu.yaml", webOf("web", 2, "first"))
			manifest("web-us.yaml", webOf(tt.third, 1, "first"))
			attempt := podOf("import-1", corev1.RestartPolicyNever, tt.job)
			attempt.Spec.NodeName, attempt.Spec.Containers[0].Name = "a-node", "import"
			manifest("import.yaml", jobOf("import", attempt))
			t.Cleanup(func() { // they are there if the script came so far
				_ = api.BatchV1().Jobs(ns).Delete(context.Background(), "import", metav1.DeleteOptions{})
				for _, api := range []*kubernetes.Clientset{api, us} {
					_ = api.AppsV1().Deployments(ns).DeleteCollection(context.Background(), metav1.DeleteOptions{}, metav1.ListOptions{})
					_ = api.AppsV1().ReplicaSets(ns).DeleteCollection(context.Background(), metav1.DeleteOptions{}, metav1.ListOptions{})
				}
			})
			revisions := [][3]loggen.Spec{tt.webs}
			if tt.second != nil {
				revisions = append(revisions, *tt.second)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var controller sync.WaitGroup
			defer controller.Wait()
			defer cancel()
			controller.Go(func() {
				if err := playJob(ctx, api.BatchV1().Jobs(ns), api.CoreV1().Pods(ns), "import", attempt); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			})
			for _, d := range []struct {
				api           *kubernetes.Clientset
				cluster, name string
				from, to      int // of the specs
			}{{api, "a", "web", 0, 2}, {us, "b", tt.third, 2, 3}} {
				controller.Go(func() {
					for i, specs := range revisions {
						if err := playDeployment(ctx, d.api, ns, d.name, d.cluster+"-node", i+1, specs[d.from:d.to]); err != nil && ctx.Err() == nil {
							t.Error(err)
						}
					}
				})
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
				manifest("web-eu.yaml", webOf("web", 2, "second"))
				manifest("web-us.yaml", webOf(tt.third, 1, "second"))
				run(3, "", "panic: ")
			}
		})
	}
}

// webOf is a Deployment of so many pods. Its template differs by version; playDeployment makes other pods than that says.
func webOf(name string, replicas int32, version string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podOf(name, corev1.RestartPolicyAlways, loggen.Spec{}).Spec}
	template.Annotations = map[string]string{"version": version}
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template},
	}
}

// playDeployment does what the controllers of Deployments and ReplicaSets do, which the clusters don't have: when the Deployment has changed it
// makes a ReplicaSet of that revision and a pod of each spec, and when those run the ones before are deleted.
func playDeployment(ctx context.Context, api *kubernetes.Clientset, ns, name, node string, revision int, specs []loggen.Spec) error {
	deployments, sets, pods := api.AppsV1().Deployments(ns), api.AppsV1().ReplicaSets(ns), api.CoreV1().Pods(ns)
	poll := func(ask func(ctx context.Context) (done bool)) error {
		return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) { return ask(ctx), nil })
	}
	var d *appsv1.Deployment
	if err := poll(func(ctx context.Context) bool {
		var err error
		d, err = deployments.Get(ctx, name, metav1.GetOptions{})
		return err == nil && d.Generation > d.Status.ObservedGeneration
	}); err != nil {
		return err
	}
	hash := fmt.Sprint("h", revision)
	labels := map[string]string{"app": name, appsv1.DefaultDeploymentUniqueLabelKey: hash}
	numbered := map[string]string{"deployment.kubernetes.io/revision": fmt.Sprint(revision)}
	set := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: name + "-" + hash, Labels: labels, Annotations: numbered,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))}},
		Spec: appsv1.ReplicaSetSpec{Replicas: d.Spec.Replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: *d.Spec.Template.DeepCopy()},
	}
	set.Spec.Template.Labels = labels
	set, err := sets.Create(ctx, set, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	old, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "app=" + name})
	if err != nil {
		return err
	}
	maps.Copy(d.Annotations, numbered) // beside that of kubectl apply
	if d, err = deployments.Update(ctx, d, metav1.UpdateOptions{}); err != nil {
		return err
	}
	status := func(replicas, updated int) error {
		s := &d.Status
		s.ObservedGeneration, s.Replicas, s.UpdatedReplicas = d.Generation, int32(replicas), int32(updated)
		s.ReadyReplicas, s.AvailableReplicas = int32(updated), int32(updated)
		var err error
		d, err = deployments.UpdateStatus(ctx, d, metav1.UpdateOptions{})
		return err
	}
	if err := status(len(old.Items), 0); err != nil {
		return err
	}
	for i, spec := range specs {
		p := podOf(fmt.Sprintf("%s-%d-%d", name, revision, i+1), corev1.RestartPolicyAlways, spec)
		p.Labels, p.Spec.NodeName = labels, node
		p.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))}
		if _, err := pods.Create(ctx, p, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	if err := poll(func(ctx context.Context) bool {
		list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(set.Spec.Selector)})
		running := func(p corev1.Pod) bool { return p.Status.Phase == corev1.PodRunning }
		return err == nil && len(list.Items) == len(specs) && !slices.ContainsFunc(list.Items, func(p corev1.Pod) bool { return !running(p) })
	}); err != nil {
		return err
	}
	for _, p := range old.Items {
		if err := pods.Delete(ctx, p.Name, metav1.DeleteOptions{}); err != nil {
			return err
		}
	}
	return status(len(specs), len(specs))
}

// jobOf is a Job whose pods are like p. A failed one is not tried again.
func jobOf(name string, p *corev1.Pod) *batchv1.Job {
	once := int32(0)
	return &batchv1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       batchv1.JobSpec{BackoffLimit: &once, Template: corev1.PodTemplateSpec{Spec: p.Spec}},
	}
}

// playJob does what the Job controller does, which the clusters don't have: when the Job is there it makes this pod of it, and when that has
// ended the Job has, too. It returns when ctx ends.
func playJob(ctx context.Context, jobs clientbatch.JobInterface, pods clientcore.PodInterface, name string, p *corev1.Pod) error {
	var job *batchv1.Job
	poll := func(ask func(ctx context.Context) (done bool, err error)) error {
		return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, ask)
	}
	if err := poll(func(ctx context.Context) (done bool, err error) {
		job, err = jobs.Get(ctx, name, metav1.GetOptions{})
		return err == nil, nil
	}); err != nil {
		return err
	}
	p = p.DeepCopy()
	p.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))}
	if _, err := pods.Create(ctx, p, metav1.CreateOptions{}); err != nil {
		return err
	}
	now := metav1.Now()
	job.Status.StartTime = &now
	if err := poll(func(ctx context.Context) (done bool, err error) {
		p, err = pods.Get(ctx, p.Name, metav1.GetOptions{})
		return err == nil && (p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed), nil
	}); err != nil {
		return err
	}
	before, after, reason := batchv1.JobSuccessCriteriaMet, batchv1.JobComplete, batchv1.JobReasonCompletionsReached
	if p.Status.Phase == corev1.PodFailed {
		before, after, reason = batchv1.JobFailureTarget, batchv1.JobFailed, batchv1.JobReasonBackoffLimitExceeded
		job.Status.Failed = 1
	} else {
		job.Status.Succeeded = 1
		ended := metav1.Now()
		job.Status.CompletionTime = &ended
	}
	for _, kind := range []batchv1.JobConditionType{before, after} {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: reason, LastTransitionTime: metav1.Now()})
	}
	_, err := jobs.UpdateStatus(ctx, job, metav1.UpdateOptions{})
	return err
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
