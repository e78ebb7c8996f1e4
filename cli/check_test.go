package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestExclusive gives both flags of each row of the table: they are refused, whichever comes first, and each is accepted
// as far as the other is concerned.
func TestExclusive(t *testing.T) {
	values := map[string]string{"--since": "1h", "--since-time": "1h ago", "--until-time": "23:59", "--until-each": "pod", "--status-fd": "3", "--tail": "0"}
	args := func(term string) []string {
		name, value, _ := strings.Cut(term, " ")
		if value == "" {
			value = values[name]
		}
		if value != "" {
			return []string{name, value}
		}
		switch name {
		case "--tab", "--all-contexts", "-A", "--no-multiple", "--previous", "--follow", "--no-follow", "--rotated",
			"--all-containers", "--default-container", "--quiet", "--until-done", "--sink-required":
			return []string{name}
		}
		return []string{name, "1"}
	}
	message := func(args ...string) string {
		var stderr strings.Builder
		parse(args, io.Discard, &stderr)
		text, _, _ := strings.Cut(stderr.String(), "\n")
		return strings.TrimPrefix(text, "mktail: error: ")
	}
	for _, e := range exclusive {
		want := fmt.Sprintf("%s contradicts %s", e.one, e.other)
		if got := message(append(args(e.one), args(e.other)...)...); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := message(append(args(e.other), args(e.one)...)...); got != want {
			t.Errorf("reversed: got %q, want %q", got, want)
		}
		for _, term := range []string{e.one, e.other} {
			if got := message(args(term)...); strings.Contains(got, "contradicts") {
				t.Errorf("%s alone: %s", term, got)
			}
		}
	}
}

// TestBlame tests which flags a mistake is put down to.
func TestBlame(t *testing.T) {
	for args, want := range map[string]on{
		"--tail -2":                     {"tail"},
		"--tail many":                   {"tail"},
		"--tail":                        {"tail"},
		"-o yaml":                       {"output"},
		"-A -n shop":                    {"all-namespaces", "namespace"},
		"--tail 0 --no-follow":          {"tail", "follow"},
		"--json -o raw":                 {"json", "output"},
		"-t --json":                     {"timestamps", "json"},
		"-t -o json":                    {"timestamps", "output"},
		"--jq . -o raw":                 {"jq", "output"},
		"--seq":                         {"sort-keys", "seq"},
		"--jq-strict":                   {"jq-strict"},
		"--stdin web":                   {"stdin"},
		"--stdin --tail 1":              {"stdin", "tail"},
		"--status a --state a":          {"status", "state"},
		"--template x --mark-gaps":      {"mark-gaps", "template"},
		"--frobnicate":                  nil,
		"--since-time 1h --since 1h":    {"since", "since-time"},
		"--previous --follow --rotated": {"previous", "follow"},
	} {
		err := new(flags).read(strings.Fields(args), io.Discard, io.Discard, func(int) {})
		usage, ok := err.(*UsageError)
		if !ok || !slices.Equal(usage.Flags, want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}
