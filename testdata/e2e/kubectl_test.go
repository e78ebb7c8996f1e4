package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	appsv1 "k8s.io/api/apps/v1"

	"mktail/testdata/loggen"
)

// TestKubectl holds that each way to call kubectl logs has one to call mktail that prints the same, byte for byte. Where
// several containers write, both print whole lines in an order of their own.
func TestKubectl(t *testing.T) {
	const ns = "kubectl"
	api := namespaceOf(t, "a", ns)
	kubectl := kubectlOf(t)
	makeRestarted(t, api, ns, "again")
	createPod(t, api, "a", ns, "ended", corev1.RestartPolicyNever, nil, container{"half", loggen.Spec{Lines: -1, Text: "a line\nhalf a line"}})
	awaitPod(t, api, ns, "ended", succeeded)
	makeDeployment(t, api, ns, "web")
	for _, tt := range []struct {
		kubectl, mktail string
		unordered       bool // several containers
		unended         bool // the last line has no newline
		follows         int  // lines after which both are ended; 0: they end by themselves
	}{
		{kubectl: "web-1-x -c twice --previous", mktail: "pod/web-1-x -c ^twice$ --previous -o raw --since 0"}, // while it waits
		{kubectl: "web-1-x -c twice", mktail: "pod/web-1-x -c ^twice$ --no-follow -o raw --since 0"},
		{kubectl: "again --previous", mktail: "pod/again --default-container --previous -o raw --since 0"},
		{kubectl: "again --previous --timestamps", mktail: "pod/again --default-container --previous --timestamps -o raw --since 0"},
		{kubectl: "again --timestamps", mktail: "pod/again --default-container --timestamps --no-follow -o raw --since 0"},
		{kubectl: "web-1-x -c app", mktail: "pod/web-1-x -c ^app$ --no-follow -o raw --since 0"},
		{kubectl: "web-1-x side", mktail: "pod/web-1-x -c ^side$ --no-follow -o raw --since 0"},
		{kubectl: "pod/web-1-x side --tail=3", mktail: "pod/web-1-x -c ^side$ --tail=3 --no-follow -o raw --since 0"},
		{kubectl: "web-1-x", mktail: "pod/web-1-x --default-container --no-follow -o raw --since 0"},
		{kubectl: "-l app=web --tail=-1", mktail: "-l app=web --default-container --no-follow -o raw --since 0"},
		{kubectl: "-l app=web", mktail: "-l app=web --default-container --no-follow -o raw --since 0 --tail 10"},
		{kubectl: "-l app=web --all-containers --tail=-1", mktail: "-l app=web --all-containers --no-follow -o raw --since 0", unordered: true},
		{kubectl: "deploy/web -c app", mktail: "deploy/web -c ^app$ --no-follow -o raw --since 0"},
		{kubectl: "deploy/web", mktail: "deploy/web --default-container --no-follow -o raw --since 0"},
		{kubectl: "web-1-x -c app --tail=2", mktail: "pod/web-1-x -c ^app$ --tail=2 --no-follow -o raw --since 0"},
		{kubectl: "web-1-x -c app --since=1h", mktail: "pod/web-1-x -c ^app$ --since=1h --no-follow -o raw"},
		{kubectl: "web-1-x -c app --since-time=2026-01-01T00:00:00Z", mktail: "pod/web-1-x -c ^app$ --since-time=2026-01-01T00:00:00Z --no-follow -o raw"},
		{kubectl: "web-1-x -c app --limit-bytes=1", mktail: "pod/web-1-x -c ^app$ --limit-bytes=1 --no-follow -o raw --since 0"},
		{kubectl: "web-1-x -c app --limit-bytes=100", mktail: "pod/web-1-x -c ^app$ --limit-bytes=100 --no-follow -o raw --since 0"},
		{kubectl: "web-1-x -c app --timestamps", mktail: "pod/web-1-x -c ^app$ --timestamps --no-follow -o raw --since 0"},
		{kubectl: "web-1-x -c app --timestamps --prefix", mktail: "pod/web-1-x -c ^app$ --timestamps --prefix --no-follow -o raw --since 0"},
		{kubectl: "-l app=web --all-containers --prefix --tail=-1", mktail: "-l app=web --all-containers --prefix --no-follow -o raw --since 0", unordered: true},
		{kubectl: "ended", mktail: "pod/ended --default-container --no-follow -o raw --since 0", unended: true},
		{kubectl: "ended --tail=1 --timestamps", mktail: "pod/ended --tail=1 --timestamps --no-follow -o raw --since 0", unended: true},
		{kubectl: "ended half --prefix", mktail: "pod/ended -c ^half$ --prefix --no-follow -o raw --since 0", unended: true},
		{kubectl: "-f web-1-x -c app", mktail: "-f pod/web-1-x -c ^app$ -o raw --since 0", follows: 50},
		{kubectl: "-f web-1-x", mktail: "-f pod/web-1-x --default-container -o raw --since 0", follows: 50},
		{kubectl: "-f -l app=web --all-containers --tail=-1", mktail: "-f -l app=web --all-containers -o raw --since 0", unordered: true, follows: 65},
	} {
		t.Run(tt.kubectl, func(t *testing.T) {
			want := printed(t, tt.follows, kubectl, append([]string{"logs", "-n", ns, "--kubeconfig", kubeconfig("a")}, strings.Fields(tt.kubectl)...)...)
			got := printed(t, tt.follows, mktail, append([]string{"-n", ns, "--kubeconfig", kubeconfig("a")}, strings.Fields(tt.mktail)...)...)
			if tt.unordered {
				want, got = sorted(want), sorted(got)
			}
			if len(want) == 0 || !bytes.Equal(got, want) || tt.unended && bytes.HasSuffix(want, []byte("\n")) {
				t.Errorf("kubectl printed %q\nmktail %q", want, got)
			}
		})
	}
}

