package cli

import (
	"io"
	"reflect"
	"strings"
	"testing"

	"mktail/cli/verdict"
)

// TestArguments tests where on a command line things may stand, and how flags get their values.
func TestArguments(t *testing.T) {
	tests := []struct {
		name, args string
		get        func(f *flags) any
		want       any
	}{
		{"query among flags", "web --no-follow -n shop db --jq . job/x", func(f *flags) any { return f.Query }, []string{"web", "db", "job/x"}},
		{"query before flags", "web db -q --until x", func(f *flags) any { return f.Query }, []string{"web", "db"}},
		{"after switches", "-A web --summary db -t x -pq=false y --max-log-requests 5 z", func(f *flags) any { return f.Query }, []string{"web", "db", "x", "y", "z"}},
		{"a command", "web -i x -- db --no-follow -- x", func(f *flags) any { return append(f.Query, f.Command...) }, []string{"web", "db", "--no-follow", "--", "x"}},
		{"flags of a command", "web -i x -- db -v", func(f *flags) any { return f.Verbose }, false},
		{"a command without a query", "-- -db", func(f *flags) any { return append(f.Command, f.Query...) }, []string{"-db"}},
		{"no command", "web", func(f *flags) any { return f.Command }, []string(nil)},
		{"a dash is not a flag", "- -i -", func(f *flags) any { return append(f.Query, f.Include...) }, []string{"-", "-"}},
		{"two dashes as a value", "-i=-- --include=-- -- x", func(f *flags) any { return append(append(f.Include, f.Query...), f.Command...) }, []string{"--", "--", "x"}},
		{"values like flags", "-e -v=2 -i -n=foo --include --no-follow", func(f *flags) any { return append(f.Exclude, f.Include...) }, []string{"-v=2", "-n=foo", "--no-follow"}},
		{"values like short flags are not given", "-e -v=2 -i -n=foo", func(f *flags) any { return f.Verbose || f.Namespace != nil }, false},
		{"short with a value", "-nshop -n dev -n=a,b", func(f *flags) any { return f.Namespace }, []string{"shop", "dev", "a,b"}},
		{"short with an empty value", "-i= -i x", func(f *flags) any { return f.Include }, []string{"", "x"}},
		{"short switches with a value", "-Aqi x y", func(f *flags) any { return append(f.Include, f.Query...) }, []string{"x", "y"}},
		{"short switches with a value by =", "-Aqi=x y", func(f *flags) any { return append(f.Include, f.Query...) }, []string{"x", "y"}},
		{"switches by =", "-m=false -f=false", func(f *flags) any { return f.Multiple || f.Follow }, false},
		{"a form of timestamps", "-o text -t=short x", func(f *flags) any { return append(f.Query, string(f.Timestamps)) }, []string{"x", "short"}},
		{"commas of a regular expression", "-c=a,{1,2}", func(f *flags) any { return f.Container }, []string{"a,{1,2}"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stderr strings.Builder
			f, _, done := parse(strings.Fields(tt.args), io.Discard, &stderr)
			if done {
				t.Fatal(&stderr)
			}
			if got := tt.get(f); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	for args, want := range map[string]string{
		"web -i":         "--include needs a value",
		"web --since":    "--since needs a value",
		"web -l":         "-l needs a label selector",
		"web --nope db":  "unknown flag --nope",
		"web -Z db":      "unknown flag -Z",
		"web -i x --":    "-- needs a command",
		"--":             "-- needs a command",
		"web -i -- x":    "--include needs a value",
		"--fail-on -- x": "--fail-on needs a value",
	} {
		var stderr strings.Builder
		if _, code, done := parse(strings.Fields(args), io.Discard, &stderr); !done || code != verdict.ExitUsage || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: %d, %s, want %s", args, code, &stderr, want)
		}
	}
}
