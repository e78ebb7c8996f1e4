package cli

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"mktail/cli/verdict"
	"mktail/emit"
	"mktail/emit/jq"
	"mktail/tail/report"
)

// onError takes what a program or template failed on, and reports whether the records of the source are over.
type onError func(src emit.Source, r emit.Record, err error) (over bool)

// layout makes a format when it is known whether there are several namespaces, for the records that a judge looks at.
type layout func(namespaces bool, j *verdict.Judge) emit.Format

// format chooses the output's format. filter is that of --jq, or nil.
func (f *flags) format(ctx context.Context, terminal bool, env func(string) string, filter *jq.Program) (layout, error) {
	grep, err := f.grep()
	if err != nil {
		return nil, err
	}
	render, err := f.render(ctx, terminal, env, filter)
	if err != nil {
		return nil, err
	}
	output := f.output(terminal)
	grep.Separate = output == "text" || output == "raw"
	return func(namespaces bool, j *verdict.Judge) emit.Format {
		return emit.Grep(grep, j.Limit(render(namespaces, j.Failed)))
	}, nil
}

// output is the name of the format of the output; --jq makes JSON.
func (f *flags) output(terminal bool) string {
	switch {
	case f.Output != "auto":
		return f.Output
	case f.JQ != nil && (f.SortKeys || f.Seq || f.Indent > 0 || f.Tab):
		return "json"
	case terminal:
		return "text"
	}
	return "json"
}

// called is what the user calls the format of the output.
func (f *flags) called(output string) string {
	switch {
	case f.JSON:
		return "--json"
	case f.Template != nil:
		return "--template"
	case f.TemplateFile != "":
		return "--template-file"
	case f.Output != "auto":
		return "-o " + output
	}
	return "output as " + output
}

// grep reads the flags that choose lines by their text.
func (f *flags) grep() (o emit.GrepOptions, err error) {
	if o.Include, err = compile("--include", f.Include); err != nil {
		return o, err
	}
	if o.Exclude, err = compile("--exclude", f.Exclude); err != nil {
		return o, err
	}
	o.Before, o.After = max(f.Before, f.ContextLines), max(f.After, f.ContextLines)
	return o, nil
}

// render chooses the format of chosen lines.
func (f *flags) render(ctx context.Context, terminal bool, env func(string) string, filter *jq.Program) (func(namespaces bool, failed onError) emit.Format, error) {
	fixed := func(format emit.Format) func(bool, onError) emit.Format {
		return func(bool, onError) emit.Format { return format }
	}
	fields, err := f.fields()
	if err != nil {
		return nil, err
	}
	output := f.output(terminal)
	stamps, err := f.stamps()
	if err != nil {
		return nil, err
	}
	highlight, err := compile("--highlight", f.Highlight)
	if err != nil {
		return nil, err
	}
	palette, err := f.palette()
	switch {
	case err != nil:
		return nil, err
	case len(highlight) > 0 && output != "text" && f.Output != "auto":
		return nil, usagef("text is what has colours: add -o text", "--highlight contradicts %s", f.called(output))
	}
	if f.Pretty && output != "text" {
		return nil, usagef("it is for text: add -o text", "--pretty contradicts %s", f.called(output))
	}
	if filter != nil && output == "json" {
		return func(_ bool, failed onError) emit.Format { return filter.Format(ctx, f.shape(), failed) }, nil
	}
	if f.Color == "always" && output != "text" && output != "template" {
		return nil, usagef("text is what has colours: add -o text", "--color=always contradicts %s", f.called(output))
	}
	switch {
	case output == "json", output == "extjson", output == "ppextjson":
		o := emit.JSONOptions{Schema: f.Schema, Fields: fields, Embed: output != "json", Indent: output == "ppextjson"}
		return fixed(o.Format), nil
	case fields != 0 && f.JQ == nil:
		return nil, usagef("JSON is what has keys: add -o json", "--fields contradicts %s", f.called(output))
	case f.Schema != "mktail":
		return nil, usagef("JSON is what has keys: add -o json", "--schema %s contradicts %s", f.Schema, f.called(output))
	}
	if output == "raw" {
		return fixed(emit.Raw(emit.RawOptions{Timestamps: stamps, Prefix: f.Prefix, Separate: f.Follow && !f.Previous})), nil
	}
	color := f.colored(terminal, env)
	if output == "template" {
		t, err := f.template(emit.TemplateOptions{Palette: palette, Timestamps: stamps, Color: color, Visible: terminal || color})
		if err != nil {
			return nil, err
		}
		return func(_ bool, failed onError) emit.Format {
			return t.Format(func(src emit.Source, err error) { failed(src, emit.Record{}, err) })
		}, nil
	}
	include, _ := compile("--include", f.Include)
	return func(namespaces bool, failed onError) emit.Format {
		text := emit.Text(emit.TextOptions{
			Color: color, Namespace: namespaces, Pretty: f.Pretty, Palette: palette,
			Timestamps: stamps, Highlight: slices.Concat(highlight, include),
		})
		if filter == nil {
			return text
		}
		shape := f.shape()
		shape.Text = text
		return filter.Format(ctx, shape, failed)
	}, nil
}

