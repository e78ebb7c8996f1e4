package pods

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"mktail/discover/glob"
)

// Selection says which pods and containers are followed. An empty list of wanted patterns lets everything through.
type Selection struct {
	Namespaces    []string // names, globs, and with "!" in front what is left out; empty: the namespace of each cluster's context
	AllNamespaces bool     // in place of Namespaces
	Labels        string   // a label selector, for the server
	Fields        string   // a field selector, for the server
	Node          string   // a glob for the names of nodes; empty: all
	Condition     *Condition

	Pods, ExcludePods             []*regexp.Regexp
	Owners                        []Owner // beside Pods: pods that match either
	NewestRevision                bool    // of Owners that are Deployments, StatefulSets or DaemonSets, only the pods of their newest revision
	Containers, ExcludeContainers []*regexp.Regexp

	NoInit, NoEphemeral bool           // leave these containers out
	DefaultContainer    bool           // only the one that kubectl would choose
	States              ContainerState // in which a container must be for an instance of it to be begun
}

// SelectsPod reports whether a pod may be followed, by its namespace, its node and ExcludePods. Its name, its owners and its
// condition the caller looks at.
func (s *Selection) SelectsPod(p *corev1.Pod) bool {
	if s.Node != "" && !glob.Match(s.Node, p.Spec.NodeName) || !s.SelectsNamespace(p.Namespace) {
		return false
	}
	return matches(p.Name, nil, s.ExcludePods)
}

// MatchesName reports whether a pod's name matches one of Pods, or there are none.
func (s *Selection) MatchesName(pod string) bool { return matches(pod, s.Pods, nil) }

// PodNames returns the names of the pods that are selected, if they are given by their exact names; none: others may be selected.
func (s *Selection) PodNames() (names []string) {
	for _, o := range s.Owners {
		if kind, ok := wellKnown(o.Kind); !ok || kind != podKind || len(validation.IsDNS1123Subdomain(o.Name)) > 0 { // a glob, for example
			return nil
		}
		names = append(names, o.Name)
	}
	if len(s.Pods) > 0 {
		return nil
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// SelectsContainer reports whether a container of p is to be followed, if p is. Its state the caller looks at.
func (s *Selection) SelectsContainer(p *Pod, name string) bool {
	switch kind := p.Containers[name].kind; {
	case s.NoInit && kind == initContainer, s.NoEphemeral && kind == ephemeralContainer:
		return false
	case s.DefaultContainer && name != p.defaultContainer:
		return false
	}
	return matches(name, s.Containers, s.ExcludeContainers)
}

// SelectsNamespace reports whether Namespaces selects a namespace. Without wanted ones it selects all but those left out.
func (s *Selection) SelectsNamespace(name string) bool {
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

// LiteralNamespaces reports whether the API need not be asked which namespaces are selected: those that are wanted are given by
// their exact names, or none is given, so that it is the context's.
func (s *Selection) LiteralNamespaces() bool {
	wanted := slices.DeleteFunc(slices.Clone(s.Namespaces), isExclusion)
	return len(s.Namespaces) == 0 || len(wanted) > 0 && !slices.ContainsFunc(wanted, glob.Is)
}

// NamedNamespaces returns the namespaces that are selected by exact names, sorted, each once.
func (s *Selection) NamedNamespaces() []string {
	names := slices.DeleteFunc(slices.Sorted(slices.Values(s.Namespaces)), func(p string) bool {
		return isExclusion(p) || glob.Is(p) || !s.SelectsNamespace(p)
	})
	return slices.Compact(names)
}

// Changeable reports whether a pod or container that is not selected now may be selected later although its labels, fields and
// name stay as they are. (Labels and Fields are the server's business: what it leaves out is not seen here.)
func (s *Selection) Changeable() bool {
	return s.Condition != nil || len(s.Owners) > 0 || s.States != 0
}

func isExclusion(namespace string) bool { return namespace[0] == '!' }

// matches reports whether name matches one of the wanted patterns, or there are none, and none of the excluded ones.
func matches(name string, wanted, excluded []*regexp.Regexp) bool {
	match := func(re *regexp.Regexp) bool { return re.MatchString(name) }
	return (len(wanted) == 0 || slices.ContainsFunc(wanted, match)) && !slices.ContainsFunc(excluded, match)
}
