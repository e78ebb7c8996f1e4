package jq_test

import (
	"fmt"
	"testing"

	"mktail/emit"
	"mktail/emit/jq"
)

// An output that is a record keeps the order of its keys, and is text as any record; another is JSON.
func TestOutputsThatAreRecords(t *testing.T) {
	src := emit.Source{Cluster: "c", Namespace: "shop", Pod: "web-1", Container: "app", Node: "n1"}
	const four = `{"cluster":"c","ns":"shop","pod":"web-1","container":"app","ts":"` + stamp + `",`
	for name, tt := range map[string]struct {
		program    string
		o          jq.Options
		shape      jq.Shape
		json, text string
	}{
		"as it was":              {`.`, jq.Options{}, jq.Shape{}, four + `"line":"hi"}`, "c shop web-1 app hi"},
		"with a field":           {`.`, jq.Options{Fields: emit.FieldNode}, jq.Shape{}, four + `"line":"hi","node":"n1"}`, "c shop web-1 app hi"},
		"changed":                {`.line |= ascii_upcase`, jq.Options{Fields: emit.FieldNode}, jq.Shape{}, four + `"line":"HI","node":"n1"}`, "c shop web-1 app HI"},
		"more keys":              {`. + {b: [1], a: {x: null}}`, jq.Options{}, jq.Shape{}, four + `"line":"hi","a":{"x":null},"b":[1]}`, `c shop web-1 app hi {"a":{"x":null},"b":[1]}`},
		"another container":      {`.container = "b"`, jq.Options{}, jq.Shape{}, `{"cluster":"c","ns":"shop","pod":"web-1","container":"b","ts":"` + stamp + `","line":"hi"}`, "c shop web-1 b hi"},
		"a key less":             {`del(.ts)`, jq.Options{}, jq.Shape{}, `{"cluster":"c","container":"app","line":"hi","ns":"shop","pod":"web-1"}`, ""},
		"no string":              {`.ns = 1`, jq.Options{}, jq.Shape{}, `{"cluster":"c","container":"app","line":"hi","ns":1,"pod":"web-1","ts":"` + stamp + `"}`, ""},
		"no stamp":               {`.ts = "now"`, jq.Options{}, jq.Shape{}, `{"cluster":"c","ns":"shop","pod":"web-1","container":"app","ts":"now","line":"hi"}`, ""},
		"sorted":                 {`.`, jq.Options{Parse: true}, jq.Shape{Sort: true}, `{"cluster":"c","container":"app","line":"hi","ns":"shop","pod":"web-1","ts":"` + stamp + `"}`, "c shop web-1 app hi"},
		"parsed":                 {`select(.json == null)`, jq.Options{Parse: true}, jq.Shape{}, four + `"line":"hi"}`, "c shop web-1 app hi"},
		"parsed, changed":        {`.line += "!"`, jq.Options{Parse: true}, jq.Shape{}, four + `"line":"hi!"}`, "c shop web-1 app hi!"},
		"sequence":               {`.`, jq.Options{}, jq.Shape{Seq: true}, "\x1e" + four + `"line":"hi"}`, "c shop web-1 app hi"},
		"indented":               {`.pod, [.ns]`, jq.Options{}, jq.Shape{Indent: "  "}, "\"web-1\"\n[\n  \"shop\"\n]", ""},
		"indented, a record":     {`.`, jq.Options{}, jq.Shape{Indent: " "}, "{\n \"cluster\": \"c\",\n \"ns\": \"shop\",\n \"pod\": \"web-1\",\n \"container\": \"app\",\n \"ts\": \"" + stamp + "\",\n \"line\": \"hi\"\n}", ""},
		"one more key":           {`. + {b: 1}`, jq.Options{}, jq.Shape{}, four + `"line":"hi","b":1}`, `c shop web-1 app hi {"b":1}`},
		"what steers a terminal": {`["\u009b1m", "\u202e"]`, jq.Options{}, jq.Shape{}, "[\"\\u009b1m\",\"\u202e\"]", `["\u009b1m","\u202e"]`},
		"raw":                    {`.pod + "\u001b\nx", [1]`, jq.Options{}, jq.Shape{Raw: true}, "web-1\x1b\nx\n[1]", "web-1\\x1b\nx\n[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := jq.Compile(tt.program, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			onError := func(_ emit.Source, _ *emit.Record, err error) bool { t.Error(err); return false }
			if got := string(f.Format(t.Context(), tt.shape, onError)(src)(nil, record("hi"))); got != tt.json+"\n" {
				t.Errorf("got  %q\nwant %q", got, tt.json)
			}
			if tt.text == "" {
				tt.text = tt.json
			}
			if tt.shape.Text = emit.Text(emit.TextOptions{}); tt.shape.Seq || tt.shape.Indent != "" {
				return
			}
			if got := string(f.Format(t.Context(), tt.shape, onError)(src)(nil, record("hi"))); got != tt.text+"\n" {
				t.Errorf("text: got  %q\nwant %q", got, tt.text)
			}
		})
	}
}

