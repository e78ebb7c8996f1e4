package pods

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// waits returns why containers of a pod wait to be started, by their names; nil: none does. Where the pod waits for a node, it is one reason,
// of the container "".
func waits(p *corev1.Pod) map[string]string {
	all := make(map[string]string)
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			all[""] = reasonWith(c.Reason, c.Message)
		}
	}
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses) {
		w := c.State.Waiting
		if w == nil {
			continue
		}
		message := w.Message
		if last := c.LastTerminationState.Terminated; last != nil {
			message = fmt.Sprintf("exited with %d", last.ExitCode)
		}
		all[c.Name] = reasonWith(w.Reason, message)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// reasonWith returns a reason with its message, as far as there are any.
func reasonWith(reason, message string) string {
	switch {
	case reason == "" && message == "":
		return "no reason is given"
	case reason == "":
		return message
	case message == "":
		return reason
	}
	return reason + " (" + message + ")"
}