// makeDeployment makes what a Deployment's controllers would: a ReplicaSet and a pod, and waits until it has written.
func makeDeployment(t *testing.T, api *kubernetes.Clientset, ns, name string) {
	t.Helper()
	labels := map[string]string{"app": name}
	owners := deploymentOf(t, api, ns, name, labels)
	pod := name + "-1-x"
	createOwned(t, api, "a", ns, pod, corev1.RestartPolicyAlways, labels, owners,
		container{"app", loggen.Spec{Prefix: "app ", Lines: 50, StderrEvery: 3, Wait: -1}},
		container{"side", loggen.Spec{Prefix: "side ", Lines: 10, Wait: -1}},
		container{"twice", loggen.Spec{Prefix: "twice ", Lines: 5, Wait: 3 * time.Second, Exit: 1}},
	)
	awaitPod(t, api, ns, pod, func(p *corev1.Pod) bool { // so that the container has a previous instance and waits
		return slices.ContainsFunc(p.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
			return s.Name == "twice" && s.RestartCount == 2 && s.State.Waiting != nil
		})
	})
}

// makeRestarted makes a pod whose container has been restarted once and goes on.
func makeRestarted(t *testing.T, api *kubernetes.Clientset, ns, name string) {
	t.Helper()
	const lines = 5
	createPod(t, api, "a", ns, name, corev1.RestartPolicyAlways, nil, container{"app", loggen.Spec{Prefix: name + " ", Lines: lines, Wait: -1}})
	written := func(ctx context.Context) error {
		log, err := logOf(ctx, api, ns, name, corev1.PodLogOptions{})
		if n := strings.Count(log, "\n"); err == nil && n != lines {
			return fmt.Errorf("%d lines", n)
		}
		return err
	}
	eventually(t, "the first instance", written)
	if err := syscall.Kill(loggenOf(t, name), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitPod(t, api, ns, name, func(p *corev1.Pod) bool {
		s := p.Status.ContainerStatuses[0]
		return s.RestartCount == 1 && s.State.Running != nil
	})
	eventually(t, "the second instance", written)
}

// deploymentOf makes a Deployment and a ReplicaSet of it, which own what has these owners. Both go at the test's end.
func deploymentOf(t *testing.T, api *kubernetes.Clientset, ns, name string, labels map[string]string) []metav1.OwnerReference {
	t.Helper()
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "x"}}}}
	selector := &metav1.LabelSelector{MatchLabels: labels}
	d, err := api.AppsV1().Deployments(ns).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.DeploymentSpec{Selector: selector, Template: template}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	owner := func(kind string, o metav1.Object) []metav1.OwnerReference {
		return []metav1.OwnerReference{*metav1.NewControllerRef(o, appsv1.SchemeGroupVersion.WithKind(kind))}
	}
	rs, err := api.AppsV1().ReplicaSets(ns).Create(t.Context(), &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: name + "-1", OwnerReferences: owner("Deployment", d)},
		Spec:       appsv1.ReplicaSetSpec{Selector: selector, Template: template}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for _, err := range []error{
			api.AppsV1().ReplicaSets(ns).Delete(ctx, rs.Name, metav1.DeleteOptions{}),
			api.AppsV1().Deployments(ns).Delete(ctx, d.Name, metav1.DeleteOptions{}),
		} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return owner("ReplicaSet", rs)
}

// printed is what a program prints, to its end or for so many lines.
func printed(t *testing.T, lines int, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if lines == 0 {
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("%s: %v\n%s", cmd, err, &stderr)
		}
		return out
	}
	pipe := launch(t, cmd)
	var all []byte
	for buf := make([]byte, 4096); bytes.Count(all, []byte("\n")) < lines; {
		n, err := pipe.Read(buf)
		if all = append(all, buf[:n]...); err != nil {
			break
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	return all
}

func sorted(text []byte) []byte {
	return []byte(fmt.Sprint(slices.Sorted(strings.Lines(string(text)))))
}
