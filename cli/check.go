package cli

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// check refuses flags that exclude each other, need others, or have values that mean nothing. It reads --jq-file, and resolves
// --output and the paths.
func (f *flags) check() error {
	if name := f.empty(); name != "" {
		return usagef(on{name}, "see mktail --help", "--%s needs a value", name)
	}
	f.expandPaths()
	for _, check := range []func() error{f.checkExclusive, f.readJQFile, f.checkValues, f.checkNeeds, f.checkCommand, f.checkFiles, f.checkStdin, f.checkFormat} {
		if err := check(); err != nil {
			return err
		}
	}
	f.Verbose = f.Verbose || f.Hidden.Verbosity > 0
	return nil
}

// empty returns a flag that was given an empty value, if there is one: it would count as not given, and a variable of a shell
// that is not set would choose all there is. Flags that may be repeated check their values themselves.
func (f *flags) empty() string {
	for _, p := range f.line.Path {
		if p.Flag == nil {
			continue
		}
		if v := p.Flag.Target; (v.Kind() == reflect.String || v.Kind() == reflect.Slice) && v.Len() == 0 {
			return p.Flag.Name
		}
	}
	if slices.Contains(f.JQPath, "") {
		return "jq-path"
	}
	return ""
}

const (
	leaveOneOut = "leave one of them out"
	noLines     = "there would be nothing"
)

// exclusive are flags that cannot be used together, and why. How a flag is written here is how the message writes it: see asks.
var exclusive = []struct{ one, other, why string }{
	{"--jq", "--jq-file", leaveOneOut},
	{"--template", "--template-file", leaveOneOut},
	{"--jq", "--template", leaveOneOut},
	{"--jq", "--template-file", leaveOneOut},
	{"--jq-file", "--template", leaveOneOut},
	{"--jq-file", "--template-file", leaveOneOut},
	{"--indent", "--tab", leaveOneOut},
	{"--all-contexts", "--context", leaveOneOut},
	{"-A", "-n", leaveOneOut},
	{"--no-multiple", "--all-contexts", "it follows one context"},
	{"--since", "--since-time", leaveOneOut},
	{"--previous", "--follow", "what was before the last restart does not go on"},
	{"--previous", "--rotated", leaveOneOut},
	{"--previous", "--state", "--state reads every instance anyway"},
	{"--until-time", "--state", "lines that were left out would not come again"},
	{"--limit-bytes", "--state", "what was cut off would not come again"},
	{"--tail 0", "--no-follow", noLines},
	{"--tail 0", "--previous", noLines},
	{"--all-containers", "--container", leaveOneOut},
	{"--default-container", "--container", leaveOneOut},
	{"--default-container", "--all-containers", leaveOneOut},
	{"--until-each", "--until-count", leaveOneOut},
	{"--until-ready", "--until-done", "what is rolled out does not end"},
	{"--status", "--status-fd", leaveOneOut},
	{"--max-count", "--quiet", leaveOneOut},
	{"--max-count", "--state", "lines that were read would not come again"},
	{"--quiet", "--state", leaveOneOut},
	{"--pager", "--sink-required", "the end of a pager is that of the run"},
}

func (f *flags) checkExclusive() error {
	for _, e := range exclusive {
		one, other := f.asks(e.one), f.asks(e.other)
		if one != nil && other != nil {
			return usagef(on{one.Name, other.Name}, e.why, "%s contradicts %s", e.one, e.other)
		}
	}
	return nil
}

// asks returns the flag that a term names, if the command line or the config gives the flag and its value is what the term
// asks for; else nil. "--tail 0" asks for the value 0, "--no-follow" for no, and any other term for a value that is not zero,
// or for any value in place of a default.
func (f *flags) asks(term string) *kong.Flag {
	name, value, _ := strings.Cut(strings.TrimLeft(term, "-"), " ")
	for _, p := range f.line.Path {
		flag := p.Flag
		switch {
		case flag == nil:
		case value != "":
			if flag.Name == name && fmt.Sprint(flag.Target) == value {
				return flag
			}
		case flag.Tag.Negatable != "" && "no-"+flag.Name == name:
			if flag.Target.IsZero() {
				return flag
			}
		case flag.Name == name, string(flag.Short) == name:
			if !flag.Target.IsZero() || flag.HasDefault && !flag.IsBool() {
				return flag
			}
		}
	}
	return nil
}

