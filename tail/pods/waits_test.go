package pods_test

import (
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"mktail/tail/pods"
)

// A container waits for the reason and with the message of the API, or with how its last instance ended, if it crashes again and again.
func TestWaits(t *testing.T) {
	waiting := func(reason, message string, last *corev1.ContainerStateTerminated) *corev1.Pod {
		return &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "app", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
			LastTerminationState: corev1.ContainerState{Terminated: last},
		}}}}
	}
	crashed := &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error"}
	ended := waiting("ImagePullBackOff", "", nil)
	ended.Status.Phase = corev1.PodFailed
	unscheduled := &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available"},
	}}}
	for name, tt := range map[string]struct {
		pod  *corev1.Pod
		want map[string]string
	}{
		"a message":              {waiting("ErrImagePull", "not found\n", nil), map[string]string{"app": "ErrImagePull (not found)"}},
		"no message":             {waiting("ContainerCreating", "", nil), map[string]string{"app": "ContainerCreating"}},
		"no reason":              {waiting("", "", nil), map[string]string{"app": "no reason is given"}},
		"a message alone":        {waiting("", "soon", nil), map[string]string{"app": "soon"}},
		"a loop of crashes":      {waiting("CrashLoopBackOff", "back-off 5m0s", crashed), map[string]string{"app": "CrashLoopBackOff (exited with 3)"}},
		"another after a crash":  {waiting("ImagePullBackOff", "not found", crashed), map[string]string{"app": "ImagePullBackOff (not found)"}},
		"a pod that waits":       {unscheduled, map[string]string{"": "Unschedulable (0/3 nodes are available)"}},
		"one that has ended":     {ended, nil},
		"nothing is known of it": {new(corev1.Pod), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := pods.New(tt.pod, false).Waits; !maps.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
