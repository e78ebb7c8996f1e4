package jq_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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

// Modules and data come from the given directories alone, whatever a program or a module asks for. Links in them are followed.
func TestModulesStayInside(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("out.jq", `def f: "outside";`)
	write("out.json", `"outside"`)
	write("lib2/out.jq", `def f: "outside";`)
	write("lib/m.jq", `def f: "m";`)
	write("lib/d.json", `"d"`)
	write("lib/sub/s.jq", `import "t" as t {search: "./deep"}; import "m" as m {search: "../"}; def f: t::f + m::f;`)
	write("lib/sub/deep/t.jq", `def f: "t";`)
	write("lib/dots.jq", `import "../out" as o; def f: o::f;`)
	write("lib/up.jq", `import "out" as o {search: "../"}; def f: o::f;`)
	write("lib/beside.jq", `import "out" as o {search: "../lib2"}; def f: o::f;`)
	write("lib/far.jq", `import "out" as o {search: "`+filepath.ToSlash(root)+`"}; def f: o::f;`)
	write("lib/home.jq", `import "out" as o {search: "~/"}; def f: o::f;`)
	write("lib/program.jq", `import "out" as o {search: "$ORIGIN/"}; def f: o::f;`)
	t.Setenv("HOME", root)
	t.Setenv("USERPROFILE", root)
	t.Chdir(root)
	for _, dir := range []string{filepath.Join(root, "lib"), "lib", "./lib/", "sub/../lib"} {
		o := jq.Options{Modules: []string{dir}}
		for program, want := range map[string]string{
			`import "m" as m; m::f`:                                   `"m"`,
			`import "sub/s" as s; s::f`:                               `"tm"`,
			`import "d" as $d; $d`:                                    `["d"]`,
			`import "t" as t {search: "lib/sub/deep"}; t::f`:          `"t"`,
			`import "t" as t {search: "./lib/sub/../sub/deep"}; t::f`: `"t"`,
			`"m" | modulemeta | .defs[0]`:                             `"f/0"`,
		} {
			if got := output(t, program, o, jq.Shape{}, record("x")); got != want+"\n" {
				t.Errorf("%s: %s: %s, want %s", dir, program, got, want)
			}
		}
		absolute := filepath.ToSlash(filepath.Join(root, "out"))
		for _, program := range []string{
			`import "../out" as o; o::f`, `include "../out"; f`, `import "../out" as $o; $o`, `import "sub/../m" as m; m::f`, `import "` + absolute + `" as o; o::f`,
			`import "out" as o {search: "."}; o::f`, `import "out" as o {search: "./"}; o::f`, `import "out" as $o {search: "lib/.."}; $o`, `import "out" as o {search: "` + filepath.ToSlash(root) + `"}; o::f`,
			`import "out" as o {search: "~/"}; o::f`, `import "out" as o {search: "$ORIGIN/"}; o::f`, `import "out" as o {search: "lib2"}; o::f`,
			`import "dots" as d; d::f`, `import "up" as u; u::f`, `import "beside" as b; b::f`, `import "far" as f; f::f`, `import "home" as h; h::f`, `import "program" as p; p::f`,
		} {
			if _, err := jq.Compile(program, o); err == nil || !strings.Contains(err.Error(), "outside of --jq-path") {
				t.Errorf("%s: %s: %v", dir, program, err)
			}
		}
		if p, err := jq.Compile(`import "out" as o {search: "."}; o::f`, jq.Options{}); err == nil {
			t.Errorf("without directories: %v", p)
		}
	}
	if err := os.Symlink(root, filepath.Join(root, "lib", "link")); err != nil {
		t.Skip(err)
	}
	if got := output(t, `import "link/out" as o; o::f`, jq.Options{Modules: []string{"lib"}}, jq.Shape{}, record("x")); got != "\"outside\"\n" {
		t.Errorf("by a link: %s", got)
	}
}
