package pods

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestFailures(t *testing.T) {
	ended := func(name string, code int32) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}}
	}
	killed := ended("main", 137)
	killed.State.Terminated.Reason = "OOMKilled"
	failed := ended("main", 1)
	failed.State.Terminated.Reason = "Error"
	type statuses = []corev1.ContainerStatus
	for name, tt := range map[string]struct {
		phase     corev1.PodPhase
		reason    string
		init, app statuses
		want      []string
	}{
		"all is well":                   {corev1.PodSucceeded, "", statuses{ended("prepare", 0)}, statuses{ended("main", 0)}, nil},
		"a sidecar ended by SIGTERM":    {corev1.PodSucceeded, "", statuses{ended("proxy", 143)}, statuses{ended("main", 0)}, nil},
		"a container":                   {corev1.PodFailed, "", nil, statuses{ended("main", 7), ended("side", 0)}, []string{"main exited with 7"}},
		"a container that was killed":   {corev1.PodFailed, "Evicted", nil, statuses{killed}, []string{"main exited with 137 (OOMKilled)"}},
		"a container of a pod that was": {corev1.PodFailed, "Evicted", nil, statuses{failed}, []string{"main exited with 1 (Evicted)"}},
		"a reason that says nothing":    {corev1.PodFailed, "", nil, statuses{failed}, []string{"main exited with 1"}},
		"an init container":             {corev1.PodFailed, "", statuses{ended("prepare", 1)}, statuses{{Name: "main"}}, []string{"prepare exited with 1"}},
		"evicted before anything began": {corev1.PodFailed, "Evicted", nil, nil, []string{"Evicted"}},
		"failed for a reason not told":  {corev1.PodFailed, "", nil, statuses{ended("main", 0)}, []string{"failed"}},
		"several, those of init first":  {corev1.PodFailed, "", statuses{ended("proxy", 143)}, statuses{ended("main", 7)}, []string{"proxy exited with 143", "main exited with 7"}},
	} {
		p := &corev1.Pod{Status: corev1.PodStatus{Phase: tt.phase, Reason: tt.reason, InitContainerStatuses: tt.init, ContainerStatuses: tt.app}}
		if got := failures(p); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