// asksAny reports whether any of the flags, by their names, asks for something.
func (f *flags) asksAny(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return f.asks(name) != nil })
}

// needs are flags that mean nothing without one of others.
var needs = []struct {
	flags, others on
	message, hint string
}{
	{on{"sort-keys", "seq"}, on{"jq", "jq-file"}, "-S and --seq need --jq", "it is for the output of jq programs"},
	{on{"indent", "tab"}, on{"jq", "jq-file"}, "--indent and --tab need --jq", "it is for the output of jq programs"},
	{on{"raw-output"}, on{"jq", "jq-file"}, "-r needs --jq", "for the lines alone use -o raw"},
	{on{"as-group"}, on{"as"}, "--as-group needs --as", "it says in which groups that user is"},
	{on{"until-count"}, on{"until", "until-jq"}, "--until-count needs --until", "it says how many matches"},
	{on{"until-each"}, on{"until", "until-jq"}, "--until-each needs --until", "it says how many must match"},
	{on{"exit-code-from"}, on{"until-done"}, "--exit-code-from needs --until-done", "it is the exit code of a container that has ended"},
	{on{"template-strict"}, on{"template", "template-file"}, "--template-strict needs --template", "it is about records that the template fails on"},
	{on{"level-unknown"}, on{"level"}, "--level-unknown needs --level", "it is about lines without a level"},
	{on{"before", "after", "context-lines"}, on{"include"}, "--before, --after and --context-lines need --include", "it says what the lines stand beside"},
}

func (f *flags) checkNeeds() error {
	if f.JQ == nil && f.UntilJQ == "" && f.FailOnJQ == "" {
		for _, p := range f.line.Path { // in a config these may be for programs of the command line
			if p.Flag != nil && !p.Resolved && slices.Contains(on{"jq-arg", "jq-argjson", "jq-path", "jq-strict", "parse"}, p.Flag.Name) {
				return usagef(on{p.Flag.Name}, "it is for jq programs", "--%s needs --jq, --until-jq or --fail-on-jq", p.Flag.Name)
			}
		}
	}
	for _, n := range needs {
		if f.asksAny(n.flags...) && !f.asksAny(n.others...) {
			return usagef(n.flags, n.hint, "%s", n.message)
		}
	}
	return nil
}

const (
	maxBefore = 100_000 // of --before and --context-lines
	maxLine   = 1 << 30 // of --max-line, in bytes
)

// checkValues refuses values that no flag beside them can make good.
func (f *flags) checkValues() error {
	inMemory := "so many lines of each container are kept in memory"
	for _, v := range []struct {
		wrong         bool
		flags         on
		message, hint string
	}{
		{f.Template != nil && *f.Template == "", on{"template"}, "--template needs a template", "such as --template '{{.PodName}} {{.Message}}'"},
		{f.JQ != nil && strings.TrimSpace(*f.JQ) == "", on{f.program()}, fmt.Sprintf("--%s needs a program", f.program()), "such as --jq 'select(.ns==\"shop\")'"},
		{f.Indent < 0 || f.Indent > 16, on{"indent"}, fmt.Sprintf("--indent %d is no number of spaces", f.Indent), "give 0 to 16"},
		{f.Selector != nil && strings.TrimSpace(*f.Selector) == "", on{"selector"}, "-l needs a label selector", "such as -l app=web; without it, labels don't count"},
		{slices.Contains(f.Context, ""), on{"context"}, "--context needs a pattern", "such as --context 'prod-*'"},
		{f.LimitBytes < 0, on{"limit-bytes"}, fmt.Sprintf("--limit-bytes %d is no number of bytes", f.LimitBytes), "give a number of bytes; 0 is no limit"},
		{f.UntilCount < 1, on{"until-count"}, fmt.Sprintf("--until-count %d is no number of matches", f.UntilCount), "give at least 1"},
		{f.WaitPods < 0 || f.given("wait-pods") && f.WaitPods == 0, on{"wait-pods"}, fmt.Sprintf("--wait-pods %d waits for nothing", f.WaitPods), "give at least 1"},
		{f.given("status-fd") && f.StatusFD < 2, on{"status-fd"}, fmt.Sprintf("--status-fd %d can't be written to: 1 is for records", f.StatusFD), "such as --status-fd 3 3>events.ndjson"},
		{f.MaxCount < 0 || f.given("max-count") && f.MaxCount == 0, on{"max-count"}, fmt.Sprintf("--max-count %d lets nothing through", f.MaxCount), "give at least 1"},
		{f.Before < 0 || f.After < 0 || f.ContextLines < 0, on{"before", "after", "context-lines"}, "--before, --after and --context-lines can't be negative", "give numbers of lines"},
		{f.Before > maxBefore, on{"before"}, fmt.Sprintf("--before %d is more than %d", f.Before, maxBefore), inMemory},
		{f.ContextLines > maxBefore, on{"context-lines"}, fmt.Sprintf("--context-lines %d is more than %d", f.ContextLines, maxBefore), inMemory},
		{f.Tail < -1, on{"tail"}, fmt.Sprintf("--tail %d is no number of lines", f.Tail), "give a number of lines; -1 is all"},
		{f.MaxStreams < 1 && f.MaxStreams != -1, on{"max-streams"}, fmt.Sprintf("--max-streams %d lets nothing through", f.MaxStreams), "give at least 1; -1 is no limit"},
		{f.MaxLine < 1, on{"max-line"}, fmt.Sprintf("--max-line %d lets nothing through", f.MaxLine), "give a number of bytes"},
		{f.MaxLine > maxLine, on{"max-line"}, fmt.Sprintf("--max-line %d is more than %d", f.MaxLine, maxLine), "a line is in memory as a whole"},
		{f.StateEvery <= 0, on{"state-every"}, fmt.Sprintf("--state-every %s is no interval", time.Duration(f.StateEvery)), "give a time such as 5s"},
	} {
		if v.wrong {
			return usagef(v.flags, v.hint, "%s", v.message)
		}
	}
	return nil
}

