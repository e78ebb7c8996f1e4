package jq_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mktail/emit"
	"mktail/emit/jq"
)

const stamp = "2026-01-02T03:04:05.000000000Z"

func record(line string) *emit.Record {
	return &emit.Record{Stamp: []byte(stamp), Line: []byte(line), Number: 1}
}

func compile(t *testing.T, program string, o jq.Options) *jq.Program {
	t.Helper()
	p, err := jq.Compile(program, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// output is what a program that must not fail writes for a record of a container.
func output(t *testing.T, program string, o jq.Options, shape jq.Shape, r *emit.Record) string {
	t.Helper()
	src := emit.Source{
		Cluster: "c", Namespace: "shop", Pod: "web-1", Container: "app", Context: "admin@c", Node: "n1", UID: "u-1", Image: "web:2",
		Labels: map[string]string{"a": `"b"`}, Annotations: map[string]string{"x/y": "z"},
	}
	onError := func(_ emit.Source, _ *emit.Record, err error) bool { t.Error(err); return false }
	return string(compile(t, program, o).Format(t.Context(), shape, onError)(src)(nil, r))
}

func TestCompileError(t *testing.T) {
	tests := []struct{ name, program, want string }{
		{"token", `.line | | .pod`, "unexpected token \"|\"\n    .line | | .pod\n            ^"},
		{"first byte", `}`, "unexpected token \"}\"\n    }\n    ^"},
		{"before a bracket", `nope[0]`, "function not defined: nope/0\n    nope[0]\n    ^"},
		{"before a slash", `1/nope/2`, "function not defined: nope/0\n    1/nope/2\n      ^"},
		{"end", `select(.ns`, "unexpected EOF\n    select(.ns\n              ^"},
		{"second line", ".line |\n  }", "unexpected token \"}\"\n      }\n      ^"},
		{"beyond ASCII", `"ä" }`, "unexpected token \"}\"\n    \"ä\" }\n        ^"},
		{"function", `.line | nope(1)`, "function not defined: nope/1\n    .line | nope(1)\n            ^"},
		{"variable", `.a + $x`, "variable not defined: $x\n    .a + $x\n         ^"},
		{"not inside another word", `nopes|nope`, "function not defined: nopes/0\n    nopes|nope\n    ^"},
		{"not in a comment", "# nope\nnope", "function not defined: nope/0\n    nope\n    ^"},
		{"not in a string", `"nope" | nope`, "function not defined: nope/0\n    \"nope\" | nope\n             ^"},
		{"in what a string embeds", `"nope \(nope)"`, "function not defined: nope/0\n    \"nope \\(nope)\"\n            ^"},
		{"out of its scope", `(def f: 1; f) + f`, "function not defined: f/0\n    (def f: 1; f) + f\n                    ^"},
		{"of another arity", `def f(x): x; f(1) | f`, "function not defined: f/0\n    def f(x): x; f(1) | f\n                        ^"},
		{"variable out of its scope", `(1 as $x | $x), "$x", $x`, "variable not defined: $x\n    (1 as $x | $x), \"$x\", $x\n                          ^"},
		{"in an object", `{a:nope}`, "function not defined: nope/0\n    {a:nope}\n       ^"},
		{"after a tab and wide characters", "\t\"日本e\u0301\" | nope", "function not defined: nope/0\n    \t\"日本e\u0301\" | nope\n    \t          ^"},
		{"twice, with arguments", `nope(1) | nope(1)`, "function not defined: nope/1\n    nope(1) | nope(1)\n    ^"},
		{"variable before its scope", `$x | . as $x | $x`, "variable not defined: $x\n    $x | . as $x | $x\n    ^"},
		{"variable as a key", `{$x}`, "variable not defined: $x\n    {$x}\n     ^"},
		{"several, of which the last is compiled first", ". # f\n + f + f", "function not defined: f/0\n     + f + f\n           ^"},
		{"string", `"abc`, "unterminated string literal\n    \"abc\n        ^"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := jq.Compile(tt.program, jq.Options{})
			var fe *jq.CompileError
			if !errors.As(err, &fe) {
				t.Fatalf("error %v", err)
			}
			if err.Error() != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", err, tt.want)
			}
		})
	}
}

