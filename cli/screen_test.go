package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestStandardFiles tests that nothing writes to stdout or stderr around what guards terminals: these files alone may use os.Stdout and
// os.Stderr, to ask what they are, to guard them, or to give them to a process that they start.
func TestStandardFiles(t *testing.T) {
	allowed := []string{"cli/command.go", "cli/files.go", "cli/main.go", "cli/pager.go", "cli/run.go", "cli/screen.go", "tail/kube/plugin/execute.go"}
	found := make(map[string]bool)
	for _, folder := range packageFolders(t) {
		if strings.HasPrefix(folder, "testdata/") {
			continue
		}
		paths, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(folder), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if use, ok := n.(*ast.SelectorExpr); ok && (use.Sel.Name == "Stdout" || use.Sel.Name == "Stderr") {
					if of, ok := use.X.(*ast.Ident); ok && of.Name == "os" {
						found[folder+"/"+filepath.Base(path)] = true
					}
				}
				return true
			})
		}
	}
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, allowed) {
		t.Errorf("os.Stdout or os.Stderr is used in %q, and may be in %q", got, allowed)
	}
}
