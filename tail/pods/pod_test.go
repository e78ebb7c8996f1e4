package pods_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"mktail/tail/pods"
)

// running, terminated and waiting are states of a container; times are in Unix seconds.
func running(started int64) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Unix(started, 0)}}
}

func terminated(id string, code int32, started, finished int64) corev1.ContainerState {
	t := &corev1.ContainerStateTerminated{ContainerID: id, ExitCode: code}
	if started != 0 {
		t.StartedAt = metav1.Unix(started, 0)
	}
	if finished != 0 {
		t.FinishedAt = metav1.Unix(finished, 0)
	}
	return corev1.ContainerState{Terminated: t}
}

func waiting() corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
}

func named(names ...string) (all []corev1.Container) {
	for _, name := range names {
		all = append(all, corev1.Container{Name: name, Image: "image/" + name})
	}
	return all
}

// everything is a pod with containers of every kind; the API has told of some.
func everything() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "u-1", CreationTimestamp: metav1.Unix(1000, 0),
			Labels: map[string]string{"app": "web"}, Annotations: map[string]string{"note": "x"}},
		Spec: corev1.PodSpec{
			NodeName:            "node-1",
			InitContainers:      named("setup", "late"),
			Containers:          named("app", "side", "new"),
			EphemeralContainers: []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug", Image: "image/debug"}}, {EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "untold", Image: "image/untold"}}},
		},
		Status: corev1.PodStatus{
			Phase:                      corev1.PodRunning,
			InitContainerStatuses:      []corev1.ContainerStatus{{Name: "setup", State: terminated("c-0", 0, 1, 2)}},
			ContainerStatuses:          []corev1.ContainerStatus{{Name: "app", ContainerID: "c-1", State: running(3)}, {Name: "side", State: waiting()}},
			EphemeralContainerStatuses: []corev1.ContainerStatus{{Name: "debug", ContainerID: "c-2", State: running(4)}},
		},
	}
}

// defaultOf returns the container of p that kubectl would choose.
func defaultOf(p *pods.Pod) (name string) {
	s := pods.Selection{DefaultContainer: true}
	for _, one := range p.Order {
		if s.SelectsContainer(p, one) {
			name += one
		}
	}
	return name
}

func TestNew(t *testing.T) {
	p := pods.New(everything(), false)
	if p.UID != "u-1" || p.Namespace != "shop" || p.Name != "web" || p.Node != "node-1" || p.Created.Unix() != 1000 || p.LogUID != "u-1" ||
		defaultOf(p) != "app" || p.Ended || p.Failures != nil || p.Details != nil {
		t.Errorf("pod %+v", p)
	}
	if want := []string{"setup", "late", "app", "side", "new", "debug"}; !slices.Equal(p.Order, want) {
		t.Errorf("order %q, want %q", p.Order, want)
	}
	if got := slices.Sorted(maps.Keys(p.Containers)); !slices.Equal(got, []string{"app", "debug", "late", "new", "setup", "side"}) {
		t.Errorf("containers %q", got)
	}
	for name, want := range map[string]pods.ContainerState{"setup": pods.Terminated, "late": 0, "app": pods.Running, "side": pods.Waiting, "new": 0, "debug": pods.Running} {
		if got := p.Containers[name].State; got != want {
			t.Errorf("%s: state %d, want %d", name, got, want)
		}
	}
	only := func(s pods.Selection) (all []string) {
		for _, name := range p.Order {
			if s.SelectsContainer(p, name) {
				all = append(all, name)
			}
		}
		return all
	}
	if got := only(pods.Selection{NoInit: true, NoEphemeral: true}); !slices.Equal(got, []string{"app", "side", "new"}) {
		t.Errorf("neither init nor ephemeral: %q", got)
	}
	if got := only(pods.Selection{NoInit: true}); !slices.Equal(got, []string{"app", "side", "new", "debug"}) {
		t.Errorf("not init: %q", got)
	}
	if got := only(pods.Selection{NoEphemeral: true}); !slices.Equal(got, []string{"setup", "late", "app", "side", "new"}) {
		t.Errorf("not ephemeral: %q", got)
	}
	if got := only(pods.Selection{DefaultContainer: true}); !slices.Equal(got, []string{"app"}) {
		t.Errorf("the default one: %q", got)
	}

	detailed := pods.New(everything(), true)
	want := &pods.Details{Labels: map[string]string{"app": "web"}, Annotations: map[string]string{"note": "x"}, Images: map[string]string{
		"setup": "image/setup", "late": "image/late", "app": "image/app", "side": "image/side", "new": "image/new", "debug": "image/debug", "untold": "image/untold"}}
	if !reflect.DeepEqual(detailed.Details, want) {
		t.Errorf("details %+v, want %+v", detailed.Details, want)
	}
	if one := pods.New(&corev1.Pod{Spec: corev1.PodSpec{Containers: named("only")}}, false); defaultOf(one) != "only" {
		t.Errorf("the default container is %q", defaultOf(one))
	}
	if empty := pods.New(&corev1.Pod{}, false); defaultOf(empty) != "" || len(empty.Order) != 0 || empty.Ended {
		t.Errorf("an empty pod: %+v", empty)
	}
}

