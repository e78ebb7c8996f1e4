package pods

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// State describes a pod for people.
type State struct {
	Lines  []string           // its phase, the conditions that do not hold, and each container with its state and restarts
	Failed map[string]Failure // by container, its last instance if that has failed
}

// Failure is an instance of a container that has ended with another exit code than 0.
type Failure struct {
	ID   ContainerID
	What string // such as "app exited with 1 (Error)"
}

// NewState describes p, of which it keeps nothing. No instance counts as failed in a pod that has succeeded, or is being deleted:
// there sidecars are ended by a signal.
func NewState(p *corev1.Pod) *State {
	st := &p.Status
	s := &State{Lines: []string{"phase: " + string(st.Phase) + withReason(st.Reason, st.Message)}, Failed: make(map[string]Failure)}
	if p.Spec.NodeName != "" {
		s.Lines = append(s.Lines, "node: "+p.Spec.NodeName)
	}
	if p.DeletionTimestamp != nil {
		s.Lines = append(s.Lines, "being deleted since "+p.DeletionTimestamp.UTC().Format(time.RFC3339))
	}
	for _, c := range st.Conditions {
		if c.Status != corev1.ConditionTrue && c.Reason != "" {
			s.Lines = append(s.Lines, fmt.Sprintf("condition %s: %s%s", c.Type, c.Status, withReason(c.Reason, c.Message)))
		}
	}
	countFailures := st.Phase != corev1.PodSucceeded && p.DeletionTimestamp == nil
	for _, of := range []struct {
		kind string
		list []corev1.ContainerStatus
	}{{"init container", st.InitContainerStatuses}, {"container", st.ContainerStatuses}, {"ephemeral container", st.EphemeralContainerStatuses}} {
		for _, c := range of.list {
			s.Lines = append(s.Lines, fmt.Sprintf("%s %s: %s", of.kind, c.Name, describe(c)))
			if t := cmp.Or(c.State.Terminated, c.LastTerminationState.Terminated); countFailures && t != nil && t.ExitCode != 0 {
				s.Failed[c.Name] = Failure{ContainerID(t.ContainerID), c.Name + " " + exited(t)}
			}
		}
	}
	return s
}

// describe describes the state of a container.
func describe(c corev1.ContainerStatus) string {
	var parts []string
	switch {
	case c.State.Running != nil && c.Ready:
		parts = append(parts, "running")
	case c.State.Running != nil:
		parts = append(parts, "running, not ready")
	case c.State.Terminated != nil:
		parts = append(parts, exited(c.State.Terminated))
	case c.State.Waiting != nil:
		parts = append(parts, "waiting: "+whyWaiting(c.State.Waiting.Reason, c.State.Waiting.Message))
	default:
		parts = append(parts, "waiting")
	}
	if n := c.RestartCount; n == 1 {
		parts = append(parts, "1 restart")
	} else {
		parts = append(parts, fmt.Sprintf("%d restarts", n))
	}
	if t := c.LastTerminationState.Terminated; t != nil {
		parts = append(parts, "the previous instance "+exited(t))
	}
	return strings.Join(parts, "; ")
}

// exited describes how an instance ended, and why.
func exited(t *corev1.ContainerStateTerminated) string {
	return ending(t) + withReason(t.Reason, t.Message)
}

// ending describes how an instance ended.
func ending(t *corev1.ContainerStateTerminated) string {
	if t.Signal != 0 {
		return fmt.Sprintf("was ended by signal %d", t.Signal)
	}
	return fmt.Sprintf("exited with %d", t.ExitCode)
}

// withReason appends the API's reason and message to a phrase.
func withReason(reason, message string) string {
	switch message = strings.TrimSpace(message); {
	case reason == "" && message == "":
		return ""
	case reason == "" || message == "":
		return " (" + reason + message + ")"
	}
	return " (" + reason + ": " + message + ")"
}
