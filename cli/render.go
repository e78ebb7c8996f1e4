package cli

import (
	"context"
	"regexp"
	"sync"

	"github.com/rs/zerolog"

	"mktail/cli/verdict"
	"mktail/emit"
	"mktail/emit/applog"
	"mktail/emit/jq"
)

// onError takes the error of a program or template on a record, and reports whether the records of the source are over.
type onError func(src emit.Source, r *emit.Record, err error) (over bool)

// renderer makes a format of records when it is known whether they come from several namespaces.
type renderer func(namespaces bool, failed onError) emit.Format

// layout is a renderer with what chooses lines before it and limits records after it.
type layout func(namespaces bool, j *verdict.Judge) emit.Format

// rendering is what renderers are made of.
type rendering struct {
	f         *flags
	ctx       context.Context // of the run
	program   *jq.Program     // of --jq; nil: none
	terminal  bool            // stdout is a terminal
	color     bool
	fields    emit.Fields
	stamps    emit.Timestamps
	names     *naming
	highlight []*regexp.Regexp
}

// layout chooses how the records of the run look. program is that of --jq, or nil.
func (f *flags) layout(ctx context.Context, log zerolog.Logger, terminal bool, env func(string) string, program *jq.Program, names *naming) (layout, error) {
	grep, err := f.grep()
	if err != nil {
		return nil, err
	}
	o := f.format(terminal)
	r := rendering{f: f, ctx: ctx, program: program, terminal: terminal, color: f.colored(terminal, env), names: names}
	if r.fields, err = f.fields(); err != nil {
		return nil, err
	}
	if r.stamps, err = f.stamps(); err != nil {
		return nil, err
	}
	if r.highlight, err = compile("highlight", f.Highlight); err != nil {
		return nil, err
	}
	if err := r.check(o); err != nil {
		return nil, err
	}
	r.highlight = append(r.highlight, grep.Include...)
	render, err := o.render(r)
	if err != nil {
		return nil, err
	}
	grep.Separate, grep.Cut = o.lines, warnCut(log, grep.Before)
	return func(namespaces bool, j *verdict.Judge) emit.Format {
		return emit.Grep(grep, j.Limit(render(namespaces, j.Failed)))
	}, nil
}

// check refuses flags for what the format cannot have, when it is known which one that is; see also checkFormat.
func (r *rendering) check(o format) error {
	f := r.f
	called, by := f.called(o)
	const addText, addJSON = "text is what has colours: add -o text", "JSON is what has keys: add -o json"
	for _, c := range []struct {
		wrong bool
		flag  string
		shown string
		hint  string
	}{
		{len(r.highlight) > 0 && !o.people && f.Output != autoFormat, "highlight", "--highlight", addText},
		{f.PrefixStyle != string(emit.PrefixShort) && !o.people, "prefix-style", "--prefix-style " + f.PrefixStyle, addText},
		{f.Pretty && !o.people, "pretty", "--pretty", "it is for text: add -o text"},
		{f.Color == "always" && !o.colors, "color", "--color=always", addText},
		{r.fields != 0 && !o.keys && r.program == nil, "fields", "--fields", addJSON},
		{f.Schema != defaultSchema && !o.keys, "schema", "--schema " + f.Schema, addJSON},
	} {
		if c.wrong {
			return usagef(append(on{c.flag}, by...), c.hint, "%s contradicts %s", c.shown, called)
		}
	}
	return nil
}

// renderJSON returns the render function of a format that is JSON.
func renderJSON(o emit.JSONOptions) func(rendering) (renderer, error) {
	return func(r rendering) (renderer, error) {
		if r.program != nil {
			return func(_ bool, failed onError) emit.Format { return r.program.Format(r.ctx, r.f.shape(), failed) }, nil
		}
		o := o
		o.Schema, o.Fields = r.f.Schema, r.fields
		return func(bool, onError) emit.Format { return o.Format }, nil
	}
}

func renderRaw(r rendering) (renderer, error) {
	raw := emit.Raw(emit.RawOptions{Timestamps: r.stamps, Prefix: r.f.Prefix, Separate: r.f.Follow && !r.f.Previous})
	return func(bool, onError) emit.Format { return raw }, nil
}