func TestNewByAnnotations(t *testing.T) {
	for _, tt := range []struct{ annotation, value, uid, identity, container string }{
		{"kubernetes.io/config.mirror", "hash", "hash", "hash/shop/web", "app"},
		{"kubernetes.io/config.mirror", "", "u-1", "u-1", "app"},
		{"kubernetes.io/config.hash", "hash", "u-1", "u-1", "app"}, // a copy of a mirror
		{"kubectl.kubernetes.io/default-container", "side", "u-1", "u-1", "side"},
		{"kubectl.kubernetes.io/default-container", "debug", "u-1", "u-1", "debug"},
		{"kubectl.kubernetes.io/default-container", "none", "u-1", "u-1", "app"},
	} {
		in := everything()
		in.Annotations[tt.annotation] = tt.value
		if p := pods.New(in, false); p.LogUID != tt.uid || p.Identity != tt.identity || defaultOf(p) != tt.container {
			t.Errorf("%s=%s: log UID %s, identity %s, default container %s", tt.annotation, tt.value, p.LogUID, p.Identity, defaultOf(p))
		}
	}
}

// The instances of a container follow the kubelet's choice of which log it serves.
func TestStatus(t *testing.T) {
	type instance = pods.Instance
	before := terminated("c-0", 1, 10, 20)
	for _, tt := range []struct {
		name              string
		state, last       corev1.ContainerState
		restarts          int32
		want              pods.ContainerState
		current, previous instance
	}{
		{"runs for the first time", running(30), corev1.ContainerState{}, 0, pods.Running,
			instance{ID: "c-1", Running: true, Started: 30}, instance{Previous: true}},
		{"runs again", running(30), before, 3, pods.Running,
			instance{ID: "c-1", Restarts: 3, Running: true, Started: 30}, instance{ID: "c-0", Restarts: 2, Previous: true, Started: 10, Finished: 20, Outcome: pods.Outcome{Code: 1}}},
		{"has ended", terminated("c-1", 0, 30, 40), before, 3, pods.Terminated,
			instance{ID: "c-1", Restarts: 3, Started: 30, Finished: 40}, instance{ID: "c-0", Restarts: 2, Previous: true, Started: 10, Finished: 20, Outcome: pods.Outcome{Code: 1}}},
		{"has ended, at unknown times", terminated("c-1", 0, 0, 0), corev1.ContainerState{}, 0, pods.Terminated,
			instance{ID: "c-1"}, instance{Previous: true}},
		{"has ended and never began", terminated("", 1, 0, 40), before, 3, pods.Waiting,
			instance{ID: "c-0", Restarts: 3, Started: 10, Finished: 20, Outcome: pods.Outcome{Code: 1}}, instance{Previous: true}},
		{"waits", waiting(), before, 3, pods.Waiting,
			instance{ID: "c-0", Restarts: 3, Started: 10, Finished: 20, Outcome: pods.Outcome{Code: 1}}, instance{Previous: true}},
		{"waits for the first time", waiting(), corev1.ContainerState{}, 0, pods.Waiting, instance{}, instance{Previous: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := pods.New(&corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
				{Name: "app", ContainerID: "c-1", RestartCount: tt.restarts, State: tt.state, LastTerminationState: tt.last}}}}, false)
			s := p.Containers["app"]
			if s.State != tt.want || s.Current != tt.current || s.Previous != tt.previous {
				t.Errorf("state %d, current %+v, previous %+v", s.State, s.Current, s.Previous)
			}
			if s.Final || s.Deleting != 0 {
				t.Errorf("final %v, deleting %d", s.Final, s.Deleting)
			}
			only := s.OnlyPrevious()
			want := tt.previous
			if tt.want == pods.Waiting {
				want = tt.current
			}
			want.Previous = true
			if only.Current != want || only.Previous != (instance{}) || !only.Final || only.State != s.State {
				t.Errorf("only the previous: %+v", only)
			}
		})
	}
}

