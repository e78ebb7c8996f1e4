package pods

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"mktail/discover/glob"
)

// Selection says which pods and containers are followed. An empty list of wanted patterns lets everything through.
type Selection struct {
	Namespaces    []string // names, globs, and with "!" what is left out; empty: the namespace of each cluster's context
	AllNamespaces bool     // in place of Namespaces
	Labels        string   // a label selector
	Fields        string   // a field selector
	Node          string   // a glob on the names of nodes; empty: all
	Condition     *Condition

	Pods, ExcludePods             []*regexp.Regexp
	Owners                        []Owner // beside Pods: pods that match either
	Containers, ExcludeContainers []*regexp.Regexp

	NoInit, NoEphemeral bool           // leave these containers out
	DefaultContainer    bool           // only the one that kubectl would choose
	States              ContainerState // in which a container must be for an instance of it to be begun; 0: any
}

// Condition is a condition of pods that must hold for a pod to be followed.
type Condition struct {
	Type   string // in any case of letters
	Status corev1.ConditionStatus
}

// ParseCondition reads NAME or NAME=VALUE, as kubectl wait has it. Without a value it is true.
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

func (c *Condition) Holds(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(have corev1.PodCondition) bool {
		return strings.EqualFold(string(have.Type), c.Type) && have.Status == c.Status
	})
}

// ending tells whether nothing more is written in a pod for now but last lines: it is being deleted, or no container runs.
func Ending(p *corev1.Pod) bool {
	runs := func(c corev1.ContainerStatus) bool { return c.State.Running != nil }
	st := &p.Status
	return p.DeletionTimestamp != nil || !slices.ContainsFunc(slices.Concat(st.InitContainerStatuses, st.ContainerStatuses, st.EphemeralContainerStatuses), runs)
}

// ContainerState is a set of states of containers.
type ContainerState int

// The states of containers, as the API has them.
const (
	Running ContainerState = 1 << iota
	Waiting
	Terminated
)

func (s ContainerState) Has(one ContainerState) bool { return s == 0 || s&one != 0 }

// pod tells whether a pod may be followed, by all but its name's patterns and its owners.
func (s *Selection) Pod(p *corev1.Pod) bool {
	if s.Node != "" && !glob.Match(s.Node, p.Spec.NodeName) || !s.Namespace(p.Namespace) {
		return false
	}
	return Matches(p.Name, nil, s.ExcludePods)
}

// container tells whether a container of a pod is to be followed.
func (s *Selection) Container(p *Pod, name string) bool {
	switch kind := p.Containers[name].kind; {
	case s.NoInit && kind == initContainer, s.NoEphemeral && kind == ephemeralContainer:
		return false
	case s.DefaultContainer && name != p.Default:
		return false
	}
	return Matches(name, s.Containers, s.ExcludeContainers)
}

// literal tells whether the API need not be asked which namespaces are selected: those of exact names are, or that of the
// context.
func (s *Selection) Literal() bool {
	wanted := slices.DeleteFunc(slices.Clone(s.Namespaces), func(p string) bool { return p[0] == '!' })
	return len(s.Namespaces) == 0 || len(wanted) > 0 && !slices.ContainsFunc(wanted, glob.Is)
}

// Changeable reports whether a pod or container that is not selected now may be selected later although its labels, fields and
// name stay as they are. (Labels and Fields the server looks at: what it leaves out is not seen here.)
func (s *Selection) Changeable() bool {
	return s.Condition != nil || len(s.Owners) > 0 || s.States != 0
}

// named are the namespaces that are selected by exact names, each once.
func (s *Selection) Named() []string {
	all := slices.DeleteFunc(slices.Sorted(slices.Values(s.Namespaces)), func(p string) bool { return p[0] == '!' || glob.Is(p) || !s.Namespace(p) })
	return slices.Compact(all)
}

// namespace tells whether a namespace is selected. Where none are given, only that of the context is looked at.
func (s *Selection) Namespace(name string) bool {
	wanted, all := false, true
	for _, p := range s.Namespaces {
		if out, ok := strings.CutPrefix(p, "!"); ok {
			if glob.Match(out, name) {
				return false
			}
			continue
		}
		all = false
		wanted = wanted || glob.Match(p, name)
	}
	return wanted || all
}

// matches tells whether name matches one of the wanted patterns and none of the excluded ones.
func Matches(name string, wanted, excluded []*regexp.Regexp) bool {
	match := func(re *regexp.Regexp) bool { return re.MatchString(name) }
	return (len(wanted) == 0 || slices.ContainsFunc(wanted, match)) && !slices.ContainsFunc(excluded, match)
}
