package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestComments tests that each package and each exported name of it has a comment. Their form is staticcheck's (see
// .ci/lint).
func TestComments(t *testing.T) {
	for _, folder := range packageFolders(t) {
		paths, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(folder), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		fset, commented := token.NewFileSet(), false
		for _, path := range paths {
			file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			commented = commented || file.Doc != nil
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			for _, name := range uncommented(file) {
				t.Errorf("%s: %s is exported and has no comment", fset.Position(name.Pos()), name.Name)
			}
		}
		if !commented {
			t.Errorf("%s: the package has no comment", folder)
		}
	}
}

// wellKnown are methods that need no comment: the standard library's interfaces give them their meaning.
var wellKnown = []string{"Error", "String", "Unwrap", "Read", "Write", "Close", "RoundTrip"}

// uncommented returns the exported functions, methods of exported types, types, constants and variables of a file that have
// no comment. The comment of a group counts for each name in it.
func uncommented(file *ast.File) (names []*ast.Ident) {
	check := func(name *ast.Ident, comments ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(comments, func(c *ast.CommentGroup) bool { return c != nil }) {
			names = append(names, name)
		}
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || receiver(d).IsExported() && !slices.Contains(wellKnown, d.Name.Name) {
				check(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					check(s.Name, d.Doc, s.Doc, s.Comment)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						check(name, d.Doc, s.Doc, s.Comment)
					}
				}
			}
		}
	}
	return names
}

// receiver returns the name of the type that a method belongs to.
func receiver(method *ast.FuncDecl) *ast.Ident {
	for t := method.Recv.List[0].Type; ; {
		switch of := t.(type) {
		case *ast.StarExpr:
			t = of.X
		case *ast.IndexExpr:
			t = of.X
		case *ast.IndexListExpr:
			t = of.X
		case *ast.Ident:
			return of
		}
	}
}

// TestUncommented tests which names count as such.
func TestUncommented(t *testing.T) {
	const code = `package p
func Bare() {}
// Said is.
func Said() {}
func own() {}
type Bare2[T any] struct{}
func (*Bare2[T]) Method() {}
func (*Bare2[T]) Close() error { return nil }
func (b Bare2[T]) own() {}
type own2 struct{}
func (own2) Method2() {}
// A group of these.
const (
	A = 1
	B = 2
)
var (
	Bare3 = 1
	C = 2 // C is.
)
`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", code, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range uncommented(file) {
		got = append(got, name.Name)
	}
	if want := []string{"Bare", "Bare2", "Method", "Bare3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
