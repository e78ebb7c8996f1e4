package cli

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"mktail/discover/glob"
	"mktail/tail/pods"
)

// selection reads the flags that choose pods and containers.
func (f *flags) selection() (s pods.Selection, err error) {
	s = pods.Selection{
		AllNamespaces: f.AllNamespaces, Node: f.Node, DefaultContainer: f.DefaultContainer,
		NoInit: !f.InitContainers, NoEphemeral: !f.Ephemeral,
	}
	var patterns []string
	if s.Owners, patterns, err = f.queries(); err != nil {
		return s, err
	}
	s.NewestRevision = f.Revision == "newest"
	if (s.NewestRevision || f.UntilReady) && len(s.Workloads()) == 0 {
		return s, usagef(on{"revision", "until-ready"}, "such as mktail deploy/web", "--revision newest and --until-ready need a Deployment, StatefulSet or DaemonSet, as KIND/NAME")
	}
	if s.Namespaces, err = f.namespaces(); err != nil {
		return s, err
	}
	if f.Selector != nil {
		if _, err := labels.Parse(*f.Selector); err != nil {
			return s, usagef(on{"selector"}, "see kubectl's label selectors, such as app=web,release!=canary", "reading -l %q: %w", *f.Selector, err)
		}
		s.Labels = *f.Selector
	}
	if f.FieldSelector != nil {
		_, err := fields.ParseSelector(*f.FieldSelector)
		if *f.FieldSelector == "" {
			err = errors.New("it is empty")
		}
		if err != nil {
			return s, usagef(on{"field-selector"}, "see kubectl's field selectors, such as status.phase=Running", "reading --field-selector %q: %w", *f.FieldSelector, err)
		}
		s.Fields = *f.FieldSelector
	}
	if err := glob.Check(f.Node); err != nil {
		return s, usagef(on{"node"}, "give a name or a glob, such as 'gpu-*'", "reading --node %q: %w", f.Node, err)
	}
	if f.Condition != "" {
		c, ok := pods.ParseCondition(f.Condition)
		if !ok {
			return s, usagef(on{"condition"}, "give a name, or NAME=true, false or unknown", "--condition %q is no condition", f.Condition)
		}
		s.Condition = &c
	}
	if s.States, err = f.states(); err != nil {
		return s, err
	}
	for _, list := range []struct {
		name     string
		patterns []string
		into     *[]*regexp.Regexp
	}{
		{"", patterns, &s.Pods},
		{"exclude-pod", f.ExcludePod, &s.ExcludePods},
		{"container", f.Container, &s.Containers},
		{"exclude-container", f.ExcludeContainer, &s.ExcludeContainers},
	} {
		if *list.into, err = compile(list.name, list.patterns); err != nil {
			return s, err
		}
		if err := checkNames(list.name, list.patterns); err != nil {
			return s, err
		}
	}
	return s, nil
}

// queries reads the arguments: KIND/NAME, and patterns of the names of pods.
func (f *flags) queries() (owners []pods.Owner, patterns []string, err error) {
	for _, q := range f.Query {
		switch owner, ok := pods.ParseOwner(q); {
		case ok && f.UntilDone && owner.Endless():
			return nil, nil, usagef(on{"until-done"}, "it is for pods, job/NAME and cronjob/NAME; to wait for a line use --until", "--until-done: %s does not end", q)
		case ok && glob.Check(owner.Name) == nil:
			owners = append(owners, owner)
		case strings.Contains(q, "/"):
			return nil, nil, usagef(nil, "give KIND/NAME, such as deploy/web, or a regular expression on pod names", "QUERY %q is neither", q)
		default:
			patterns = append(patterns, q)
		}
	}
	return owners, patterns, nil
}

// namespaces reads -n.
func (f *flags) namespaces() (all []string, err error) {
	var wanted, out []string
	for _, list := range f.Namespace {
		for ns := range strings.SplitSeq(list, ",") {
			ns = strings.TrimSpace(ns)
			name, negated := strings.CutPrefix(ns, "!")
			if glob.Is(name) {
				err = glob.Check(name)
			} else if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
				err = errors.New(problems[0])
			}
			if err != nil {
				return nil, usagef(on{"namespace"}, "give names or globs, with ! before what to leave out", "-n %q is no name of a namespace: %w", ns, err)
			}
			if all = append(all, ns); negated {
				out = append(out, name)
			} else {
				wanted = append(wanted, name)
			}
		}
	}
	kept := func(ns string) bool {
		return glob.Is(ns) || !slices.ContainsFunc(out, func(p string) bool { return glob.Match(p, ns) })
	}
	if len(wanted) > 0 && !slices.ContainsFunc(wanted, kept) {
		return nil, usagef(on{"namespace"}, "leave one of them out", "-n %s leaves out all that it names", strings.Join(all, ","))
	}
	return all, nil
}

// states reads --container-state.
func (f *flags) states() (all pods.ContainerState, err error) {
	for _, name := range f.ContainerState {
		one, ok := map[string]pods.ContainerState{
			"running": pods.Running, "waiting": pods.Waiting, "terminated": pods.Terminated,
			"all": pods.Running | pods.Waiting | pods.Terminated,
		}[strings.ToLower(name)]
		if !ok {
			return 0, usagef(on{"container-state"}, "give running, waiting, terminated or all", "--container-state %q is no state", name)
		}
		all |= one
	}
	return all, nil
}
