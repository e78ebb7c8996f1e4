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