func renderText(r rendering) (renderer, error) {
	return func(namespaces bool, failed onError) emit.Format {
		r.names.prefix.Several(false, namespaces)
		text := emit.Text(emit.TextOptions{
			Color: r.color, Terminal: r.terminal, Prefix: r.names.prefix, Pretty: r.f.Pretty, Colors: r.names.colors, Timestamps: r.stamps, Highlight: r.highlight,
		})
		if r.program == nil {
			return text
		}
		shape := r.f.shape()
		shape.Text = text
		return r.program.Format(r.ctx, shape, failed)
	}, nil
}

func renderTemplate(r rendering) (renderer, error) {
	t, err := r.f.template(emit.TemplateOptions{Colors: r.names.colors, Timestamps: r.stamps, Color: r.color, Visible: r.terminal || r.color})
	if err != nil {
		return nil, err
	}
	return func(_ bool, failed onError) emit.Format {
		return t.Format(failed)
	}, nil
}

// template reads --template or --template-file.
func (f *flags) template(o emit.TemplateOptions) (*emit.Template, error) {
	name, text := "--template", ""
	if f.Template != nil {
		text = *f.Template
	} else {
		data, _, err := readNamed(f.TemplateFile)
		if err != nil {
			return nil, usagef(on{"template-file"}, "it holds a Go template", "reading --template-file: %w", err)
		}
		name, text = "--template-file "+f.TemplateFile, string(data)
	}
	t, err := emit.ParseTemplate(name, text, o)
	if err != nil {
		return nil, usagef(on{f.program()}, "see https://pkg.go.dev/text/template", "reading %w", err)
	}
	return t, nil
}

// grep reads the flags that choose lines by their text.
func (f *flags) grep() (o emit.GrepOptions, err error) {
	if o.Include, err = compile("include", f.Include); err != nil {
		return o, err
	}
	if o.Exclude, err = compile("exclude", f.Exclude); err != nil {
		return o, err
	}
	o.Before, o.After = max(f.Before, f.ContextLines), max(f.After, f.ContextLines)
	return o, nil
}

// levels returns what chooses lines by --level.
func (f *flags) levels() (func(emit.Format) emit.Format, error) {
	if f.Level == "" {
		return func(format emit.Format) emit.Format { return format }, nil
	}
	least, ok := applog.ParseLevel(f.Level)
	if !ok {
		return nil, usagef(on{"level"}, "give trace, debug, info, warn, error or fatal", "unknown --level %q", f.Level)
	}
	o := emit.LevelOptions{Least: least, KeepUnknown: f.LevelUnknown == "keep"}
	return func(format emit.Format) emit.Format { return emit.Levels(o, format) }, nil
}

// warnCut returns what warns, once in a run, that not all lines before a match are written.
func warnCut(log zerolog.Logger, before int) func(emit.Source, int) {
	var once sync.Once
	return func(src emit.Source, written int) {
		once.Do(func() {
			log.Warn().Str("cluster", src.Cluster).Str("ns", src.Namespace).Str("pod", src.Pod).Str("container", src.Container).
				Msgf("only %s of %d before a match, as at most %d MiB are kept of a container and %d MiB of all (reported once):",
					plural(written, "line"), before, emit.MaxContextBytes>>20, emit.MaxContextTotal>>20)
		})
	}
}

// compile reads the regular expressions of a flag; of QUERY if the flag is empty.
func compile(flag string, patterns []string) (all []*regexp.Regexp, err error) {
	for _, p := range patterns {
		re, err := regexp.Compile(p)
		if err == nil {
			all = append(all, re)
			continue
		}
		const hint = "see https://pkg.go.dev/regexp/syntax"
		if flag == "" {
			if globLike.MatchString(p) {
				return nil, usagef(nil, "as a glob, it is "+quoted("pod/"+p), "QUERY %q is not a regular expression: %w", p, err)
			}
			return nil, usagef(nil, hint, "reading QUERY %q: %w", p, err)
		}
		return nil, usagef(on{flag}, hint, "reading --%s %q: %w", flag, p, err)
	}
	return all, nil
}
