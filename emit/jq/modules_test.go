package jq_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mktail/emit/jq"
)

// modules writes modules into a directory of their own, by the names of their files.
func modules(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The number of a record is known in modules, too.
func TestNumberInModules(t *testing.T) {
	dir := modules(t, map[string]string{"m.jq": "def n: input_line_number;", ".jq": "def h: input_line_number;"})
	r := record("x")
	r.Number = 7
	for program, path := range map[string]string{`import "m" as m; m::n`: dir, `include "m"; n`: dir, `h`: filepath.Join(dir, ".jq")} {
		if got := output(t, program, jq.Options{Modules: []string{path}}, jq.Shape{}, r); got != "7\n" {
			t.Errorf("%s: %s", program, got)
		}
	}
}

// A mistake in a module is reported with the module, not with a place in the program.
func TestMistakeInModule(t *testing.T) {
	dir := modules(t, map[string]string{
		"open.jq": "def f:\n  };", "lacks.jq": "def f: nope;", "deep.jq": `import "lacks" as l; def g: l::f;`,
		"fine.jq": "def f: 1;", ".jq": `def g: "nope";`,
	})
	for _, tt := range []struct {
		program, path, want string
		line                int
	}{
		{`import "open" as o; .`, dir, dir + "/open.jq:2: unexpected token \"}\"\n      };\n      ^", 2},
		{`import "lacks" as l; l::f`, dir, `module "lacks": function not defined: nope/0`, 0},
		{`import "deep" as d; d::g`, dir, `module "lacks": function not defined: nope/0`, 0},
		{`import "fine" as f; nope`, dir, "function not defined: nope/0\n    import \"fine\" as f; nope\n                        ^", 1},
		{`nope`, dir + "/.jq", "function not defined: nope/0\n    nope\n    ^", 1},
		{"import \"none\" as n;\n.", dir, "module not found: \"none\"\n    import \"none\" as n;\n    .", 0},
	} {
		_, err := jq.Compile(tt.program, jq.Options{Modules: []string{tt.path}})
		var mistake *jq.CompileError
		if !errors.As(err, &mistake) {
			t.Errorf("%s: error %v", tt.program, err)
			continue
		}
		if got := err.Error(); got != tt.want || mistake.Line() != tt.line {
			t.Errorf("%s: line %d, got:\n%s\nwant line %d:\n%s", tt.program, mistake.Line(), got, tt.line, tt.want)
		}
	}
}
