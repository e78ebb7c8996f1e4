package jq_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mktail/emit"
	"mktail/emit/jq"
)

// TestPlan tests what is decided ahead of a program, and what is left to run.
func TestPlan(t *testing.T) {
	for program, want := range map[string]string{
		`.`:                                 "0 tests",
		`select(.ns=="prod")`:               "1 tests",
		`select("prod" != .ns)`:             "1 tests",
		`select(.line|test("x"))`:           "1 tests",
		`select((.line|test("x";"i"))|not)`: "1 tests",
		`select(.ns=="a" and (.line|startswith("x")) or .pod=="b")`:   "1 tests",
		`select(.ns=="a" and (.line|startswith("x")))`:                "2 tests",
		`select(.ns=="a" and .x)`:                                     "1 tests, select(.x)",
		`select((.ns=="a" and .x))`:                                   "1 tests, select(.x)",
		`select(.ns.x=="a")`:                                          `0 tests, select(.ns.x == "a")`,
		`select(.ns=="abc"[0:1])`:                                     `0 tests, select(.ns == "abc"[0:1])`,
		`select(.ns==@base64 "x")`:                                    `0 tests, select(.ns == @base64 "x")`,
		`select(.ns==1)`:                                              `0 tests, select(.ns == 1)`,
		`.|select(.ns=="a")|.pod`:                                     "1 tests, .pod",
		`select(.line|contains("x"))`:                                 "1 tests",
		`select(.line|startswith("x"))`:                               "1 tests",
		`select(.line|endswith("x"))`:                                 "1 tests",
		`select(.line|test("x";"gim"))`:                               "1 tests",
		`select(.ns=="a" and .x and .pod=="b")|.line`:                 `1 tests, select(.x and .pod == "b") | .line`,
		`select(.ns=="a")|select(.pod=="b")|{pod}`:                    "2 tests, { pod }",
		`select(.x and .ns=="a")`:                                     `0 tests, select(.x and .ns == "a")`,
		`select(.line|test("("))`:                                     `0 tests, select(.line | test("("))`,
		`select(.line|test("x";"x"))`:                                 `0 tests, select(.line | test("x"; "x"))`,
		`select(.line|test("\(.ns)"))`:                                `0 tests, select(.line | test("\(.ns)"))`,
		`.ns as $x|select(.ns=="a")`:                                  `0 tests, .ns as $x | select(.ns == "a")`,
		`def select(f): .; select(.ns=="a")`:                          `0 tests, def select(f): .; select(.ns == "a")`,
		`def test(f): true; select(.line|test("x"))`:                  `0 tests, def test(f): true; select(.line | test("x"))`,
		`select(.line|fromjson?|.level=="error")`:                     `0 tests, select(.line | fromjson? | .level == "error"), proof "error"`,
		`.line|fromjson?|select(.level=="error" or .a=="b")|.msg`:     `0 tests, .line | fromjson? | select(.level == "error" or .a == "b") | .msg, proof "error" "b"`,
		`.line|fromjson?|objects|select("error"==.level and .x).msg`:  `0 tests, .line | fromjson? | objects | select("error" == .level and .x).msg`,
		`.line|fromjson?|objects|select("error"==.level and .x)|.msg`: `0 tests, .line | fromjson? | objects | select("error" == .level and .x) | .msg, proof of anything "error"`,
		`select(.json.level=="error")`:                                `0 tests, select(.json.level == "error"), proof of anything "error"`,
		`.line|fromjson?|.level=="error"`:                             `0 tests, .line | fromjson? | .level == "error"`,
		`.line|fromjson|select(.level=="error")`:                      `0 tests, .line | fromjson | select(.level == "error")`,
		`.line|fromjson?|select(.level!="error")`:                     `0 tests, .line | fromjson? | select(.level != "error")`,
		`.line|fromjson?`:                                             `0 tests, .line | fromjson?`,
		`.line|fromjson?|objects`:                                     `0 tests, .line | fromjson? | objects`,
		`.line|fromjson?|.`:                                           `0 tests, .line | fromjson? | .`,
		`.x|fromjson?|select(.a=="b")`:                                `0 tests, .x | fromjson? | select(.a == "b")`,
		`.line|tojson|select(.a=="b")`:                                `0 tests, .line | tojson | select(.a == "b")`,
		`.line|fromjson?|select(.a=="b" and .c)`:                      `0 tests, .line | fromjson? | select(.a == "b" and .c), proof "b"`,
		`.line|fromjson?|select(.c and .a=="b")`:                      `0 tests, .line | fromjson? | select(.c and .a == "b")`,
		`.line|fromjson?|select(.a=="b" or .c)`:                       `0 tests, .line | fromjson? | select(.a == "b" or .c)`,
		`.line|fromjson?|select(.c or .a=="b")`:                       `0 tests, .line | fromjson? | select(.c or .a == "b")`,
		`.line|fromjson?|select(((.a=="b")))`:                         `0 tests, .line | fromjson? | select(((.a == "b"))), proof "b"`,
		`.line|fromjson?|select(.a.b=="c")`:                           `0 tests, .line | fromjson? | select(.a.b == "c")`,
		`.line|fromjson?|select(.[0]=="c")`:                           `0 tests, .line | fromjson? | select(.[0] == "c")`,
		`.line|fromjson?|select(.=="c")`:                              `0 tests, .line | fromjson? | select(. == "c")`,
		`.line|fromjson?|select(.a==.b)`:                              `0 tests, .line | fromjson? | select(.a == .b)`,
		`.line|fromjson?|select("~ "==.a)`:                            `0 tests, .line | fromjson? | select("~ " == .a), proof "~ "`,
		`.line|fromjson?|select(.a=="\u007f")`:                        `0 tests, .line | fromjson? | select(.a == "\u007f")`,
		`.line|fromjson?|select(.a=="\u001f")`:                        `0 tests, .line | fromjson? | select(.a == "\u001f")`,
		`.line|fromjson?|select(.a=="\"")`:                            `0 tests, .line | fromjson? | select(.a == "\"")`,
		`.line|fromjson?|select(.a=="\\")`:                            `0 tests, .line | fromjson? | select(.a == "\\")`,
		`select(.line|fromjson?|objects|.a=="b")|.pod`:                `0 tests, select(.line | fromjson? | objects | .a == "b") | .pod, proof of anything "b"`,
		`select(.line|fromjson?|.a=="b"|not)`:                         `0 tests, select(.line | fromjson? | .a == "b" | not)`,
		`select(.line|fromjson?|select(.a=="b")|.c)`:                  `0 tests, select(.line | fromjson? | select(.a == "b") | .c), proof "b"`,
		`select(.line|fromjson?)`:                                     `0 tests, select(.line | fromjson?)`,
		`select("b"==.json.a or .json.c=="d")`:                        `0 tests, select("b" == .json.a or .json.c == "d"), proof of anything "b" "d"`,
		`select(def f: 1; .json.a=="b")`:                              `0 tests, select(def f: 1; .json.a == "b")`,
		`select(. as $x|.json.a=="b")`:                                `0 tests, select(. as $x | .json.a == "b")`,
		`.line|fromjson?|select(length=="b")`:                         `0 tests, .line | fromjson? | select(length == "b")`,
		`.line|fromjson?|select(.a+.b=="c")`:                          `0 tests, .line | fromjson? | select(.a + .b == "c")`,
		`.line|fromjson?|select("c"==.a+.b)`:                          `0 tests, .line | fromjson? | select("c" == .a + .b)`,
		`.line|fromjson?|select("a"=="b")`:                            `0 tests, .line | fromjson? | select("a" == "b")`,
		`.line|fromjson?|select(.a=="~")`:                             `0 tests, .line | fromjson? | select(.a == "~"), proof "~"`,
		`select(.json.a.b=="c")`:                                      `0 tests, select(.json.a.b == "c")`,
		`select(.json[0]=="c")`:                                       `0 tests, select(.json[0] == "c")`,
		`select(.json=="c")`:                                          `0 tests, select(.json == "c")`,
		`select(.other.a=="c")`:                                       `0 tests, select(.other.a == "c")`,
		`select(.level=="c")`:                                         `0 tests, select(.level == "c")`,
		`.line|fromjson?|select(.json.a=="c")`:                        `0 tests, .line | fromjson? | select(.json.a == "c")`,
		`.line|fromjson?|select(.level=="é")`:                         `0 tests, .line | fromjson? | select(.level == "é")`,
	} {
		f, err := jq.Compile(program, jq.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := jq.PlanOf(f); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", program, got, want)
		}
	}
}

