package sim_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/testdata/sim"
)

// TestNodeClock: stamps, statuses and sinceSeconds are by the clock of the pod's node.
func TestNodeClock(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := start(t, sim.Options{Now: func() time.Time { return at }})
	slow := c.Node("slow")
	slow.SetClock(-time.Hour)
	pod := c.AddPod(sim.PodSpec{Node: "slow"})
	other := c.AddPod(sim.PodSpec{Name: "other", Node: "other"})
	app := pod.Container("app")
	app.Write("an hour behind")
	slow.SetClock(time.Hour)
	app.Write("an hour ahead")
	slow.SetClock(0)
	app.Write("in time")
	cs := client(t, c.RESTConfig())
	want := "2026-01-02T02:04:05.000000000Z an hour behind\n2026-01-02T04:04:05.000000000Z an hour ahead\n2026-01-02T03:04:05.000000000Z in time\n"
	if got, err := read(open(t, cs, &corev1.PodLogOptions{Timestamps: true})); got != want || err != nil {
		t.Errorf("the log is %q, %v", got, err)
	}
	ten := int64(10)
	if got, err := read(open(t, cs, &corev1.PodLogOptions{SinceSeconds: &ten})); got != "an hour ahead\nin time\n" || err != nil {
		t.Errorf("since ten seconds: %q, %v", got, err)
	}
	slow.SetClock(time.Hour)
	if got, err := read(open(t, cs, &corev1.PodLogOptions{SinceSeconds: &ten})); got != "an hour ahead\n" || err != nil {
		t.Errorf("since ten seconds by a clock that was stepped: %q, %v", got, err)
	}
	for p, want := range map[*sim.Pod]time.Time{pod: at.Add(-time.Hour), other: at} {
		got, err := cs.CoreV1().Pods("default").Get(t.Context(), p.Name(), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if started := got.Status.ContainerStatuses[0].State.Running.StartedAt; !started.Time.Equal(want) || !got.CreationTimestamp.Time.Equal(at) {
			t.Errorf("%s: created at %v, started at %v", p.Name(), got.CreationTimestamp, started)
		}
	}
}

// TestSinceHoldsBackLiveLines: a kubelet applies sinceTime to each line, also to those that are written while it is followed.
func TestSinceHoldsBackLiveLines(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := start(t, sim.Options{Now: func() time.Time { return at }})
	app := c.AddPod(sim.PodSpec{Policy: corev1.RestartPolicyNever}).Container("app")
	app.Write("before")
	since := metav1.NewTime(at)
	rc := open(t, client(t, c.RESTConfig()), &corev1.PodLogOptions{Follow: true, SinceTime: &since})
	following(t, app, 1)
	c.Node("node-1").SetClock(-time.Minute)
	app.Write("held back")
	c.Node("node-1").SetClock(time.Minute)
	app.Write("after")
	app.Exit(0)
	if got, err := read(rc); got != "before\nafter\n" || err != nil {
		t.Errorf("the follower got %q, %v", got, err)
	}
}

// TestRotatedNamesByClock: files are named and removed by the node's clock, whatever the order is in which they were written.
func TestRotatedNamesByClock(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := start(t, sim.Options{Now: func() time.Time { return at }, MaxLogFiles: 3})
	pod := c.AddPod(sim.PodSpec{})
	app := pod.Container("app")
	for i, offset := range []time.Duration{0, -time.Hour, time.Second} {
		app.Write(string(rune('a' + i)))
		c.Node("node-1").SetClock(offset)
		app.Rotate(0)
	}
	a := ask(t, c.RESTConfig(), "/logs/pods/default_pod_"+pod.UID()+"/app/")
	if strings.Contains(a.text, "020405") || !strings.Contains(a.text, "0.log.20260102-030405") || !strings.Contains(a.text, "0.log.20260102-030406") {
		t.Errorf("the folder holds %q", a.text)
	}
	if got := strings.Join(app.OnDisk(), ""); got != "ac" {
		t.Errorf("on the disk is %q", got)
	}
}

// TestOddKubelets: each option of a log request can be ignored, and stamps can have another form.
func TestOddKubelets(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	one, since := int64(1), metav1.NewTime(at.Add(time.Hour))
	stamp := "2026-01-02T03:04:05.000000000Z "
	for _, test := range []struct {
		name    string
		kubelet sim.Kubelet
		o       corev1.PodLogOptions
		want    string
	}{
		{"follow", sim.Kubelet{NoFollow: true}, corev1.PodLogOptions{Follow: true}, "a\nb\n"},
		{"sinceTime", sim.Kubelet{NoSince: true}, corev1.PodLogOptions{SinceTime: &since}, "a\nb\n"},
		{"sinceSeconds", sim.Kubelet{NoSince: true}, corev1.PodLogOptions{SinceSeconds: &one}, "a\nb\n"},
		{"tailLines", sim.Kubelet{NoTail: true}, corev1.PodLogOptions{TailLines: &one}, "a\nb\n"},
		{"previous", sim.Kubelet{NoPrevious: true}, corev1.PodLogOptions{Previous: true}, "a\nb\n"},
		{"timestamps", sim.Kubelet{NoTimestamps: true}, corev1.PodLogOptions{Timestamps: true}, "a\nb\n"},
		{"limitBytes", sim.Kubelet{NoLimit: true}, corev1.PodLogOptions{LimitBytes: &one}, "a\nb\n"},
		{"the form of stamps", sim.Kubelet{StampLayout: time.Stamp}, corev1.PodLogOptions{Timestamps: true}, "Jan  2 03:04:05 a\nJan  2 03:04:05 b\n"},
		{"inotify", sim.Kubelet{NoInotify: true}, corev1.PodLogOptions{Follow: true, Timestamps: true},
			stamp + "a\n" + stamp + "b\nfailed to create fsnotify watcher: too many open files"},
		{"inotify without following", sim.Kubelet{NoInotify: true}, corev1.PodLogOptions{}, "a\nb\n"},
	} {
		c := start(t, sim.Options{Now: func() time.Time { return at }})
		app := c.AddPod(sim.PodSpec{}).Container("app")
		app.Write("of the previous instance")
		app.Restart()
		app.Write("a")
		app.Write("b")
		c.Node("node-1").SetKubelet(test.kubelet)
		if got, err := read(open(t, client(t, c.RESTConfig()), &test.o)); got != test.want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", test.name, got, err, test.want)
		}
	}
}

// TestRotationInALine: who reads on gets one line; who opens the new file gets its record as it is, under its own stamp.
func TestRotationInALine(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := start(t, sim.Options{})
	app := c.AddPod(sim.PodSpec{Policy: corev1.RestartPolicyNever}).Container("app")
	cs := client(t, c.RESTConfig())
	rc := open(t, cs, &corev1.PodLogOptions{Follow: true, Timestamps: true})
	following(t, app, 1)
	app.Append(sim.Record{Stamp: at, Text: "one ", Partial: true})
	app.Rotate(0)
	app.Append(sim.Record{Stamp: at.Add(time.Second), Text: "line"})
	late := open(t, cs, &corev1.PodLogOptions{Timestamps: true})
	if got, err := read(late); got != "2026-01-02T03:04:06.000000000Z line\n" || err != nil {
		t.Errorf("the new file is %q, %v", got, err)
	}
	app.Exit(0)
	if got, err := read(rc); got != "2026-01-02T03:04:05.000000000Z one line\n" || err != nil {
		t.Errorf("the follower got %q, %v", got, err)
	}
}
