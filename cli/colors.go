package cli

import (
	"regexp"

	"mktail/emit"
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
