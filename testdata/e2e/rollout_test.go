package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"mktail/testdata/loggen"
)

// TestPausedRollout holds that a Deployment which was changed while it is paused has no pod of its newest revision until it is resumed, as
// kubectl rollout status has it. What the pods write that it has meets no condition.
func TestPausedRollout(t *testing.T) {
	const ns = "paused"
	api := namespaceOf(t, "a", ns)
	deployments := api.AppsV1().Deployments(ns)
	if _, err := deployments.Create(t.Context(), webOf("a", "web", 2, "first"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = deployments.DeleteCollection(context.Background(), metav1.DeleteOptions{}, metav1.ListOptions{})
		_ = api.AppsV1().ReplicaSets(ns).DeleteCollection(context.Background(), metav1.DeleteOptions{}, metav1.ListOptions{})
	})
	old := loggen.Spec{Prefix: "old and ready", Rate: 5, Wait: -1}
	ready := loggen.Spec{Prefix: "ready", Lines: 1, Wait: -1}
	played(t, func(ctx context.Context) error {
		return playDeployment(ctx, api, ns, "web", []loggen.Spec{old, old}, []loggen.Spec{ready, ready})
	})
	is := func(what string, ok func(*appsv1.Deployment) bool) {
		t.Helper()
		eventually(t, what, func(ctx context.Context) error {
			d, err := deployments.Get(ctx, "web", metav1.GetOptions{})
			if err == nil && (d.Status.ObservedGeneration < d.Generation || !ok(d)) {
				err = fmt.Errorf("its status is %+v", d.Status)
			}
			return err
		})
	}
	patch := func(text string) {
		t.Helper()
		if _, err := deployments.Patch(t.Context(), "web", types.StrategicMergePatchType, []byte(text), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	is("the first rollout", func(d *appsv1.Deployment) bool { return d.Status.AvailableReplicas == 2 })
	patch(`{"spec":{"paused":true}}`)
	home := newHome(t, contextName, map[string]string{"a": "a"})
	web := []string{"-n", ns, "deploy/web", "--revision", "newest", "--until-ready"}
	start(t, home, append(web, "--until", "old and ready", "--until-each", "pod", "--wait-pods", "2")...).end(0) // its revision is the newest

	patch(`{"spec":{"template":{"metadata":{"annotations":{"version":"second"}}}}}`)
	is("the change to be seen", func(d *appsv1.Deployment) bool { return d.Status.UpdatedReplicas == 0 })
	status := exec.Command(kubectlOf(t), "--kubeconfig", kubeconfig("a"), "-n", ns, "rollout", "status", "deploy/web")
	kubectl := bufio.NewReader(launch(t, status))
	if line, err := kubectl.ReadString('\n'); !strings.Contains(line, "0 out of 2 new replicas have been updated") {
		t.Fatalf("kubectl rollout status: %q, %v", line, err)
	}
	once := start(t, home, append(web, "--no-follow", "--fail-on", "old")...)
	once.end(1)
	if want := "deployment/web is not ready (0 of 2 pods are of the newest revision, and it is paused)"; !strings.Contains(once.stderr.String(), want) {
		t.Errorf("stderr lacks %q: %s", want, &once.stderr)
	}
	s := startReady(t, home, append(web, "--until", "ready", "--until-each", "pod", "--fail-on", "old")...)
	patch(`{"spec":{"paused":false}}`)
	pods := make(map[string]bool)
	for _, r := range s.end(0) {
		pods[r.Pod] = true
	}
	if len(pods) != 2 || !pods["web-2-1"] || !pods["web-2-2"] {
		t.Errorf("lines of %v", pods)
	}
	if rest, err := io.ReadAll(kubectl); !strings.HasSuffix(string(rest), "successfully rolled out\n") || status.Wait() != nil {
		t.Errorf("kubectl rollout status: %q, %v", rest, err)
	}
}