// TestNameWithinWords: a name is not found within other words, whatever character of words is beside it.
func TestNameWithinWords(t *testing.T) {
	for _, word := range []string{"nope_", "nope0", "nope9", "nopea", "nopez", "nopeA", "nopeZ", "_nope", "anope", "zNope_nope", "Anope", "Znope"} {
		for _, operator := range "|+" { // of what is beside + the right side is compiled first
			program := fmt.Sprintf("def %s: 1; nope %c %s", word, operator, word)
			_, err := jq.Compile(program, jq.Options{})
			if want := "function not defined: nope/0\n    " + program + "\n" + strings.Repeat(" ", 4+len("def : 1; ")+len(word)) + "^"; err == nil || err.Error() != want {
				t.Errorf("got:\n%v\nwant:\n%s", err, want)
			}
		}
	}
}

// TestLine tests the line of a mistake, also of one at the first byte.
func TestLine(t *testing.T) {
	for program, want := range map[string]int{"}": 1, "nope": 1, ".line |\n  }": 2, ".\n|\nnope": 3, `import "nope" as f; .`: 0} {
		_, err := jq.Compile(program, jq.Options{})
		var mistake *jq.CompileError
		if !errors.As(err, &mistake) {
			t.Fatalf("%q: error %v", program, err)
		}
		if mistake.Line() != want {
			t.Errorf("%q: line %d, want %d", program, mistake.Line(), want)
		}
	}
}

// TestHaltError tests what a program that ends the run says.
func TestHaltError(t *testing.T) {
	for program, want := range map[string]jq.HaltError{
		`halt`:                          {},
		`"x"|halt_error`:                {Code: 5, Message: "x"},
		`"x\n"|halt_error(7)`:           {Code: 7, Message: "x\n"},
		`{a:1}|halt_error(3)`:           {Code: 3, Message: `{"a":1}` + "\n"},
		`null|halt_error(2)`:            {Code: 2},
		`"x"|halt_error(255)`:           {Code: 255, Message: "x"},
		`"x"|halt_error(257)`:           {Code: 1, Message: "x"},
		`"before", ("x"|halt_error)`:    {Code: 5, Message: "x"},
		`false, null, ("x"|halt_error)`: {Code: 5, Message: "x"},
	} {
		var halt *jq.HaltError
		f := compile(t, program, jq.Options{})
		halts := 0
		encode := f.Format(t.Context(), jq.Shape{}, func(_ emit.Source, _ *emit.Record, err error) bool {
			if halts++; !errors.As(err, &halt) {
				t.Error(err)
			}
			return false
		})(emit.Source{})
		encode(nil, record("x"))
		if later := encode(nil, record("x")); len(later) > 0 || halts != 1 {
			t.Errorf("%s: %q for a later record, halts %d times", program, later, halts)
		}
		if halt == nil || *halt != want {
			t.Errorf("%s: %+v, want %+v", program, halt, want)
		}
		ok, err := f.Matcher(t.Context(), emit.Source{})(record("x"))
		if halt = nil; ok && !strings.HasPrefix(program, `"before"`) {
			t.Errorf("%s matches", program)
		} else if !strings.HasPrefix(program, `"before"`) && (!errors.As(err, &halt) || *halt != want) {
			t.Errorf("%s as a condition: %v, want %+v", program, err, want)
		}
	}
}

// closed is a writer that fails.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errors.New("closed") }

