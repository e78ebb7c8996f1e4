package cli

import (
	"reflect"
	"slices"
	"strings"
)

// empty is a flag that was given an empty value, if one is: it would pass for a flag that was not given, and a variable of a
// shell that is not set would choose all there is. Of those that may be repeated, each says that for itself.
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

// check refuses flags that contradict each other or have values that mean nothing.
func (f *flags) check() error {
	if name := f.empty(); name != "" {
		return usagef("see mktail --help", "--%s needs a value", name)
	}
	f.expandPaths()
	jq := "--jq"
	if f.JQFile != "" {
		if jq = "--jq-file"; f.given("jq") {
			return usagef("leave one of them out", "--jq contradicts --jq-file")
		}
	}
	if err := f.readJQFile(); err != nil {
		return err
	}
	output := f.Output
	if output == "default" {
		output = "text"
	}
	if f.JSON {
		if output != "auto" && output != "json" {
			return usagef("leave one of them out", "--json contradicts -o %s", output)
		}
		output = "json"
	}
	template := "--template"
	if f.TemplateFile != "" {
		template = "--template-file"
	}
	templates := f.Template != nil || f.TemplateFile != ""
	switch {
	case f.Template != nil && f.TemplateFile != "":
		return usagef("leave one of them out", "--template contradicts --template-file")
	case f.Template != nil && *f.Template == "":
		return usagef("such as --template '{{.PodName}} {{.Message}}'", "--template needs a template")
	case templates && f.JQ != nil:
		return usagef("leave one of them out", "%s contradicts %s", jq, template)
	case templates && output != "auto" && output != "template":
		return usagef("leave one of them out", "%s contradicts -o %s", template, output)
	case output == "template" && !templates:
		return usagef("give one with --template or --template-file", "-o template needs a template")
	case templates:
		output = "template"
	}
	switch {
	case f.JQ != nil && strings.TrimSpace(*f.JQ) == "":
		return usagef("such as --jq 'select(.ns==\"shop\")'", "--jq needs a program")
	case f.JQ != nil && output != "auto" && output != "json" && output != "text":
		return usagef("its output is JSON, or text where it makes records; with -r, strings stand as they are", "%s contradicts -o %s", jq, output)
	case f.JQ != nil && f.Schema != "mktail":
		return usagef("the program can name its keys as it likes", "%s contradicts --schema %s", jq, f.Schema)
	case (f.SortKeys || f.Seq) && f.JQ == nil:
		return usagef("it is for the output of jq programs", "-S and --seq need --jq")
	case (f.SortKeys || f.Seq || f.Indent > 0 || f.Tab) && output == "text":
		return usagef("they are for JSON", "-S, --seq, --indent and --tab contradict -o text")
	case f.withoutProgram() != "":
		return usagef("it is for jq programs", "--%s needs --jq, --until-jq or --fail-on-jq", f.withoutProgram())
	case (f.Indent != 0 || f.Tab) && f.JQ == nil:
		return usagef("it is for the output of jq programs", "--indent and --tab need --jq")
	case f.Indent < 0 || f.Indent > 16:
		return usagef("give 0 to 16", "--indent %d is no number of spaces", f.Indent)
	case f.Indent != 0 && f.Tab:
		return usagef("leave one of them out", "--indent contradicts --tab")
	case f.RawOutput && f.JQ == nil:
		return usagef("for the lines alone use -o raw", "-r needs --jq")
	case f.Color == "always" && (output == "json" || output == "extjson" || output == "ppextjson" || f.JQ != nil && output != "text"):
		return usagef("JSON is never coloured; use -o text", "--color=always contradicts JSON output")
	case f.Selector != nil && strings.TrimSpace(*f.Selector) == "":
		return usagef("such as -l app=web; without it, labels don't count", "-l needs a label selector")
	case slices.Contains(f.Context, ""):
		return usagef("such as --context 'prod-*'", "--context needs a pattern")
	case f.Hidden.As == "" && len(f.Hidden.AsGroup) > 0:
		return usagef("it says in which groups that user is", "--as-group needs --as")
	case f.AllContexts && len(f.Context) > 0:
		return usagef("leave one of them out", "--all-contexts contradicts --context")
	case f.AllNamespaces && len(f.Namespace) > 0:
		return usagef("leave one of them out", "-A contradicts -n")
	case !f.Multiple && f.AllContexts:
		return usagef("it follows one context", "--no-multiple contradicts --all-contexts")
	case f.SinceTime != "" && f.given("since"):
		return usagef("leave one of them out", "--since contradicts --since-time")
	case f.Previous && f.given("follow") && f.Follow:
		return usagef("what was before the last restart does not go on", "--previous contradicts --follow")
	case f.Previous && f.Rotated:
		return usagef("leave one of them out", "--previous contradicts --rotated")
	case f.Previous && f.State != "":
		return usagef("--state reads every instance anyway", "--previous contradicts --state")
	case f.UntilTime != "" && f.State != "":
		return usagef("lines that were left out would not come again", "--until-time contradicts --state")
	case f.LimitBytes > 0 && f.State != "":
		return usagef("what was cut off would not come again", "--limit-bytes contradicts --state")
	case f.LimitBytes < 0:
		return usagef("give a number of bytes; 0 is no limit", "--limit-bytes %d is no number of bytes", f.LimitBytes)
	case f.Tail == 0 && f.given("follow") && !f.Follow:
		return usagef("there would be nothing", "--tail 0 contradicts --no-follow")
	case f.Tail == 0 && f.Previous:
		return usagef("there would be nothing", "--tail 0 contradicts --previous")
	case f.AllContainers && len(f.Container) > 0:
		return usagef("leave one of them out", "--all-containers contradicts --container")
	case f.DefaultContainer && len(f.Container) > 0:
		return usagef("leave one of them out", "--default-container contradicts --container")
	case f.DefaultContainer && f.AllContainers:
		return usagef("leave one of them out", "--default-container contradicts --all-containers")
	case f.Stdin && len(f.Query) > 0:
		return usagef("leave one of them out", "--stdin contradicts QUERY %q", f.Query[0])
	case f.Stdin && f.besideStdin() != "":
		return usagef("leave one of them out", "--stdin contradicts --%s", f.besideStdin())
	case f.stamped() && (output == "json" || output == "extjson" || output == "ppextjson"):
		return usagef("records have their times anyway", "--timestamps contradicts %s", f.called(output))
	case f.stamped() && f.JQ != nil && output != "text" && (f.RawOutput || f.SortKeys || f.Seq || f.Indent > 0 || f.Tab):
		return usagef("put .ts into its output", "--timestamps contradicts --jq with -r, -S, --seq, --indent or --tab")
	case f.UntilCount < 1:
		return usagef("give at least 1", "--until-count %d is no number of matches", f.UntilCount)
	case f.given("until-count") && len(f.Until) == 0 && f.UntilJQ == "":
		return usagef("it says how many matches", "--until-count needs --until")
	case f.UntilEach != "" && len(f.Until) == 0 && f.UntilJQ == "":
		return usagef("it says how many must match", "--until-each needs --until")
	case f.UntilEach != "" && f.given("until-count"):
		return usagef("leave one of them out", "--until-each contradicts --until-count")
	case f.WaitPods < 0, f.given("wait-pods") && f.WaitPods == 0:
		return usagef("give at least 1", "--wait-pods %d waits for nothing", f.WaitPods)
	case f.Status != "" && f.given("status-fd"):
		return usagef("leave one of them out", "--status contradicts --status-fd")
	case f.Status != "" && f.Status == f.State:
		return usagef("name two files", "--status contradicts --state: both name %s", f.Status)
	case f.ReadyFile != "" && f.ReadyFile == f.State:
		return usagef("name two files", "--ready-file contradicts --state: both name %s", f.ReadyFile)
	case f.ReadyFile != "" && f.ReadyFile == f.Status:
		return usagef("name two files", "--ready-file contradicts --status: both name %s", f.ReadyFile)
	case f.given("status-fd") && f.StatusFD < 2:
		return usagef("such as --status-fd 3 3>events.ndjson", "--status-fd %d can't be written to: 1 is for records", f.StatusFD)
	case f.MaxCount < 0, f.given("max-count") && f.MaxCount == 0:
		return usagef("give at least 1", "--max-count %d lets nothing through", f.MaxCount)
	case f.MaxCount > 0 && f.Quiet:
		return usagef("leave one of them out", "--max-count contradicts --quiet")
	case f.MaxCount > 0 && f.State != "":
		return usagef("lines that were read would not come again", "--max-count contradicts --state")
	case f.Quiet && f.State != "":
		return usagef("leave one of them out", "--quiet contradicts --state")
	case f.Before < 0 || f.After < 0 || f.ContextLines < 0:
		return usagef("give numbers of lines", "--before, --after and --context-lines can't be negative")
	case f.Before > mostBefore:
		return usagef("so many lines of each container are kept in memory", "--before %d is more than %d", f.Before, mostBefore)
	case f.ContextLines > mostBefore:
		return usagef("so many lines of each container are kept in memory", "--context-lines %d is more than %d", f.ContextLines, mostBefore)
	case max(f.Before, f.After, f.ContextLines) > 0 && len(f.Include) == 0:
		return usagef("it says what the lines stand beside", "--before, --after and --context-lines need --include")
	case f.Timezone != "" && !f.stamped() && output != "template":
		return usagef("add --timestamps", "--timezone needs --timestamps")
	case f.Prefix && output != "raw":
		return usagef("text has a prefix of its own", "--prefix needs -o raw")
	case f.Tail < -1:
		return usagef("give a number of lines; -1 is all", "--tail %d is no number of lines", f.Tail)
	case f.MaxStreams < 1 && f.MaxStreams != -1:
		return usagef("give at least 1; -1 is no limit", "--max-streams %d lets nothing through", f.MaxStreams)
	case f.MaxLine < 1:
		return usagef("give a number of bytes", "--max-line %d lets nothing through", f.MaxLine)
	case f.MaxLine > mostLine:
		return usagef("a line is in memory as a whole", "--max-line %d is more than %d", f.MaxLine, mostLine)
	case f.StateEvery <= 0:
		return usagef("give a time such as 5s", "--state-every %s is no interval", f.StateEvery)
	case f.MarkGaps && (output == "raw" || output == "template"):
		return usagef("it has no form for a gap; stderr tells of them", "--mark-gaps contradicts -o %s", output)
	}
	f.Output = output
	f.Verbose = f.Verbose || f.Hidden.Verbosity > 0
	return nil
}

// withoutProgram is a flag that is for jq programs, if the command line has one and no program. In a config it may stand for
// the programs to come.
func (f *flags) withoutProgram() string {
	if f.JQ != nil || f.UntilJQ != "" || f.FailOnJQ != "" {
		return ""
	}
	for _, p := range f.line.Path {
		if p.Flag != nil && !p.Resolved && slices.Contains([]string{"jq-arg", "jq-argjson", "jq-path", "jq-strict", "parse"}, p.Flag.Name) {
			return p.Flag.Name
		}
	}
	return ""
}
