package pods

import (
	"cmp"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Exit is how a container has ended.
type Exit struct {
	Code int
	At   time.Time
}

// exits returns how the containers of a pod that has ended did so.
func exits(p *corev1.Pod) map[string]Exit {
	all := make(map[string]Exit)
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for _, c := range list {
			if t := c.State.Terminated; t != nil {
				all[c.Name] = Exit{int(t.ExitCode), t.FinishedAt.Time}
			}
		}
	}
	return all
}

// failures returns what failed of a pod that has ended. Of one that has succeeded nothing did: a sidecar is ended by a signal
// when the other containers have ended.
func failures(p *corev1.Pod) (all []string) {
	if p.Status.Phase == corev1.PodSucceeded {
		return nil
	}
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for _, c := range list {
			if t := c.State.Terminated; t != nil && t.ExitCode != 0 {
				all = append(all, c.Name+" "+ending(t)+because(t.Reason, p.Status.Reason))
			}
		}
	}
	if len(all) == 0 && p.Status.Phase == corev1.PodFailed {
		all = append(all, cmp.Or(p.Status.Reason, "failed"))
	}
	return all
}

// because returns the first reason that tells more than an exit code does, in parentheses.
func because(reasons ...string) string {
	for _, reason := range reasons {
		if reason != "" && reason != "Error" {
			return " (" + reason + ")"
		}
	}
	return ""
}