// TestOptions tests what a program may use beside a record.
func TestOptions(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "args.jq"), []byte("def named: $ARGS.named.a; def number: input_line_number;"), 0o600); err != nil {
		t.Fatal(err)
	}
	var debug strings.Builder
	o := jq.Options{Variables: map[string]any{"a": "b", "c": 1}, Environ: func() []string { return []string{"X=y"} }, Debug: &debug, Modules: []string{dir}}
	for _, tt := range []struct {
		program string
		o       jq.Options
		want    string
	}{
		{`[$a, $c, $ARGS.named, $ARGS.positional]`, jq.Options{Variables: o.Variables}, `["b",1,{"a":"b","c":1},[]]`},
		{`$ARGS`, jq.Options{}, `{"named":{},"positional":[]}`},
		{`include "args"; [named, number]`, o, `["b",1]`},
		{`[$ENV.X, env.X]`, o, `["y","y"]`},
		{`[$ENV.PATH, env.PATH]`, jq.Options{}, `[null,null]`},
		{`input_filename`, jq.Options{}, `null`},
		{`.pod | debug | ascii_upcase`, o, `"WEB-1"`},
		{`.pod | debug | ascii_upcase`, jq.Options{}, `"WEB-1"`},
		{`.pod | debug("seen \(.)") | ascii_upcase`, o, `"WEB-1"`},
	} {
		if got := output(t, tt.program, tt.o, jq.Shape{}, record("x")); got != tt.want+"\n" {
			t.Errorf("%s: got %s, want %s", tt.program, got, tt.want)
		}
	}
	if got, want := debug.String(), `["DEBUG:","web-1"]`+"\n"+`["DEBUG:","seen web-1"]`+"\n"; got != want {
		t.Errorf("debug printed %q, want %q", got, want)
	}
	for _, program := range []string{"input_filename(1)", "debug(1; 2)"} {
		if _, err := jq.Compile(program, jq.Options{}); err == nil {
			t.Errorf("%s compiles", program)
		}
	}
	// What can't be printed is an error of the program, as what has no form is.
	for _, program := range []string{`debug`, `nan | debug`} {
		var errs []error
		onError := func(_ emit.Source, _ *emit.Record, err error) bool { errs = append(errs, err); return false }
		f := compile(t, program, jq.Options{Debug: closed{}})
		if got := f.Format(t.Context(), jq.Shape{}, onError)(emit.Source{})(nil, record("x")); len(got) > 0 || len(errs) != 1 {
			t.Errorf("%s: %q, %v", program, got, errs)
		}
	}
}

func TestFormat(t *testing.T) {
	src := emit.Source{Cluster: "c", Namespace: "shop", Pod: "web-1", Container: "app"}
	tests := []struct {
		name, program string
		raw           bool
		line, want    string
	}{
		{"whole record", ".", false, "<x>", `{"cluster":"c","ns":"shop","pod":"web-1","container":"app","ts":"` + stamp + `","line":"<x>"}` + "\n"},
		{"select yes", `select(.ns=="shop")|.line`, false, "x", "\"x\"\n"},
		{"select no", `select(.ns=="dev")`, false, "x", ""},
		{"raw strings", ".line,{a:1}", true, "x y", "x y\n{\"a\":1}\n"},
		{"several outputs", ".pod,.container", false, "", "\"web-1\"\n\"app\"\n"},
		{"fromjson?", ".line|fromjson?|.msg", false, `{"msg":"hi"}`, "\"hi\"\n"},
		{"fromjson? on text", ".line|fromjson?|.msg", false, `hi`, ""},
		{"invalid UTF-8", ".line", false, "a\xff\xfe", "\"a\uFFFD\uFFFD\"\n"},
		{"the record's number", "input_line_number", false, "x", "1\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := jq.Compile(tt.program, jq.Options{})
			if err != nil {
				t.Fatal(err)
			}
			encode := f.Format(t.Context(), jq.Shape{Raw: tt.raw}, func(_ emit.Source, _ *emit.Record, err error) bool { t.Errorf("error %v", err); return false })(src)
			if got := string(encode([]byte("before\n"), record(tt.line))); got != "before\n"+tt.want {
				t.Errorf("got  %q\nwant %q", got, "before\n"+tt.want)
			}
		})
	}
}

