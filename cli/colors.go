package cli

import (
	"regexp"

	"mktail/emit"
	"mktail/tail/report"
)

// sgr is the form of the numbers in a colour sequence.
var sgr = regexp.MustCompile(`^\d{1,3}(;\d{1,3})*$`)

// palette reads --cluster-colors, --pod-colors, --container-colors and --diff-container.
func (f *flags) palette() (p emit.Palette, err error) {
	p = emit.Palette{Clusters: f.ClusterColors, Pods: f.PodColors, Containers: f.ContainerColors, Diff: f.DiffContainer}
	for flag, list := range map[string][]string{"cluster-colors": p.Clusters, "pod-colors": p.Pods, "container-colors": p.Containers} {
		for _, color := range list {
			if !sgr.MatchString(color) {
				return p, usagef(on{flag}, "give the numbers of SGR sequences, such as 91 or 38;5;120", "--%s: %q is no colour", flag, color)
			}
		}
	}
	return p, nil
}

// colored reports whether text and templates have colours.
func (f *flags) colored(terminal bool, env func(string) string) bool {
	return f.Color == "always" || f.Color == "auto" && terminal && env("NO_COLOR") == "" && env("TERM") != "dumb"
}

// naming decides how lines and messages name pods.
type naming struct {
	prefix *emit.Prefix
	colors *emit.Colors
}

// naming reads --prefix-style and the flags of colours.
func (f *flags) naming() (*naming, error) {
	palette, err := f.palette()
	if err != nil {
		return nil, err
	}
	return &naming{emit.NewPrefix(emit.PrefixStyle(f.PrefixStyle)), emit.NewColors(palette)}, nil
}

// happened takes an event of the run.
func (n *naming) happened(e report.Event) {
	pod := emit.Source{Cluster: e.Cluster, Namespace: e.Namespace, Pod: e.Pod, UID: e.UID}
	switch e.Kind {
	case report.PodFound:
		n.prefix.Found(pod, e.Containers)
	case report.PodGone:
		n.prefix.Gone(pod)
		n.colors.Gone(pod)
	}
}
