package cli

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestArrows holds which packages may know which.
func TestArrows(t *testing.T) {
	for _, tt := range []struct {
		pkg       string
		forbidden []string
	}{
		{"mktail/emit", []string{"k8s.io/", "mktail/", "github.com/alecthomas/kong"}},
		{"mktail/discover", []string{"mktail/", "github.com/alecthomas/kong"}},
		{"mktail/tail", []string{"mktail/cli", "mktail/discover", "github.com/alecthomas/kong"}},
		{"mktail", []string{"mktail/testdata"}},
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
				for _, f := range tt.forbidden {
					if dep != tt.pkg && strings.HasPrefix(dep, f) {
						t.Errorf("%s imports %s", tt.pkg, dep)
					}
				}
			}
		})
	}
}
