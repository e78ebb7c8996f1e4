package pods

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// waits returns why containers of a pod wait to be started, by their names; nil: none does. Where the pod waits for a node, it is
// one reason, of the container "".
func waits(p *corev1.Pod) map[string]string {
	all := make(map[string]string)
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			all[""] = whyWaiting(c.Reason, c.Message)
		}
	}
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses) {
		w := c.State.Waiting
		if w == nil {
			continue
		}
		message := w.Message
		if last := c.LastTerminationState.Terminated; last != nil && w.Reason == "CrashLoopBackOff" { // its message is how long it waits
			message = ending(last)
		}
		all[c.Name] = whyWaiting(w.Reason, message)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// whyWaiting returns the reason that the API gives for waiting, with its message, as far as there are any.
func whyWaiting(reason, message string) string {
	message = strings.TrimSpace(message)
	if reason != "" && message != "" {
		return reason + " (" + message + ")"
	}
	return cmp.Or(reason, message, "no reason is given")
}
