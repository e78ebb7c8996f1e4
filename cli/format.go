package cli

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/tail"
)

// format chooses the output's format, which still wants to know whether there are several namespaces. onError takes
// the errors of --jq or a template on records.
func (f *flags) format(ctx context.Context, terminal bool, env func(string) string, onError func(emit.Source, error)) (func(namespaces bool) emit.Format, error) {
	fixed := func(format emit.Format) func(bool) emit.Format {
		return func(bool) emit.Format { return format }
	}
	fields, err := f.fields()
	if err != nil {
		return nil, err
	}
	if f.JQ != nil {
		filter, err := emit.CompileFilter(*f.JQ)
		if err != nil {
			return nil, usagef("see the jq manual", "reading --jq: %w", err)
		}
		return fixed(filter.Format(ctx, fields, f.RawOutput, onError)), nil
	}
	output := f.Output
	if output == "auto" {
		output = "json"
		if terminal {
			output = "text"
		}
	}
	if f.Color == "always" && output != "text" && output != "template" {
		return nil, usagef("text is what has colours: add -o text", "--color=always contradicts output as %s", output)
	}
	if f.Pretty && output != "text" {
		return nil, usagef("it is for text: add -o text", "--pretty contradicts output as %s", output)
	}
	switch {
	case output == "json", output == "extjson", output == "ppextjson":
		o := emit.JSONOptions{Schema: f.Schema, Fields: fields, Embed: output != "json", Indent: output == "ppextjson"}
		return fixed(o.Format), nil
	case fields != 0:
		return nil, usagef("JSON is what has keys: add -o json", "--fields contradicts output as %s", output)
	case f.Schema != "mktail":
		return nil, usagef("JSON is what has keys: add -o json", "--schema %s contradicts output as %s", f.Schema, output)
	}
	if output == "raw" {
		return fixed(emit.Raw), nil
	}
	color := f.colored(terminal, env)
	if output == "template" {
		t, err := f.template(emit.TemplateOptions{Color: color, Visible: terminal || color})
		if err != nil {
			return nil, err
		}
		return fixed(t.Format(onError)), nil
	}
	return func(namespaces bool) emit.Format {
		return emit.Text(emit.TextOptions{Color: color, Namespace: namespaces, Pretty: f.Pretty})
	}, nil
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

// recordErrors counts the records that a filter or template failed on, and says one of them now and then.
type recordErrors struct {
	log  zerolog.Logger
	flag string // that gave the filter or template

	mu    sync.Mutex
	count int
	quiet time.Time // until when nothing is said
}

func (e *recordErrors) add(src emit.Source, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count++
	if now := time.Now(); now.After(e.quiet) {
		e.quiet = now.Add(10 * time.Second)
		e.log.Warn().Msgf("%s: %s/%s/%s: %s: %s", src.Cluster, src.Namespace, src.Pod, src.Container, e.flag, err)
	}
}

// say says at the end how many there were.
func (e *recordErrors) say() {
	if e.count > 0 {
		e.log.Warn().Msgf("%s failed on %s, which are not in the output", e.flag, plural(e.count, "record"))
	}
}

// summarize says what came from each cluster.
func summarize(log zerolog.Logger, summaries []tail.Summary) {
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
