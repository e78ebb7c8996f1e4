package report_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"mktail/tail/report"
)

// Each cause has a reason and a description, a value of its own, and a row in the table of package tail's documentation.
func TestGapCauses(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "gapcause.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../doc.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[report.GapCause]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "GapCause" {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		cause := report.GapCause(value)
		if seen[cause] || cause.Reason() == "" || cause.Description() == "" {
			t.Errorf("%s: seen before %v, reason %q, description %q", spec.Names[0], seen[cause], cause.Reason(), cause.Description())
		}
		if !strings.Contains(string(doc), "\t"+value+" ") {
			t.Errorf("tail/doc.go has no row for %s", value)
		}
		seen[cause] = true
		return true
	})
	if len(seen) < 12 {
		t.Errorf("%d causes were found", len(seen))
	}
}