// compile reads the regular expressions of a flag.
func compile(flag string, patterns []string) (all []*regexp.Regexp, err error) {
	for _, p := range patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, usagef("see https://pkg.go.dev/regexp/syntax", "reading %s %q: %w", flag, p, err)
		}
		all = append(all, re)
	}
	return all, nil
}

// stampForm is the value of --timestamps, which may be left out: default.
type stampForm string

// Decode reads the value, if one follows by an equals sign.
func (s *stampForm) Decode(ctx *kong.DecodeContext) error {
	*s = "default"
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		*s = stampForm(fmt.Sprint(ctx.Scan.Pop().Value))
	}
	return nil
}

// IsBool tells that the flag needs no value.
func (s *stampForm) IsBool() bool { return true }

// stamps reads --timestamps and --timezone. Templates have their times anyway, which may be in a zone alone.
func (f *flags) stamps() (emit.Timestamps, error) {
	form := string(f.Timestamps)
	switch {
	case form == "true", !f.stamped() && f.Timezone != "":
		form = "default"
	case !f.stamped():
		return emit.Timestamps{}, nil
	}
	zone, err := time.LoadLocation(f.Timezone) // empty: UTC
	if err != nil {
		return emit.Timestamps{}, usagef("give a name such as Europe/Berlin, UTC or Local", "reading --timezone %q: %w", f.Timezone, err)
	}
	stamps, ok := emit.NewTimestamps(form, zone)
	if !ok {
		return stamps, usagef("give default, short, unix, RFC3339, or another name or layout of https://pkg.go.dev/time such as 15:04:05", "--timestamps=%s is no form of a time", form)
	}
	return stamps, nil
}

// stamped tells whether --timestamps are wanted.
func (f *flags) stamped() bool { return f.Timestamps != "" && f.Timestamps != "false" }

// sgr is what stands in a colour sequence.
var sgr = regexp.MustCompile(`^\d{1,3}(;\d{1,3})*$`)

// palette reads the flags of colours.
func (f *flags) palette() (p emit.Palette, err error) {
	p = emit.Palette{Clusters: f.ClusterColors, Pods: f.PodColors, Containers: f.ContainerColors, Diff: f.DiffContainer}
	for flag, list := range map[string][]string{"--cluster-colors": p.Clusters, "--pod-colors": p.Pods, "--container-colors": p.Containers} {
		for _, color := range list {
			if !sgr.MatchString(color) {
				return p, usagef("give the numbers of SGR sequences, such as 91 or 38;5;120", "%s: %q is no colour", flag, color)
			}
		}
	}
	return p, nil
}

func (f *flags) colored(terminal bool, env func(string) string) bool {
	return f.Color == "always" || f.Color == "auto" && terminal && env("NO_COLOR") == "" && env("TERM") != "dumb"
}

// template reads --template or --template-file.
func (f *flags) template(o emit.TemplateOptions) (*emit.Template, error) {
	name, text := "--template", ""
	if f.Template != nil {
		text = *f.Template
	} else {
		data, err := os.ReadFile(f.TemplateFile)
		if err != nil {
			return nil, usagef("it holds a Go template", "reading --template-file: %w", err)
		}
		name, text = "--template-file "+f.TemplateFile, string(data)
	}
	t, err := emit.ParseTemplate(name, text, o)
	if err != nil {
		return nil, usagef("see https://pkg.go.dev/text/template", "reading %w", err)
	}
	return t, nil
}

// summarize says what came from each cluster.
func summarize(log zerolog.Logger, summaries []report.Summary) {
	for _, s := range summaries {
		log.Info().Msgf("%s: %s, %s, %s, %s, %s, %s", s.Cluster, plural(s.Containers, "container"), plural(s.Lines, "line"),
			plural(s.Bytes, "byte"), plural(s.Reconnects, "reconnect"), plural(s.Gaps, "gap"), plural(s.Errors, "error"))
	}
}

func plural[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
