package sim_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"mktail/testdata/sim"
)

// start brings a cluster up for the test.
func start(t testing.TB, opt sim.Options) *sim.Cluster {
	t.Helper()
	c, err := sim.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func client(t testing.TB, cfg *rest.Config) *kubernetes.Clientset {
	t.Helper()
	cs, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return cs
}

func limit(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// open opens a log stream of default/pod.
func open(t testing.TB, cs *kubernetes.Clientset, o *corev1.PodLogOptions) io.ReadCloser {
	t.Helper()
	rc, err := cs.CoreV1().Pods("default").GetLogs("pod", o).Stream(limit(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rc.Close() })
	return rc
}

// read gives the rest of a stream and how it ended.
func read(rc io.ReadCloser) (string, error) {
	defer rc.Close()
	b, err := io.ReadAll(rc)
	return string(b), err
}

func TestFollowScriptedPod(t *testing.T) {
	for _, opt := range []sim.Options{{}, {HTTP1: true}, {Memory: true}} {
		c := start(t, opt)
		app := c.AddPod(sim.PodSpec{}).Container("app")
		app.Write("one")
		rc := open(t, client(t, c.RESTConfig()), &corev1.PodLogOptions{Follow: true})
		app.Write("two")
		if err := app.CaughtUp(limit(t), 1); err != nil {
			t.Fatal(err)
		}
		app.Restart()
		app.Write("next life")
		if got, err := read(rc); got != "one\ntwo\n" || err != nil {
			t.Errorf("%+v: follow gave %q, %v", opt, got, err)
		}
		rc = open(t, client(t, c.RESTConfig()), &corev1.PodLogOptions{})
		if got, _ := read(rc); got != "next life\n" {
			t.Errorf("current log is %q", got)
		}
		rc = open(t, client(t, c.RESTConfig()), &corev1.PodLogOptions{Previous: true, Timestamps: true})
		if got, _ := read(rc); !strings.HasSuffix(got, "Z two\n") {
			t.Errorf("previous log is %q", got)
		}
	}
}

func TestDownAndUp(t *testing.T) {
	c := start(t, sim.Options{Down: true})
	c.AddPod(sim.PodSpec{})
	cs := client(t, c.RESTConfig())
	if _, err := cs.CoreV1().Pods("").List(limit(t), metav1.ListOptions{}); err == nil {
		t.Fatal("a cluster that is down answered")
	}
	if err := c.Up(); err != nil {
		t.Fatal(err)
	}
	rc := open(t, cs, &corev1.PodLogOptions{Follow: true})
	c.Down()
	if got, err := read(rc); err == nil {
		t.Errorf("the stream ended with %q and no error", got)
	}
	if err := c.Up(); err != nil {
		t.Fatal(err)
	}
	if _, err := cs.CoreV1().Pods("").List(limit(t), metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
}