// A container is final where the pod has ended and it does not run.
func TestFinal(t *testing.T) {
	for _, tt := range []struct {
		phase  corev1.PodPhase
		state  corev1.ContainerState
		ended  bool
		final  bool
		failed string
	}{
		{corev1.PodRunning, terminated("c-1", 1, 1, 2), false, false, ""},
		{corev1.PodSucceeded, terminated("c-1", 1, 1, 2), true, true, ""},
		{corev1.PodFailed, terminated("c-1", 1, 1, 2), true, true, "app exited with 1"},
		{corev1.PodFailed, running(1), true, false, "failed"},
		{corev1.PodPending, waiting(), false, false, ""},
		{"", waiting(), false, false, ""},
	} {
		p := pods.New(&corev1.Pod{Status: corev1.PodStatus{Phase: tt.phase, ContainerStatuses: []corev1.ContainerStatus{{Name: "app", State: tt.state}}}}, false)
		if s := p.Containers["app"]; p.Ended != tt.ended || s.Final != tt.final || strings.Join(p.Failures, ",") != tt.failed {
			t.Errorf("%s, %+v: ended %v, final %v, failures %q", tt.phase, tt.state, p.Ended, s.Final, p.Failures)
		}
	}
}

// A deletion begins when the grace period does, of which the API tells the end.
func TestDeleting(t *testing.T) {
	for _, tt := range []struct {
		grace *int64
		want  pods.Seconds
	}{{nil, 5000}, {ptr.To[int64](30), 4970}} {
		in := everything()
		in.DeletionTimestamp, in.DeletionGracePeriodSeconds = ptr.To(metav1.Unix(5000, 0)), tt.grace
		p := pods.New(in, false)
		for _, name := range []string{"setup", "app", "debug"} {
			if got := p.Containers[name].Deleting; got != tt.want {
				t.Errorf("%s: deleting since %d, want %d", name, got, tt.want)
			}
		}
	}
}

// Whether a container is started again is up to its kind, the pod's policy, and its own.
func TestEnded(t *testing.T) {
	const always, onFailure, never = corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever
	own := corev1.ContainerRestartPolicyAlways
	ownNever := corev1.ContainerRestartPolicyNever
	for _, tt := range []struct {
		kind   string // of the container that has ended
		policy corev1.RestartPolicy
		own    *corev1.ContainerRestartPolicy
		code   int32
		want   bool
	}{
		{"app", always, nil, 0, false}, {"app", always, nil, 1, false},
		{"app", onFailure, nil, 0, true}, {"app", onFailure, nil, 1, false},
		{"app", never, nil, 0, true}, {"app", never, nil, 1, true},
		{"app", never, &own, 1, false}, {"app", always, &ownNever, 1, true},
		{"init", always, nil, 0, true}, {"init", always, nil, 1, false},
		{"init", onFailure, nil, 1, false}, {"init", never, nil, 1, true},
		{"init", always, &own, 0, false}, {"init", never, &own, 0, false},
		{"ephemeral", always, nil, 1, true}, {"ephemeral", onFailure, nil, 1, true},
	} {
		for _, ended := range []bool{true, false} {
			status := []corev1.ContainerStatus{{Name: "x", State: terminated("c-1", tt.code, 1, 2)}}
			if !ended {
				status[0].State = running(1)
			}
			// Another container's own policy doesn't count.
			in := &corev1.Pod{Spec: corev1.PodSpec{RestartPolicy: tt.policy, Containers: []corev1.Container{{Name: "other", RestartPolicy: &own}, {Name: "other2", RestartPolicy: &ownNever}}}}
			container := corev1.Container{Name: "x", RestartPolicy: tt.own}
			switch tt.kind {
			case "app":
				in.Spec.Containers = append(in.Spec.Containers, container)
				in.Status.ContainerStatuses = status
			case "init":
				in.Spec.InitContainers = append(in.Spec.InitContainers, container)
				in.Status.InitContainerStatuses = status
			case "ephemeral":
				in.Status.EphemeralContainerStatuses = status
			}
			if got, want := pods.New(in, false).Containers["x"].Ended, tt.want && ended; got != want {
				t.Errorf("%s, %s, own %v, exit code %d, ended %v: %v", tt.kind, tt.policy, tt.own, tt.code, ended, got)
			}
		}
	}
}

// The API tells whole seconds, so that an instance began or ended before the end of the second; an unknown time is now.
func TestBeginEnd(t *testing.T) {
	in := pods.Instance{Started: 10, Finished: 20}
	if in.Begin() != 11*int64(time.Second) || in.End() != 21*int64(time.Second) {
		t.Errorf("from %d to %d", in.Begin(), in.End())
	}
	before := time.Now().UnixNano()
	unknown := pods.Instance{}
	begin, end := unknown.Begin(), unknown.End()
	if after := time.Now().UnixNano(); begin < before || begin > after || end < before || end > after {
		t.Errorf("unknown: from %d to %d, now %d", begin, end, before)
	}
}
