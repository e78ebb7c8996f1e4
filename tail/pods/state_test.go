package pods_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/tail/pods"
)

// TestState tests what is said of a pod, and which containers have failed.
func TestState(t *testing.T) {
	ended := func(code int32, reason string) *corev1.ContainerStateTerminated {
		return &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, ContainerID: "id"}
	}
	running := corev1.ContainerState{Running: new(corev1.ContainerStateRunning)}
	status := func(all ...corev1.ContainerStatus) corev1.PodStatus {
		return corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: all}
	}
	deleted := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	for name, tt := range map[string]struct {
		pod    corev1.Pod
		lines  string
		failed string
	}{
		"running": {corev1.Pod{Spec: corev1.PodSpec{NodeName: "n1"}, Status: status(corev1.ContainerStatus{Name: "app", State: running, Ready: true})},
			"phase: Running\nnode: n1\ncontainer app: running; 0 restarts", ""},
		"not ready": {corev1.Pod{Status: status(corev1.ContainerStatus{Name: "app", State: running, RestartCount: 1, LastTerminationState: corev1.ContainerState{Terminated: ended(137, "OOMKilled")}})},
			"phase: Running\ncontainer app: running, not ready; 1 restart; the previous instance exited with 137 (OOMKilled)", "app exited with 137 (OOMKilled)"},
		"waiting": {corev1.Pod{Status: status(corev1.ContainerStatus{Name: "app", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "Back-off pulling image \"x\""}}})},
			"phase: Running\ncontainer app: waiting: ImagePullBackOff (Back-off pulling image \"x\"); 0 restarts", ""},
		"not reported yet": {corev1.Pod{Status: status(corev1.ContainerStatus{Name: "app"})}, "phase: Running\ncontainer app: waiting; 0 restarts", ""},
		"not scheduled": {corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available"}, {Type: corev1.PodReady, Status: corev1.ConditionTrue, Reason: "x"},
		}}}, "phase: Pending\ncondition PodScheduled: False (Unschedulable: 0/3 nodes are available)", ""},
		"evicted": {corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "The node was low on memory."}},
			"phase: Failed (Evicted: The node was low on memory.)", ""},
		"ended": {corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed,
			InitContainerStatuses:      []corev1.ContainerStatus{{Name: "setup", State: corev1.ContainerState{Terminated: ended(0, "Completed")}}},
			ContainerStatuses:          []corev1.ContainerStatus{{Name: "app", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 139, Signal: 11, Message: "segfault\n"}}, RestartCount: 2}},
			EphemeralContainerStatuses: []corev1.ContainerStatus{{Name: "debug", State: running, Ready: true}},
		}}, "phase: Failed\ninit container setup: exited with 0 (Completed); 0 restarts\ncontainer app: was ended by signal 11 (segfault); 2 restarts\nephemeral container debug: running; 0 restarts",
			"app was ended by signal 11 (segfault)"},
		"being deleted": {corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &deleted}, Status: status(corev1.ContainerStatus{Name: "app", State: corev1.ContainerState{Terminated: ended(143, "Error")}})},
			"phase: Running\nbeing deleted since 2026-01-02T03:04:05Z\ncontainer app: exited with 143 (Error); 0 restarts", ""},
		"succeeded, with a sidecar": {corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodSucceeded, ContainerStatuses: []corev1.ContainerStatus{{Name: "proxy", State: corev1.ContainerState{Terminated: ended(143, "Error")}}}}},
			"phase: Succeeded\ncontainer proxy: exited with 143 (Error); 0 restarts", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := pods.NewState(&tt.pod)
			if got := strings.Join(s.Lines, "\n"); got != tt.lines {
				t.Errorf("lines:\n%s\nwant:\n%s", got, tt.lines)
			}
			var failed []string
			for _, name := range slices.Sorted(maps.Keys(s.Failed)) {
				failed = append(failed, s.Failed[name].What)
			}
			if got := strings.Join(failed, ", "); got != tt.failed {
				t.Errorf("failed: %s, want %s", got, tt.failed)
			}
		})
	}
}