func TestNever(t *testing.T) {
	for program, want := range map[string]bool{
		`select(.ns=="dev")`:                                true,
		`select(.ns=="shop")`:                               false,
		`select(.line=="x" and (.pod|test("^db")))`:         true,
		`select(.pod|test("^WEB";"i")|not)|.line`:           true,
		`select(.ns=="dev" or .line=="x")`:                  false,
		`select(.line=="x" or .ns=="dev")`:                  false,
		`select(.ns=="dev" or .pod=="x")`:                   true,
		`select(.ns=="dev" or .pod=="web-1")`:               false,
		`select(.ns=="shop" and .pod=="web-1"|not)`:         true,
		`select((.ns=="shop" or .pod=="x")|not|not)`:        false,
		`select((.ns=="dev"|not) and .cluster!="c")|{line}`: true,
		`.ns=="dev"`:            false,
		`select(.ns=="dev"), .`: false,
	} {
		f, err := jq.Compile(program, jq.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Never(emit.Source{Cluster: "c", Namespace: "shop", Pod: "web-1", Container: "app"}); got != want {
			t.Errorf("%s: %v", program, got)
		}
	}
}

// programOf makes a program of the forms that are decided ahead, and others, by the numbers in data.
func programOf(data []byte) string {
	next := func(n int) int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b) % n
	}
	one := func(of ...string) string { return of[next(len(of))] }
	text := func() string {
		return one(`"error"`, `"shop"`, `"web-1"`, `"x"`, `""`, `"a.c"`, `"\\d"`, `"^"`, `"é"`, `"\ufffd"`, `"level"`, `"("`, `"\(.ns)"`)
	}
	key := func() string {
		return one(".line", ".ns", ".pod", ".cluster", ".container", ".ts", ".json.level", ".json", ".level", ".msg", `.["line"]`, ".nope", ".line?")
	}
	var condition func(deep int) string
	condition = func(deep int) string {
		kind := next(14)
		if deep == 0 {
			kind %= 8
		}
		switch kind {
		case 0, 1:
			return key() + one("==", "!=", "<") + text()
		case 2:
			return text() + one("==", "!=") + key()
		case 3, 4:
			return "(" + key() + "|" + one("test", "contains", "startswith", "endswith", "ltrimstr", "index") + "(" + text() + "))"
		case 5:
			return "(" + key() + "|test(" + text() + ";" + one(`"i"`, `"m"`, `"g"`, `"gi"`, `"x"`, "null", `""`) + "))"
		case 6:
			return one("true", "false", "null", "empty", "(true,false)", `error("no")`, "(.line|tonumber>3)", "input_line_number==2")
		case 7:
			return "(.line|fromjson?|" + one("", "objects|") + key() + "==" + text() + ")"
		case 8, 9:
			return "(" + condition(deep-1) + " and " + condition(deep-1) + ")"
		case 10, 11:
			return condition(deep-1) + " or " + condition(deep-1)
		case 12:
			return "(" + condition(deep-1) + "|not)"
		default:
			return "(" + condition(deep-1) + ")"
		}
	}
	modules := one("", "", "", moduleOfFunctions, `import "functions" as f {search: "./testdata"};`, `module {};`)
	var stages []string
	for range 1 + next(5) {
		switch next(10) {
		case 0, 1, 2, 3:
			stages = append(stages, "select("+condition(2)+")")
		case 4:
			stages = append(stages, ".line", one("fromjson?", "fromjson", "fromjson?|objects"), "select("+condition(1)+")", one(".", ".msg", ".level"))
		case 5:
			stages = append(stages, key())
		case 6:
			stages = append(stages, one("{pod,line}", "[.ns]", ".line,.pod", "objects", "input_line_number", "tojson", "halt_error"))
		case 7:
			stages = append(stages, one(`.line="y"`, `.x=1`, `.ns=1`, `del(.ts)`, `.line|=ascii_upcase`))
		case 8:
			stages = append(stages, one(". as $v", ".")+"|"+condition(1))
		default:
			stages = append(stages, ".")
		}
	}
	return modules + strings.Join(stages, "|")
}