// What is given to the format of text is what the program made of the record.
func TestOutputsAsText(t *testing.T) {
	text := func(src emit.Source) emit.Encode {
		return func(dst []byte, r *emit.Record) []byte {
			return fmt.Appendf(dst, "%s/%s/%s/%s %s %s %v\n", src.Cluster, src.Namespace, src.Pod, src.Container, r.Stamp, r.Line, r.Truncated)
		}
	}
	const other = "2027-01-02T03:04:05.000000000Z"
	src := emit.Source{Cluster: "c", Namespace: "shop", Pod: "web-1", Container: "app"}
	for program, want := range map[string]string{
		`.`:                          "c/shop/web-1/app " + stamp + " hi true",
		`.line += "!"`:               "c/shop/web-1/app " + stamp + " hi! true",
		`del(.truncated)`:            "c/shop/web-1/app " + stamp + " hi false",
		`.truncated = false`:         "c/shop/web-1/app " + stamp + " hi false",
		`.ts = "` + other + `"`:      "c/shop/web-1/app " + other + " hi true",
		`.cluster = "d"`:             "d/shop/web-1/app " + stamp + " hi true",
		`.ns = "x"`:                  "c/x/web-1/app " + stamp + " hi true",
		`.pod = "x", .pod = "x", .`:  "c/shop/x/app " + stamp + " hi true\nc/shop/x/app " + stamp + " hi true\nc/shop/web-1/app " + stamp + " hi true",
		`.container = ("x", "y")`:    "c/shop/web-1/x " + stamp + " hi true\nc/shop/web-1/y " + stamp + " hi true",
		`. + {b: 1} | del(.cluster)`: `{"b":1,"container":"app","line":"hi","ns":"shop","pod":"web-1","truncated":true,"ts":"` + stamp + `"}`,
	} {
		r := record("hi")
		r.Truncated = true
		encode := compile(t, program, jq.Options{}).Format(t.Context(), jq.Shape{Text: text}, func(_ emit.Source, _ *emit.Record, err error) bool { t.Error(err); return false })(src)
		if got := string(encode(nil, r)); got != want+"\n" {
			t.Errorf("%s\ngot  %s\nwant %s", program, got, want)
		}
	}
}

// The parsed line is not part of a record that is let through, unless the program changes it or sets the key itself.
func TestOutputsWithoutTheParsedLine(t *testing.T) {
	const begin = `{"cluster":"c","ns":"shop","pod":"web-1","container":"app","ts":"` + stamp + `","line":`
	const line = `{"a":1}`
	const quoted = `"{\"a\":1}"`
	for program, want := range map[string]string{
		`.`:                              begin + quoted + `}`,
		`select(.json.a == 1)`:           begin + quoted + `}`,
		`.line += "!"`:                   begin + `"{\"a\":1}!"}`,
		`. + {b: .json.a}`:               begin + quoted + `,"b":1}`,
		`.parsed = .json`:                begin + quoted + `,"parsed":{"a":1}}`,
		`.json.b = 2`:                    begin + quoted + `,"json":{"a":1,"b":2}}`,
		`.json = "mine"`:                 begin + quoted + `,"json":"mine"}`,
		`.json |= null`:                  begin + quoted + `,"json":null}`,
		`. + {json: [1]}`:                begin + quoted + `,"json":[1]}`,
		`. + {json}`:                     begin + quoted + `,"json":{"a":1}}`,
		`.json = .json`:                  begin + quoted + `,"json":{"a":1}}`,
		`.["json"] |= .`:                 begin + quoted + `,"json":{"a":1}}`,
		`.json as $json | . + {$json}`:   begin + quoted + `,"json":{"a":1}}`,
		`setpath(["json"]; .json)`:       begin + quoted + `,"json":{"a":1}}`,
		`.json as $x | .x.json = 1 | .x`: `{"json":1}`,
		`. + {"json": .json}`:            begin + quoted + `,"json":{"a":1}}`,
		`{ts, line, cluster, ns, pod, container, json}`: begin + quoted + `,"json":{"a":1}}`,
		`.pod as $p | [{json, pod: $p}] | .[0]`:         `{"json":{"a":1},"pod":"web-1"}`,
		`to_entries | from_entries`:                     begin + quoted + `}`,
	} {
		f, err := jq.Compile(program, jq.Options{Parse: true})
		if err != nil {
			t.Fatal(err)
		}
		src := emit.Source{Cluster: "c", Namespace: "shop", Pod: "web-1", Container: "app"}
		encode := f.Format(t.Context(), jq.Shape{}, func(_ emit.Source, _ *emit.Record, err error) bool { t.Error(err); return false })(src)
		if got := string(encode(nil, record(line))); got != want+"\n" {
			t.Errorf("%s\ngot  %s\nwant %s", program, got, want)
		}
	}
	// A later output still has it.
	encode := compile(t, `., .json.a`, jq.Options{Parse: true}).Format(t.Context(), jq.Shape{Sort: true}, func(_ emit.Source, _ *emit.Record, err error) bool { t.Error(err); return false })(emit.Source{})
	if got, want := string(encode(nil, record(line))), `{"cluster":"","container":"","line":`+quoted+`,"ns":"","pod":"","ts":"`+stamp+"\"}\n1\n"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
