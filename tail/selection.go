package tail

import (
	"regexp"
	"slices"
)

// Selection says which pods and containers are followed. An empty list of wanted patterns lets everything through.
type Selection struct {
	Namespaces    []string // exact names; empty: the namespace of each cluster's context
	AllNamespaces bool     // overrides Namespaces
	Labels        string   // a label selector

	Pods, ExcludePods             []*regexp.Regexp
	Containers, ExcludeContainers []*regexp.Regexp
}

func (s *Selection) pod(name string) bool {
	return matches(name, s.Pods, s.ExcludePods)
}

func (s *Selection) container(name string) bool {
	return matches(name, s.Containers, s.ExcludeContainers)
}

// matches tells whether name matches one of the wanted patterns and none of the excluded ones.
func matches(name string, wanted, excluded []*regexp.Regexp) bool {
	match := func(re *regexp.Regexp) bool { return re.MatchString(name) }
	return (len(wanted) == 0 || slices.ContainsFunc(wanted, match)) && !slices.ContainsFunc(excluded, match)
}