// moduleOfFunctions gives jq's functions other meanings.
const moduleOfFunctions = `include "functions" {search: "./testdata"};`

// jsonLines are lines that are read as JSON, or hardly.
var jsonLines = []string{`{"level":"error","msg":"x"}`, `{"level":"info"}`, `{"l\u0065vel":"\u0065rror"}`, "error", "5", " 12 3", "-", "null", "[1]", `"error"`,
	"", "\xff\xfe error", `{"level":"error"} x`, ` {"level":"x"}`, "é", "true", "2026-01-02 x", `{"level":1}`, "abc\nx"}

var moreLines = []string{"-5", "0", "9", "3.5E+2 ", "1e5\r\n", "8\t", "/", ":", "9x", "\t{}", "\r\n[]", "false", "nul", "tru", "fals", "-x", " ", `{"a":"error"}`, `[{"level":"error"}]`, `"x`,
	`{"level":"error\n"}`, `{"level":"\u0065rror","msg":1}`}

// compare runs a program with its beginning decided ahead, and as a whole: both must have the same outputs and errors. A
// directory of modules, in which jq's functions might be defined differently, makes the program run as a whole.
func compare(t *testing.T, program, line string) {
	src := emit.Source{Cluster: "c", Namespace: "shop", Pod: "web-1", Container: "app"}
	run := func(slow bool) (said []string) {
		o := jq.Options{Parse: true}
		if slow {
			o.Modules = []string{"testdata/none"}
		}
		filter, err := jq.Compile(program, o)
		if err != nil {
			return []string{"compiling: " + err.Error()}
		}
		onError := func(_ emit.Source, _ *emit.Record, err error) bool { said = append(said, err.Error()); return false }
		encode := filter.Format(t.Context(), jq.Shape{}, onError)(src)
		matches := filter.Matcher(t.Context(), src)
		for i, l := range []string{line, "other", line, line[:len(line)/2]} {
			r := &emit.Record{Stamp: []byte(stamp), Line: []byte(l), Number: i + 1, Truncated: i == 2}
			said = append(said, string(encode(nil, r)))
			ok, err := matches(r)
			said = append(said, fmt.Sprint(ok, err))
		}
		if filter.Never(src) && slices.ContainsFunc(said, func(s string) bool { return s != "" && s != "false <nil>" }) {
			t.Errorf("%s: never was wrong: %q", program, said)
		}
		return said
	}
	if fast, slow := run(false), run(true); !slices.Equal(fast, slow) {
		t.Errorf("%s\nof   %q\nfast %q\nslow %q", program, line, fast, slow)
	}
}

