package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"mktail/cli/verdict"
	"mktail/emit"
)

// TestFormat tests which format and colours come of the flags, the terminal and the environment.
func TestFormat(t *testing.T) {
	const (
		text  = "web x\n"
		color = "\x1b[38;5;"
		json  = `{"cluster":"eu"`
	)
	tests := []struct {
		name     string
		args     string
		terminal bool
		env      map[string]string
		want     string // the output's beginning
	}{
		{"pipe", "", false, nil, json},
		{"terminal", "", true, nil, color},
		{"NO_COLOR", "", true, map[string]string{"NO_COLOR": "1"}, text},
		{"TERM=dumb", "", true, map[string]string{"TERM": "dumb"}, text},
		{"always", "--color always -o text", false, map[string]string{"NO_COLOR": "1"}, color},
		{"never", "--color never", true, nil, text},
		{"text in a pipe", "-o text", false, nil, text},
		{"json on a terminal", "--json", true, nil, json},
		{"-o json on a terminal", "-o json", true, nil, json},
		{"raw on a terminal", "-o raw", true, nil, "x\n"},
		{"filter on a terminal", "--jq .pod", true, nil, "\"web\"\n"},
		{"fields", "-o json --fields node", true, nil, `{"cluster":"eu","ns":"shop","pod":"web","container":"app","ts":"2026-01-02T03:04:05.000000000Z","line":"x","node":"n1"}`},
		{"fields of the filter", "--jq .node --fields node", true, nil, "\"n1\"\n"},
		{"schema", "--json --schema loki", true, nil, `{"cluster":"eu","namespace":"shop",`},
		{"template", "--template {{.PodName}}", true, nil, "web\n"},
		{"template in colours", "-o template --template {{`x`|colorRed}}", true, nil, "\x1b[31mx\x1b[0m\x1b[0m\n"},
		{"template in colours in a pipe", "--template {{`x`|colorRed}} --color always", false, nil, "\x1b[31mx\x1b[0m\x1b[0m\n"},
		{"template without colours", `--template {{"x"|colorRed}}{{"\x1b"}}`, true, map[string]string{"NO_COLOR": "1"}, `x\x1b` + "\n"},
		{"template in a pipe", `--template {{"x"|colorRed}}{{"\x1b"}}`, false, nil, "x\x1b\n"},
		{"extjson", "-o extjson --fields node", true, nil, `{"cluster":"eu","ns":"shop","pod":"web","container":"app","ts":"2026-01-02T03:04:05.000000000Z","line":"x","node":"n1"}`},
		{"ppextjson", "-o ppextjson", true, nil, "{\n  \"cluster\": \"eu\",\n"},
		{"filter of records on a terminal", "--jq .", true, nil, color},
		{"filter with sorted keys on a terminal", "--jq . -S", true, nil, `{"cluster":"eu","container"`},
		{"filter of records as JSON on a terminal", "--json --jq .", true, nil, json},
		{"filter with -r", "--jq .pod -r", false, nil, "web\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, code, done := parse(strings.Fields(tt.args), io.Discard, io.Discard)
			if done {
				t.Fatalf("exit code %d", code)
			}
			filter, err := f.jq()
			if err != nil {
				t.Fatal(err)
			}
			names, err := f.naming()
			if err != nil {
				t.Fatal(err)
			}
			layout, err := f.layout(t.Context(), zerolog.Nop(), tt.terminal, func(name string) string { return tt.env[name] }, filter, names)
			if err != nil {
				t.Fatal(err)
			}
			encode := verdict.New(verdict.Options{}).Format(t.Context(), func(j *verdict.Judge) emit.Format { return layout(false, j) })(emit.Source{Cluster: "eu", Namespace: "shop", Pod: "web", Container: "app", Node: "n1"})
			got := string(encode(nil, &emit.Record{Stamp: []byte("2026-01-02T03:04:05.000000000Z"), Line: []byte("x")}))
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}
