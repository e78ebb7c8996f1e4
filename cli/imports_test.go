package cli

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImports tests which packages may not depend on which, directly or through others. An entry of allowed is an exception
// to forbidden.
func TestImports(t *testing.T) {
	for _, tt := range []struct {
		pkg       string
		forbidden []string
		allowed   []string
	}{
		{pkg: "mktail/emit", forbidden: []string{"k8s.io/", "mktail/", "github.com/alecthomas/kong", "github.com/itchyny/gojq"}, allowed: []string{"mktail/emit/applog"}},
		{pkg: "mktail/emit/applog", forbidden: []string{"k8s.io/", "mktail/", "github.com/"}},
		{pkg: "mktail/emit/jq", forbidden: []string{"k8s.io/", "mktail/", "github.com/alecthomas/kong"}, allowed: []string{"mktail/emit", "mktail/emit/applog"}},
		{pkg: "mktail/cli/verdict", forbidden: []string{"mktail/", "github.com/alecthomas/kong"}, allowed: []string{"mktail/emit", "mktail/emit/applog", "mktail/emit/jq", "mktail/tail/kube", "mktail/tail/kube/children", "mktail/tail/kube/plugin", "mktail/tail/report"}},
		{pkg: "mktail/discover", forbidden: []string{"mktail/", "github.com/alecthomas/kong"}, allowed: []string{"mktail/discover/glob"}},
		{pkg: "mktail/discover/glob", forbidden: []string{"k8s.io/", "mktail/", "github.com/"}},
		{pkg: "mktail/tail", forbidden: []string{"mktail/cli", "mktail/discover", "github.com/alecthomas/kong"}, allowed: []string{"mktail/discover/glob"}},
		{pkg: "mktail/tail/logline", forbidden: []string{"k8s.io/", "mktail/"}},
		{pkg: "mktail/tail/position", forbidden: []string{"k8s.io/", "mktail/"}},
		{pkg: "mktail/tail/kube", forbidden: []string{"mktail/"}, allowed: []string{"mktail/tail/kube/children", "mktail/tail/kube/plugin"}},
		{pkg: "mktail/tail/kube/plugin", forbidden: []string{"mktail/"}, allowed: []string{"mktail/tail/kube/children"}},
		{pkg: "mktail/tail/kube/children", forbidden: []string{"k8s.io/", "mktail/"}},
		{pkg: "mktail/tail/pods", forbidden: []string{"mktail/"}, allowed: []string{"mktail/tail/kube", "mktail/tail/kube/children", "mktail/tail/kube/plugin", "mktail/discover/glob"}},
		{pkg: "mktail/tail/report", forbidden: []string{"mktail/"}, allowed: []string{"mktail/tail/kube", "mktail/tail/kube/children", "mktail/tail/kube/plugin", "mktail/emit", "mktail/emit/applog"}},
		{pkg: "mktail/tail/checkpoint", forbidden: []string{"k8s.io/", "mktail/"}, allowed: []string{"mktail/tail/position"}},
		{pkg: "mktail/tail/follow", forbidden: []string{"mktail/"}, allowed: []string{"mktail/tail/checkpoint", "mktail/tail/kube", "mktail/tail/kube/children", "mktail/tail/kube/plugin", "mktail/tail/logline", "mktail/tail/pods", "mktail/tail/position", "mktail/tail/report", "mktail/emit", "mktail/emit/applog", "mktail/discover/glob"}},
		{pkg: "mktail", forbidden: []string{"mktail/testdata"}},
	} {
		t.Run(tt.pkg, func(t *testing.T) {
			out, err := exec.Command("go", "list", "-deps", tt.pkg).Output()
			if err != nil {
				t.Fatal(err)
			}
			deps := strings.Fields(string(out))
			if !slices.Contains(deps, tt.pkg) {
				t.Fatalf("go list gave %q", deps)
			}
			for _, dep := range deps {
				if dep == tt.pkg || slices.Contains(tt.allowed, dep) {
					continue
				}
				for _, f := range tt.forbidden {
					if strings.HasPrefix(dep, f) {
						t.Errorf("%s imports %s", tt.pkg, dep)
					}
				}
			}
		})
	}
}
