package cli

import (
	"slices"
	"strings"

	"mktail/emit"
)

// format is a form of the output, with what it can have.
type format struct {
	name, alias string

	keys     bool // records have keys: --fields and --schema apply. They also have their times, and no colours
	people   bool // for people to read: --highlight and --pretty apply
	colors   bool // --color=always applies
	programs bool // --jq may write it
	shapes   bool // then -S, --seq, --indent and --tab apply
	lines    bool // a line "--" may stand between groups of lines, as with grep
	gaps     bool // has a form for a gap: --mark-gaps applies
	prefix   bool // --prefix applies
	zone     bool // --timezone applies without --timestamps
	metadata bool // shows labels, annotations and images without --fields

	render func(rendering) (renderer, error)
}

// autoFormat is the name of the format that stands for text on a terminal and JSON elsewhere.
const autoFormat = "auto"

// formats are the values of --output.
var formats = []format{
	{name: autoFormat, programs: true, shapes: true, gaps: true},
	{name: "text", alias: "default", people: true, colors: true, programs: true, lines: true, gaps: true, render: renderText},
	{name: "json", keys: true, programs: true, shapes: true, gaps: true, render: renderJSON(emit.JSONOptions{})},
	{name: "extjson", keys: true, gaps: true, render: renderJSON(emit.JSONOptions{Embed: true})},
	{name: "ppextjson", keys: true, gaps: true, render: renderJSON(emit.JSONOptions{Embed: true, Indent: true})},
	{name: "raw", lines: true, prefix: true, render: renderRaw},
	{name: "template", colors: true, zone: true, metadata: true, render: renderTemplate},
}

// formatNames are the names and aliases of formats, with commas.
func formatNames() string {
	var names []string
	for _, o := range formats {
		if names = append(names, o.name); o.alias != "" {
			names = append(names, o.alias)
		}
	}
	return strings.Join(names, ",")
}

// formatNamed returns the format of that name or alias, which must be one of formatNames.
func formatNamed(name string) format {
	return formats[slices.IndexFunc(formats, func(o format) bool { return o.name == name || o.alias == name && name != "" })]
}

// checkFormat resolves --output, and refuses flags for what the format cannot have. Where that depends on whether stdout is a
// terminal, checkRendering does it.
func (f *flags) checkFormat() error {
	o, err := f.chosenFormat()
	if err != nil {
		return err
	}
	f.Output = o.name
	called, output := f.called(o)
	jq := f.JQ != nil
	for _, c := range []struct {
		wrong         bool
		flags         on
		message, hint string
	}{
		{jq && !o.programs, append(on{f.program()}, output...), "--" + f.program() + " contradicts -o " + o.name,
			"its output is JSON, or text where it makes records; with -r, strings stand as they are"},
		{jq && f.Schema != defaultSchema, on{f.program(), "schema"}, "--" + f.program() + " contradicts --schema " + f.Schema, "the program can name its keys as it likes"},
		{f.shaped() && !o.shapes, append(on{"sort-keys", "seq", "indent", "tab"}, output...), "-S, --seq, --indent and --tab contradict -o " + o.name, "they are for JSON"},
		{f.Color == "always" && (o.keys || jq && !o.people), on{"color"}, "--color=always contradicts JSON output", "JSON is never coloured; use -o text"},
		{f.stamped() && o.keys, append(on{"timestamps"}, output...), "--timestamps contradicts " + called, "records have their times anyway"},
		{f.stamped() && jq && !o.people && (f.RawOutput || f.shaped()), on{"timestamps", f.program(), "raw-output", "sort-keys", "seq", "indent", "tab"},
			"--timestamps contradicts --jq with -r, -S, --seq, --indent or --tab", "put .ts into its output"},
		{f.Timezone != "" && !f.stamped() && !o.zone, on{"timezone"}, "--timezone needs --timestamps", "add --timestamps"},
		{f.Prefix && !o.prefix, on{"prefix"}, "--prefix needs -o raw", "text has a prefix of its own"},
		{f.MarkGaps && !o.gaps, append(on{"mark-gaps"}, output...), "--mark-gaps contradicts -o " + o.name, "it has no form for a gap; stderr tells of them"},
	} {
		if c.wrong {
			return usagef(c.flags, c.hint, "%s", c.message)
		}
	}
	return nil
}

// chosenFormat returns the format that -o, --json, --template and --template-file choose.
func (f *flags) chosenFormat() (format, error) {
	o := formatNamed(f.Output)
	free := o.name == autoFormat
	if f.JSON {
		json := formatNamed("json")
		if !free && o.name != json.name {
			return o, usagef(on{"json", "output"}, leaveOneOut, "--json contradicts -o %s", o.name)
		}
		o, free = json, false
	}
	template := formatNamed("template")
	switch templates := f.Template != nil || f.TemplateFile != ""; {
	case templates && !free && o.name != template.name:
		return o, usagef(on{f.program(), "output"}, leaveOneOut, "--%s contradicts -o %s", f.program(), o.name)
	case templates:
		o = template
	case o.name == template.name:
		return o, usagef(on{"output"}, "give one with --template or --template-file", "-o template needs a template")
	}
	return o, nil
}

// called returns what the user calls a format, and the flag that chose the format.
func (f *flags) called(o format) (name string, by on) {
	switch {
	case f.JSON:
		return "--json", on{"json"}
	case f.Template != nil:
		return "--template", on{"template"}
	case f.TemplateFile != "":
		return "--template-file", on{"template-file"}
	case f.Output != autoFormat:
		return "-o " + o.name, on{"output"}
	}
	return "output as " + o.name, nil
}

// shaped reports whether flags say how the JSON of jq programs looks.
func (f *flags) shaped() bool { return f.SortKeys || f.Seq || f.Indent > 0 || f.Tab }

// format returns the format of the output. A program whose JSON has a shape of its own writes JSON on a terminal, too.
func (f *flags) format(terminal bool) format {
	switch {
	case f.Output != autoFormat:
		return formatNamed(f.Output)
	case terminal && !(f.JQ != nil && f.shaped()):
		return formatNamed("text")
	}
	return formatNamed("json")
}
