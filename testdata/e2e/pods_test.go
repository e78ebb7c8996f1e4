package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"mktail/testdata/loggen"
)

// patience is how long the clusters have for anything.
const patience = 3 * time.Minute

// namespaceOf makes a namespace for a test in a cluster. It takes the test's pods away at the end.
func namespaceOf(t *testing.T, cluster, name string) *kubernetes.Clientset {
	t.Helper()
	api, err := kubernetes.NewForConfig(restConfig(t, cluster))
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		grace := int64(0)
		if err := api.CoreV1().Pods(name).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &grace}, metav1.ListOptions{}); err != nil {
			t.Error(err)
		}
	})
	return api
}

// container is one that writes a log.
type container struct {
	name string
	spec loggen.Spec
}

// createPod makes a pod whose containers write logs. labels are pairs of key and value.
func createPod(t *testing.T, api *kubernetes.Clientset, cluster, ns, name string, policy corev1.RestartPolicy, labels map[string]string, containers ...container) {
	t.Helper()
	createOwned(t, api, cluster, ns, name, policy, labels, nil, containers...)
}

// createOwned makes a pod that belongs to something.
func createOwned(t *testing.T, api *kubernetes.Clientset, cluster, ns, name string, policy corev1.RestartPolicy, labels map[string]string, owners []metav1.OwnerReference, containers ...container) {
	t.Helper()
	p := loggenPod(cluster, name, policy, containers...)
	p.Labels, p.OwnerReferences = labels, owners
	if _, err := api.CoreV1().Pods(ns).Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// loggenPod is a pod whose containers write logs.
func loggenPod(cluster, name string, policy corev1.RestartPolicy, containers ...container) *corev1.Pod {
	grace := int64(2)
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.PodSpec{NodeName: cluster + "-node", HostNetwork: true, RestartPolicy: policy, TerminationGracePeriodSeconds: &grace},
	}
	for _, c := range containers {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{
			Name: c.name, Image: "mktail.test/loggen:1", ImagePullPolicy: corev1.PullNever, Command: []string{"/loggen"}, Args: c.spec.Args(),
		})
	}
	return p
}

// createStatic gives the kubelet a static pod, and returns the name of its mirror in the API. The pod ends with the test.
func createStatic(t *testing.T, cluster, ns, name string, containers ...container) (mirror string) {
	t.Helper()
	p := loggenPod(cluster, name, corev1.RestartPolicyAlways, containers...)
	p.TypeMeta, p.Namespace = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ns
	manifest, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, cluster, "manifests", ns+"-"+name+".json")
	whole := filepath.Join(t.TempDir(), "manifest") // the kubelet would see a half-written one
	if err := errors.Join(os.WriteFile(whole, manifest, 0o600), os.Rename(whole, file)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(file); err != nil {
			t.Error(err)
		}
	})
	return name + "-" + p.Spec.NodeName
}

func deletePod(t *testing.T, api *kubernetes.Clientset, ns, name string) {
	t.Helper()
	if err := api.CoreV1().Pods(ns).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// awaitPod waits until a pod is as wanted.
func awaitPod(t *testing.T, api *kubernetes.Clientset, ns, name string, wanted func(*corev1.Pod) bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		p, err := api.CoreV1().Pods(ns).Get(ctx, name, metav1.GetOptions{})
		return err == nil && wanted(p), err
	})
	if err != nil {
		t.Fatalf("waiting for pod %s/%s: %v", ns, name, err)
	}
}

func running(p *corev1.Pod) bool   { return p.Status.Phase == corev1.PodRunning }
func succeeded(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded }
