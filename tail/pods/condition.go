package pods

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Condition is a condition of pods with its status, such as Ready=True.
type Condition struct {
	Type   string // in any case of letters
	Status corev1.ConditionStatus
}

// ParseCondition reads NAME or NAME=STATUS, as kubectl wait does. Without a status it is True; it may be written in any case of
// letters. Not ok: there is no name, or no such status.
func ParseCondition(s string) (c Condition, ok bool) {
	name, value, given := strings.Cut(s, "=")
	if !given {
		value = string(corev1.ConditionTrue)
	}
	for _, status := range []corev1.ConditionStatus{corev1.ConditionTrue, corev1.ConditionFalse, corev1.ConditionUnknown} {
		if strings.EqualFold(string(status), value) {
			return Condition{Type: name, Status: status}, name != ""
		}
	}
	return Condition{}, false
}

// Holds reports whether the pod has the condition with that status.
func (c *Condition) Holds(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(have corev1.PodCondition) bool {
		return strings.EqualFold(string(have.Type), c.Type) && have.Status == c.Status
	})
}
