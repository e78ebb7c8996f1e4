package tail

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"mktail/discover/glob"
	"mktail/tail/pods"
)

// options are what pods are listed and watched by: what the server selects by, and a name. A role may be about objects of certain
// names: it allows lists and watches that ask for one of them.
func (w *podWatch) options() metav1.ListOptions {
	o := w.selectors()
	if len(w.byName.names) == 1 {
		o.FieldSelector = strings.TrimPrefix(o.FieldSelector+",metadata.name="+w.byName.names[0], ",")
	}
	return o
}

// selectors are what the server selects pods by that may change for a pod.
func (w *podWatch) selectors() metav1.ListOptions {
	o := metav1.ListOptions{LabelSelector: w.c.o.Labels, FieldSelector: w.c.o.Fields}
	if node := w.c.o.Node; node != "" && !glob.Is(node) && !strings.Contains(node, `\`) {
		o.FieldSelector = strings.TrimPrefix(o.FieldSelector+",spec.nodeName="+node, ",")
	}
	return o
}

// selects reports whether the containers of a pod are to be followed, as far as is known: where owners are asked for, those of
// the pod may have to be looked up first.
func (w *podWatch) selects(p *corev1.Pod) (selected, known bool) {
	o, st := &w.c.o.Selection, w.pods.get(pods.Identity(p))
	followed := st != nil && st.followed()
	switch {
	case !o.SelectsPod(p), o.Condition != nil && !o.Condition.Holds(p) && !(followed && pods.Ending(p)):
		return false, true
	case len(o.Owners) == 0:
		return o.MatchesName(p.Name), true
	}
	found, known := w.c.owners.Matching(p)
	found = append(found, w.services.Matching(p)...)
	found = slices.DeleteFunc(found, func(i int) bool { return w.rollouts.leavesOut(w.c, o.Owners[i], p) })
	for _, i := range found {
		w.found[i] = true
	}
	return len(found) > 0 || len(o.Pods) > 0 && o.MatchesName(p.Name), known
}

// waitedFor reports whether a Job or workload, which these queries ask for, is waited for. One that is asked for by its name is. Of those that
// a pattern asks for it depends on --selector, as it does which pods are followed: the labels of its pod template count.
func (w *podWatch) waitedFor(queries []string, podLabels map[string]string) bool {
	return slices.ContainsFunc(queries, func(q string) bool { return !glob.Is(q) }) || w.labels.Matches(labels.Set(podLabels))
}
