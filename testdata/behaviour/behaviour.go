// Package behaviour is one suite of tests for what mktail uses of a Kubernetes cluster: list, watch, log with every option,
// follow, restart, delete, log files through the node proxy, and changes of Jobs and Deployments. It speaks through client-go
// only and runs unchanged against a simulated and a real cluster, so that the simulation can't drift. It asserts only what a
// real cluster guarantees.
package behaviour

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"mktail/testdata/loggen"
)

// image is what every pod of the suite runs; the node must have it.
const image = "mktail.test/loggen:1"

// patience is how long one test waits for a cluster.
const patience = 2 * time.Minute

// Suite runs all tests as subtests of t, in namespaces of its own that it takes away at the end. cfg is an administrator's;
// node is the node that the pods are bound to. No controller and no scheduler needs to run.
func Suite(t *testing.T, cfg *rest.Config, node string) {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1
	cs, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		run  func(*env)
	}{
		{"list", testList},
		{"list errors", testListErrors},
		{"watch", testWatch},
		{"watch bookmarks", testBookmarks},
		{"watch initial events", testInitialEvents},
		{"watch selector", testWatchSelector},
		{"watch from a forgotten version", testForgotten},
		{"log options", testLogOptions},
		{"log bad options", testBadOptions},
		{"log which container", testWhichContainer},
		{"log of a waiting container", testWaiting},
		{"log of both streams", testBothStreams},
		{"log of a long line", testLongLine},
		{"follow until exit", testFollowUntilExit},
		{"follow a silent container", testFollowSilent},
		{"restart", testRestart},
		{"delete", testDelete},
		{"delete at once", testDeleteAtOnce},
		{"init containers", testInit},
		{"ephemeral container", testEphemeral},
		{"log file", testLogFile},
		{"log files of two lives", testLogFilesOfLives},
		{"log files after rotations", testRotatedFiles},
		{"node proxy refusals", testProxyRefusals},
		{"job", testJob},
		{"generation", testGeneration},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(newEnv(t, cfg, cs, node))
		})
	}
}

// env is one test's: a namespace of its own, and a time limit.
type env struct {
	*testing.T
	ctx  context.Context
	cfg  *rest.Config
	cs   *kubernetes.Clientset
	node string
	ns   string
	pods typed.PodInterface
}

func newEnv(t *testing.T, cfg *rest.Config, cs *kubernetes.Clientset, node string) *env {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	name := strings.NewReplacer(" ", "-", "/", "-", "_", "-").Replace(strings.ToLower(t.Name()))
	name = fmt.Sprintf("%s-%x", name[max(0, len(name)-40):], time.Now().UnixNano())
	name = strings.TrimLeft(name, "-")
	if _, err := cs.CoreV1().Namespaces().Create(ctx,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	e := &env{t, ctx, cfg, cs, node, name, cs.CoreV1().Pods(name)}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		grace := int64(0)
		now := metav1.DeleteOptions{GracePeriodSeconds: &grace}
		if list, err := e.pods.List(ctx, metav1.ListOptions{}); err == nil {
			for _, p := range list.Items {
				_ = e.pods.Delete(ctx, p.Name, now)
			}
		}
		_ = cs.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
	})
	return e
}

// container is one that runs loggen.
func container(name string, s loggen.Spec) corev1.Container {
	return corev1.Container{Name: name, Image: image, ImagePullPolicy: corev1.PullNever,
		Command: append([]string{"/loggen"}, s.Args()...)}
}

// pod is one that never restarts and ends within seconds of its deletion.
func (e *env) pod(name string, containers ...corev1.Container) *corev1.Pod {
	grace, no := int64(5), false
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: e.ns, Labels: map[string]string{"pod": name}},
		Spec: corev1.PodSpec{
			NodeName: e.node, HostNetwork: true, RestartPolicy: corev1.RestartPolicyNever, Containers: containers,
			TerminationGracePeriodSeconds: &grace, AutomountServiceAccountToken: &no, EnableServiceLinks: &no,
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
		},
	}
}

// create makes the pod.
func (e *env) create(p *corev1.Pod) *corev1.Pod {
	e.Helper()
	made, err := e.pods.Create(e.ctx, p, metav1.CreateOptions{})
	if err != nil {
		e.Fatal(err)
	}
	return made
}

// idle is a container that writes nothing and runs on.
func idle(name string) corev1.Container {
	return container(name, loggen.Spec{Lines: 1, Delay: time.Hour})
}

// until asks for the pod until ok.
func (e *env) until(name, what string, ok func(*corev1.Pod) bool) *corev1.Pod {
	e.Helper()
	var p *corev1.Pod
	e.poll(fmt.Sprintf("pod %s to be %s", name, what), func() bool {
		var err error
		p, err = e.pods.Get(e.ctx, name, metav1.GetOptions{})
		return err == nil && ok(p)
	})
	return p
}

func (e *env) running(name string) *corev1.Pod {
	e.Helper()
	return e.until(name, "running", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodRunning })
}

// poll asks until ok, or fails the test when its time is up.
func (e *env) poll(what string, ok func() bool) {
	e.Helper()
	err := wait.PollUntilContextCancel(e.ctx, 50*time.Millisecond, true, func(context.Context) (bool, error) { return ok(), nil })
	if err != nil {
		e.Fatalf("waiting for %s: %v", what, err)
	}
}

// log reads a log to its end.
func (e *env) log(pod string, o corev1.PodLogOptions) (string, error) {
	rc, err := e.pods.GetLogs(pod, &o).Stream(e.ctx)
	if err != nil {
		return "", err
	}
	defer rc.Close()
	b, err := io.ReadAll(rc)
	return string(b), err
}

// lines reads a log to its end, as lines without their newlines.
func (e *env) lines(pod string, o corev1.PodLogOptions) []string {
	e.Helper()
	text, err := e.log(pod, o)
	if err != nil {
		e.Fatalf("reading the log of %s: %v", pod, err)
	}
	return split(text)
}

func split(text string) []string {
	if text == "" {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// written waits until the log of the container has n lines.
func (e *env) written(pod, container string, n int) {
	e.Helper()
	e.poll(fmt.Sprintf("%d lines of %s", n, pod), func() bool {
		text, err := e.log(pod, corev1.PodLogOptions{Container: container})
		return err == nil && strings.Count(text, "\n") >= n
	})
}

// refused checks that err is a Status of that code whose message holds text.
func (e *env) refused(what string, err error, code int32, text string) {
	e.Helper()
	var status apierrors.APIStatus
	switch {
	case !errors.As(err, &status):
		e.Errorf("%s: got %v, want status %d", what, err, code)
	case status.Status().Code != code || !strings.Contains(status.Status().Message, text):
		e.Errorf("%s: got %d %q, want %d %q", what, status.Status().Code, status.Status().Message, code, text)
	}
}

// expected are the lines of a spec.
func expected(s loggen.Spec) []string {
	out := make([]string, s.Lines)
	for i := range out {
		out[i] = s.Line(i)
	}
	return out
}