// An error drops the whole output of its record, and only that.
func TestErrorOnARecord(t *testing.T) {
	f, err := jq.Compile(`.pod, (.line|fromjson)`, jq.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var errs []string
	encode := f.Format(t.Context(), jq.Shape{}, func(src emit.Source, _ *emit.Record, err error) bool {
		errs = append(errs, src.Pod+": "+err.Error())
		return false
	})(emit.Source{Pod: "p"})
	out := encode(nil, record("1"))
	out = encode(out, record("not json"))
	out = encode(out, record("2"))
	if want := "\"p\"\n1\n\"p\"\n2\n"; string(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if len(errs) != 1 || !strings.HasPrefix(errs[0], "p: fromjson cannot be applied") {
		t.Errorf("errors %q", errs)
	}
}

// What was read before the end of a run is run to its end, whenever its turn comes.
func TestAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f, err := jq.Compile(`select([range(10000)]|length > 0)|[.line]`, jq.Options{})
	if err != nil {
		t.Fatal(err)
	}
	onError := func(_ emit.Source, _ *emit.Record, err error) bool { t.Errorf("error %v", err); return false }
	encode, matches := f.Format(ctx, jq.Shape{}, onError)(emit.Source{}), f.Matcher(ctx, emit.Source{})
	cancel()
	for range 3 {
		if out := encode(nil, record("x")); string(out) != "[\"x\"]\n" {
			t.Errorf("got %q", out)
		}
		if ok, err := matches(record("x")); !ok || err != nil {
			t.Errorf("matches: %v, %v", ok, err)
		}
	}
	if f.Late() {
		t.Error("it is late")
	}
}

// A program that never ends is stopped by the end of the run. Then no other record waits for it.
func TestWithoutEnd(t *testing.T) {
	for program, matches := range map[string]bool{
		"repeat(1)":             true, // its first output is the record
		"def f: f; f":           false,
		"range(infinite)|empty": false,
	} {
		t.Run(program, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			go cancel()
			f := compile(t, program, jq.Options{})
			var said []error
			encode := f.Format(ctx, jq.Shape{}, func(_ emit.Source, _ *emit.Record, err error) bool { said = append(said, err); return false })(emit.Source{})
			for range 1000 {
				if out := encode(nil, record("x")); len(out) > 0 {
					t.Errorf("%d bytes", len(out))
				}
			}
			if len(said) != 1000 || said[0] != jq.ErrLate || said[999] != jq.ErrLate || !f.Late() {
				t.Errorf("said %d: %v", len(said), said[0])
			}

			f = compile(t, program, jq.Options{})
			matcher := f.Matcher(ctx, emit.Source{})
			var want error
			if !matches {
				want = jq.ErrLate
			}
			for range 1000 {
				if got, err := matcher(record("x")); got != matches || err != want {
					t.Fatalf("matches: %v, %v", got, err)
				}
			}
			if f.Late() == matches {
				t.Errorf("late: %v", f.Late())
			}
		})
	}
}

// A program that writes too much for one record is stopped.
func TestTooMuchOutput(t *testing.T) {
	f, err := jq.Compile(`repeat("`+strings.Repeat("x", 1<<20)+`")`, jq.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var said error
	encode := f.Format(t.Context(), jq.Shape{}, func(_ emit.Source, _ *emit.Record, err error) bool { said = err; return false })(emit.Source{})
	if out := encode(nil, record("x")); len(out) > 0 || said == nil || said.Error() != "more than 64 MiB of output from one record" {
		t.Errorf("%d bytes, %v", len(out), said)
	}
	// What was written before, and exactly as much as is allowed, is not too much.
	said = nil
	encode = compile(t, ".line", jq.Options{}).Format(t.Context(), jq.Shape{Raw: true}, func(_ emit.Source, _ *emit.Record, err error) bool { said = err; return false })(emit.Source{})
	before := make([]byte, 1<<20, emit.MaxOutput+1<<20)
	if out := encode(before, record(strings.Repeat("x", emit.MaxOutput-1))); len(out) != len(before)+emit.MaxOutput || said != nil {
		t.Errorf("%d bytes, %v", len(out), said)
	}
}
