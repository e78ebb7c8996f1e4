package jq_test

import (
	"testing"

	"mktail/emit"
	"mktail/emit/jq"
)

func TestFields(t *testing.T) {
	const all = emit.FieldNode | emit.FieldUID | emit.FieldLabels | emit.FieldAnnotations | emit.FieldRestarts | emit.FieldContext | emit.FieldImage
	for fields, want := range map[emit.Fields]string{
		0:   "[null,null,null,null,null,null,null]\n",
		all: `["n1","u-1","\"b\"","z",3,"admin@c","web:2"]` + "\n",
	} {
		r := record("")
		r.Restarts = 3
		program := `[.node, .uid, .labels.a, .annotations["x/y"], .restarts, .context, .image]`
		if got := output(t, program, jq.Options{Fields: fields}, jq.Shape{}, r); got != want {
			t.Errorf("got %s want %s", got, want)
		}
	}
}

func TestGap(t *testing.T) {
	r := record("")
	r.Gap = &emit.Gap{From: "A", To: "B", Reason: "rotated"}
	got := output(t, `[.pod, .line, .gap.from, .gap.reason]`, jq.Options{}, jq.Shape{}, r)
	if want := `["web-1","","A","rotated"]` + "\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What one record had does not show in the next.
func TestInputAnew(t *testing.T) {
	p := compile(t, "[.line, .truncated]", jq.Options{})
	encode := p.Format(t.Context(), jq.Shape{}, func(_ emit.Source, _ *emit.Record, err error) bool { t.Error(err); return false })(emit.Source{})
	first, second := record("a\xff"), record("b\xff")
	first.Truncated = true
	got := string(encode(encode(nil, first), second))
	if want := "[\"a\uFFFD\",true]\n[\"b\uFFFD\",null]\n"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

func TestParseJSON(t *testing.T) {
	const digits = "12345678901234567890.5"
	v, err := jq.ParseJSON([]byte("[" + digits + "]"))
	if err != nil {
		t.Fatal(err)
	}
	if got := output(t, "$v", jq.Options{Variables: map[string]any{"v": v}}, jq.Shape{}, record("")); got != "["+digits+"]\n" {
		t.Errorf("got %s", got)
	}
	for _, text := range []string{"", "{", "1 2", "1]"} {
		if v, err := jq.ParseJSON([]byte(text)); err == nil {
			t.Errorf("%q: %v", text, v)
		}
	}
}