func TestPlanAgainstGojq(t *testing.T) {
	for _, program := range []string{
		`.line|fromjson?|select(.level=="zzz")|.msg`, `.line|fromjson?|objects|select(.level=="zzz")|.msg`, `select(.line|fromjson?|.level=="zzz")`, `select(.json.level=="zzz")|.line`,
		`.line|fromjson?|select(.level=="error")|.msg`, `.line|fromjson?|objects|select(.level=="error" or .level=="x")`,
		`select(.line|fromjson?|.level=="error")`, `select(.json.level=="error")`, `select(.line|test("ERR";"i"))|.line`,
		`select(.line|test("ERR";"x"))`, moduleOfFunctions + `(.line|contains("error"))`, moduleOfFunctions + `.line|test("error")|not`,
		moduleOfFunctions + `select(.line|startswith("error"))`, `module {}; .line == "error"`,
		`select(.line=="error" or .line=="5")|.line`, `select((.line=="error" or .line=="5")|not)|.line`, `select((.line=="error" or .line=="5")|not|not)|.line`,
		`select((.line|contains("r")) and (.line|startswith("e"))|not)|.line`, `select((.line|contains("r")) and (.line|endswith("r")))|.line`,
		`select(.line=="error" and .ns=="shop" or .line=="5" and .ns=="dev")|.line`, `select((.line=="error" or .ns=="dev") and (.line=="5"|not))|.line`,
		`.line=="error" or .line=="5"`, `(.line=="error" or .line=="5")|not`, `(.line=="error" and .ns=="shop")|not`, `.line=="error"|not|not`,
		`select((.line=="error")|tostring)|.line`, `select((.line=="error")|(.,true))|.line`, `select((.line=="error")|[.])|.line`, `select((.line|test("e"))|tostring)|.line`,
		`select(.line|test("c.x";"m"))|.line`, `select(.line|test("c.x";"g"))|.line`, `select(.line|test("c.x"))|.line`, `select(.line|test("m.e";""))|.line`, `select(.line|test("C.X";"im"))|.line`,
		`select(.container=="app" and .cluster=="c" and .pod=="web-1" and (.ts|startswith("2026")))|.line`, `select(.ts=="x" or .container=="x" or .cluster=="app" or .line=="5")|.line`,
		`.|select(.line=="error")|.|select(.ns=="shop")|.line`, `select((.line=="error" and (.pod|length) > 3 and .ns=="shop"))|.line`,
		`select(.line|contains("\ufffd"))`, `select(.line|endswith("é"))`, `.line|test("error")`, `.json.level`,
	} {
		for _, line := range slices.Concat(jsonLines, moreLines) {
			compare(t, program, line)
		}
	}
}

func FuzzPlan(f *testing.F) {
	for i, line := range jsonLines {
		for j := range 20 {
			data := make([]byte, 30)
			for k := range data {
				data[k] = byte((i*7 + j*13 + k*k*(j+1) + k*i*3) % 251)
			}
			f.Add(data, line)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, line string) { compare(t, programOf(data), line) })
}
