package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"mktail/testdata/loggen"
)

// The tests of this file hold what the others build on: that clusters and containers do as they are told.

// logOf reads the log of a pod to its end.
func logOf(ctx context.Context, api *kubernetes.Clientset, ns, pod string, o corev1.PodLogOptions) (string, error) {
	r, err := api.CoreV1().Pods(ns).GetLogs(pod, &o).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

// logIs is an error unless the log is text.
func logIs(ctx context.Context, api *kubernetes.Clientset, ns, pod, text string) error {
	got, err := logOf(ctx, api, ns, pod, corev1.PodLogOptions{})
	if err == nil && got != text {
		err = fmt.Errorf("the log is %.200q", got)
	}
	return err
}

// eventually asks until there is no error. It goes on when the API is away.
func eventually(t *testing.T, what string, ask func(context.Context) error) {
	t.Helper()
	last := errors.New("not asked")
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // a cut network never answers
		defer cancel()
		last = ask(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("waiting for %s: %v: %v", what, err, last)
	}
}

// eventuallyPod asks until the pod is there and as wanted.
func eventuallyPod(t *testing.T, api *kubernetes.Clientset, ns, name string, wanted func(*corev1.Pod) bool) (p *corev1.Pod) {
	t.Helper()
	eventually(t, "pod "+name, func(ctx context.Context) (err error) {
		p, err = api.CoreV1().Pods(ns).Get(ctx, name, metav1.GetOptions{})
		if err == nil && !wanted(p) {
			err = fmt.Errorf("its status is %+v", p.Status)
		}
		return err
	})
	return p
}

// text is all that a spec's lines amount to.
func text(s loggen.Spec) string {
	var b strings.Builder
	for i := range s.Lines {
		b.WriteString(s.Line(i) + "\n")
	}
	return b.String()
}

// quiet is a container that writes a line and runs on.
func quiet() container { return container{"app", loggen.Spec{Lines: 1, Wait: -1}} }

func TestClusterLines(t *testing.T) {
	const ns = "cluster-lines"
	for _, cluster := range []string{"a", "b"} {
		t.Run(cluster, func(t *testing.T) {
			spec := loggen.Spec{Lines: 1000, Prefix: cluster, Length: 100, Exit: 7}
			api := namespaceOf(t, cluster, ns)
			createPod(t, api, cluster, ns, "pod", corev1.RestartPolicyNever, nil, container{"app", spec})
			p := eventuallyPod(t, api, ns, "pod", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed })
			if end := p.Status.ContainerStatuses[0].State.Terminated; end == nil || end.ExitCode != 7 {
				t.Errorf("the container's end is %+v", end)
			}
			if err := logIs(t.Context(), api, ns, "pod", text(spec)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClusterRestarts(t *testing.T) {
	const ns = "cluster-restarts"
	spec := loggen.Spec{Lines: 1, Wait: time.Second, Exit: 1}
	api := namespaceOf(t, "a", ns)
	createPod(t, api, "a", ns, "pod", corev1.RestartPolicyAlways, nil, container{"app", spec})
	p := eventuallyPod(t, api, ns, "pod", func(p *corev1.Pod) bool {
		return len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].RestartCount > 0
	})
	got := p.Status.ContainerStatuses[0]
	if last := got.LastTerminationState.Terminated; last == nil || last.ExitCode != 1 || last.ContainerID == got.ContainerID {
		t.Errorf("the status is %+v", got)
	}
	// The kubelet may just have removed the one that its status still calls the last.
	eventually(t, "the previous log", func(ctx context.Context) error {
		previous, err := logOf(ctx, api, ns, "pod", corev1.PodLogOptions{Previous: true})
		if err == nil && previous != text(spec) {
			err = fmt.Errorf("it is %.300q", previous)
		}
		return err
	})
}

// The API gives the newest file only; what was read before its rotation is gone from it.
func TestClusterRotates(t *testing.T) {
	const ns = "cluster-rotates"
	spec := loggen.Spec{Lines: 5, Wait: -1}
	api := namespaceOf(t, "a", ns)
	createPod(t, api, "a", ns, "pod", corev1.RestartPolicyNever, nil, container{"app", spec})
	eventually(t, "all lines", func(ctx context.Context) error { return logIs(ctx, api, ns, "pod", text(spec)) })
	do(t, "rotate", "a", ns+"/pod")
	if err := logIs(t.Context(), api, ns, "pod", ""); err != nil {
		t.Error(err)
	}
}

// Containers outlive their kubelet, and their logs are there again when it is.
func TestClusterWithoutKubelet(t *testing.T) {
	const ns = "cluster-without-kubelet"
	api := namespaceOf(t, "a", ns)
	createPod(t, api, "a", ns, "pod", corev1.RestartPolicyAlways, nil, container{"app", loggen.Spec{Rate: 20}})
	before := eventuallyPod(t, api, ns, "pod", running).Status.ContainerStatuses[0]
	do(t, "kill", "a", "kubelet")
	if got, err := logOf(t.Context(), api, ns, "pod", corev1.PodLogOptions{}); err == nil {
		t.Errorf("a dead kubelet gave a log: %.200q", got)
	}
	do(t, "start", "a", "kubelet")
	var first string
	eventually(t, "the log", func(ctx context.Context) (err error) {
		first, err = logOf(ctx, api, ns, "pod", corev1.PodLogOptions{})
		return err
	})
	eventually(t, "more of it", func(ctx context.Context) error {
		got, err := logOf(ctx, api, ns, "pod", corev1.PodLogOptions{})
		if err == nil && (len(got) <= len(first) || !strings.HasPrefix(got, first)) {
			err = fmt.Errorf("%.200q does not go on from %.200q", got, first)
		}
		return err
	})
	after := eventuallyPod(t, api, ns, "pod", running).Status.ContainerStatuses[0]
	if after.ContainerID != before.ContainerID || after.RestartCount != 0 {
		t.Errorf("the container was %+v, and is %+v", before, after)
	}
}

func TestClusterWithoutAPIServer(t *testing.T) {
	const ns = "cluster-without-apiserver"
	api, other := namespaceOf(t, "a", ns), namespaceOf(t, "b", ns)
	createPod(t, api, "a", ns, "pod", corev1.RestartPolicyAlways, nil, quiet())
	eventuallyPod(t, api, ns, "pod", running)
	do(t, "stop", "a", "apiserver")
	if _, err := api.CoreV1().Pods(ns).Get(t.Context(), "pod", metav1.GetOptions{}); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a stopped API server: %v", err)
	}
	if _, err := other.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("the other cluster: %v", err)
	}
	do(t, "start", "a", "apiserver")
	eventuallyPod(t, api, ns, "pod", running)
}

func TestClusterWithoutEtcd(t *testing.T) {
	const ns = "cluster-without-etcd"
	api := namespaceOf(t, "a", ns)
	createPod(t, api, "a", ns, "pod", corev1.RestartPolicyAlways, nil, quiet())
	eventuallyPod(t, api, ns, "pod", running)
	do(t, "kill", "a", "etcd")
	do(t, "start", "a", "etcd")
	eventuallyPod(t, api, ns, "pod", running)
}

func TestClusterCutOff(t *testing.T) {
	const ns = "cluster-cut-off"
	api := namespaceOf(t, "a", ns)
	createPod(t, api, "a", ns, "pod", corev1.RestartPolicyAlways, nil, quiet())
	eventuallyPod(t, api, ns, "pod", running)
	do(t, "net", "a", "down")
	server := strings.TrimPrefix(restConfig(t, "a").Host, "https://")
	if conn, err := net.DialTimeout("tcp", server, time.Second); err == nil {
		conn.Close()
		t.Error("a cut link let a connection pass")
	}
	do(t, "net", "a", "up")
	eventuallyPod(t, api, ns, "pod", running)
}