// checkCommand refuses flags beside a command with which it could not run to its end, or that need one.
func (f *flags) checkCommand() error {
	if f.Command == nil {
		for _, p := range f.line.Path { // in a config these may be for commands of the command line
			if p.Flag != nil && !p.Resolved && (p.Flag.Name == "grace" || p.Flag.Name == "command-output") {
				return usagef(on{p.Flag.Name}, "such as mktail web --fail-on panic -- ./smoke-test", "--%s needs a command after --", p.Flag.Name)
			}
		}
		return nil
	}
	if len(f.Command) == 0 || f.Command[0] == "" {
		return usagef(nil, "such as mktail web -- ./smoke-test; a query that begins with - is written [-]x", "-- needs a command")
	}
	for _, c := range []struct{ flag, why string }{
		{"--no-follow", "logs are followed until the command has ended"},
		{"--previous", "logs are followed until the command has ended"},
		{"--until-time", "logs are followed until the command has ended"},
	} {
		if flag := f.asks(c.flag); flag != nil {
			return usagef(on{flag.Name}, c.why, "%s cannot be used with a command after --", c.flag)
		}
	}
	for _, p := range f.line.Path {
		if p.Flag != nil && !p.Resolved && p.Flag.Name == "pager" {
			return usagef(on{"pager"}, "both would read from the terminal", "--pager cannot be used with a command after --")
		}
	}
	return nil
}

// checkFiles refuses two flags that name one file.
func (f *flags) checkFiles() error {
	for _, c := range []struct{ one, other, path, same string }{
		{"status", "state", f.Status, f.State},
		{"ready-file", "state", f.ReadyFile, f.State},
		{"ready-file", "status", f.ReadyFile, f.Status},
	} {
		if c.path != "" && c.path == c.same {
			return usagef(on{c.one, c.other}, "name two files", "--%s contradicts --%s: both name %s", c.one, c.other, c.path)
		}
	}
	return nil
}

// checkStdin refuses what means nothing when lines are read from stdin.
func (f *flags) checkStdin() error {
	if !f.Stdin {
		return nil
	}
	if f.Command != nil {
		return usagef(on{"stdin"}, "a command is run while logs of clusters are followed", "--stdin cannot be used with a command after --")
	}
	if len(f.Query) > 0 {
		return usagef(on{"stdin"}, leaveOneOut, "--stdin contradicts QUERY %q", f.Query[0])
	}
	if name := f.besideStdin(); name != "" {
		return usagef(on{"stdin", strings.TrimPrefix(name, "no-")}, leaveOneOut, "--stdin contradicts --%s", name)
	}
	return nil
}
