package jq_test

import (
	"testing"

	"mktail/emit"
	"mktail/emit/jq"
)

// TestLevel tests that programs see the level of lines in JSON and text, and that it is not part of what they let through.
func TestLevel(t *testing.T) {
	const whole = `{"cluster":"c","ns":"shop","pod":"web-1","container":"app","ts":"2026-01-02T03:04:05.000000000Z","line":"level=warn msg=m"`
	for _, tt := range []struct{ name, program, line, want string }{
		{"JSON", ".level", `{"level":50,"msg":"m"}`, "\"error\"\n"},
		{"text", ".level", "2026-01-02 03:04:05,678 WARNING a.b: m", "\"warn\"\n"},
		{"logfmt", ".level", "time=2026-01-02T03:04:05Z level=DEBUG msg=m", "\"debug\"\n"},
		{"coloured", ".level", "\x1b[31mERROR\x1b[0m: m", "\"error\"\n"},
		{"no level", ".level", "plain text", "null\n"},
		{"a level that is not known", ".level", `{"level":"audit","msg":"m"}`, "null\n"},
		{"a condition", `select(.level == "error") | .line`, `{"level":"info","msg":"m"}`, ""},
		{"let through", ".", "level=warn msg=m", whole + "}\n"},
		{"removed", "del(.level)", "level=warn msg=m", whole + "}\n"},
		{"changed", `.level |= ascii_upcase`, "level=warn msg=m", whole + `,"level":"WARN"}` + "\n"},
		{"added", ". + {level}", "level=warn msg=m", whole + `,"level":"warn"}` + "\n"},
		{"added without the line", ". + {json}", "level=warn msg=m", whole + `,"json":null}` + "\n"},
		{"alone", "{level}", "level=warn msg=m", `{"level":"warn"}` + "\n"},
	} {
		if got := output(t, tt.program, jq.Options{Parse: true}, jq.Shape{}, record(tt.line)); got != tt.want {
			t.Errorf("%s: got %s want %s", tt.name, got, tt.want)
		}
	}
	if got := output(t, "has(\"level\")", jq.Options{}, jq.Shape{}, record("level=warn msg=m")); got != "false\n" {
		t.Errorf("without Parse: got %s", got)
	}
	gap := record("")
	gap.Gap = &emit.Gap{Reason: "x"}
	if got := output(t, ".level", jq.Options{Parse: true}, jq.Shape{}, gap); got != "null\n" {
		t.Errorf("a gap: got %s", got)
	}
}
