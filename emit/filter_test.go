package emit

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestCompileFilterError(t *testing.T) {
	tests := []struct{ name, program, want string }{
		{"token", `.line | | .pod`, "unexpected token \"|\"\n    .line | | .pod\n            ^"},
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
		{"string", `"abc`, "unterminated string literal\n    \"abc\n        ^"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := CompileFilter(tt.program, FilterOptions{})
			var fe *FilterError
			if !errors.As(err, &fe) {
				t.Fatalf("error %v", err)
			}
			if err.Error() != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", err, tt.want)
			}
		})
	}
}

func TestFilter(t *testing.T) {
	src := Source{Cluster: "c", Namespace: "shop", Pod: "web-1", Container: "app"}
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
			f, err := CompileFilter(tt.program, FilterOptions{})
			if err != nil {
				t.Fatal(err)
			}
			encode := f.Format(t.Context(), Shape{Raw: tt.raw}, func(_ Source, _ Record, err error) bool { t.Errorf("error %v", err); return false })(src)
			if got := string(encode([]byte("before\n"), record(tt.line))); got != "before\n"+tt.want {
				t.Errorf("got  %q\nwant %q", got, "before\n"+tt.want)
			}
		})
	}
}

// An error drops the whole output of its record, and only that.
func TestFilterError(t *testing.T) {
	f, err := CompileFilter(`.pod, (.line|fromjson)`, FilterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var errs []string
	encode := f.Format(t.Context(), Shape{}, func(src Source, _ Record, err error) bool {
		errs = append(errs, src.Pod+": "+err.Error())
		return false
	})(Source{Pod: "p"})
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
func TestFilterAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f, err := CompileFilter(`select([range(10000)]|length > 0)|[.line]`, FilterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	onError := func(_ Source, _ Record, err error) bool { t.Errorf("error %v", err); return false }
	encode, matches := f.Format(ctx, Shape{}, onError)(Source{}), f.Matcher(ctx, Source{})
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

// A program that never ends is stopped: by what it puts out, or by the end of the run. Then no other record waits for it.
func TestFilterWithoutEnd(t *testing.T) {
	for _, program := range []string{"repeat(1)", "def f: f; f"} {
		t.Run(program, func(t *testing.T) {
			f, err := CompileFilter(program, FilterOptions{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			go cancel()
			var said []error
			encode := f.Format(ctx, Shape{}, func(_ Source, _ Record, err error) bool { said = append(said, err); return false })(Source{})
			for range 1000 {
				if out := encode(nil, record("x")); len(out) > 0 {
					t.Errorf("%d bytes", len(out))
				}
			}
			if len(said) != 1000 || said[0] != ErrLate || said[999] != ErrLate || !f.Late() {
				t.Errorf("said %d: %v", len(said), said[0])
			}
		})
	}
	f, err := CompileFilter(`repeat("`+strings.Repeat("x", 1<<20)+`")`, FilterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var said error
	encode := f.Format(t.Context(), Shape{}, func(_ Source, _ Record, err error) bool { said = err; return false })(Source{})
	if out := encode(nil, record("x")); len(out) > 0 || said == nil || said.Error() != "more than 64 MiB of output from one record" {
		t.Errorf("%d bytes, %v", len(out), said)
	}
}
