package pods

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// failures returns what failed of a pod that has ended. Of one that has succeeded nothing did: a sidecar is ended by a signal
// when the other containers have ended.
func failures(p *corev1.Pod) (all []string) {
	if p.Status.Phase == corev1.PodSucceeded {
		return nil
	}
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for _, c := range list {
			if t := c.State.Terminated; t != nil && t.ExitCode != 0 {
				all = append(all, fmt.Sprintf("%s exited with %d", c.Name, t.ExitCode))
			}
		}
	}
	if len(all) == 0 && p.Status.Phase == corev1.PodFailed {
		reason := p.Status.Reason
		if reason == "" {
			reason = "failed"
		}
		all = append(all, reason)
	}
	return all
}
