package cli

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/tail"
)

// format chooses the output's format, which still wants to know whether there are several namespaces. onError takes
// the errors of --jq on records.
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
	if f.Color == "always" && output != "text" {
		return nil, usagef("text is what has colours: add -o text", "--color=always contradicts output as %s", output)
	}
	switch {
	case output == "json":
		return fixed(emit.JSONOptions{Schema: f.Schema, Fields: fields}.Format), nil
	case fields != 0:
		return nil, usagef("JSON is what has keys: add -o json", "--fields contradicts output as %s", output)
	case f.Schema != "mktail":
		return nil, usagef("JSON is what has keys: add -o json", "--schema %s contradicts output as %s", f.Schema, output)
	}
	switch output {
	case "raw":
		return fixed(emit.Raw), nil
	}
	color := f.Color == "always" || f.Color == "auto" && terminal && env("NO_COLOR") == "" && env("TERM") != "dumb"
	return func(namespaces bool) emit.Format {
		return emit.Text(emit.TextOptions{Color: color, Namespace: namespaces})
	}, nil
}

// filterErrors counts the records that the jq program failed on, and says one of them now and then.
type filterErrors struct {
	log zerolog.Logger

	mu    sync.Mutex
	count int
	quiet time.Time // until when nothing is said
}

func (e *filterErrors) add(src emit.Source, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count++
	if now := time.Now(); now.After(e.quiet) {
		e.quiet = now.Add(10 * time.Second)
		e.log.Warn().Msgf("%s: %s/%s/%s: --jq: %s", src.Cluster, src.Namespace, src.Pod, src.Container, err)
	}
}

// say says at the end how many there were.
func (e *filterErrors) say() {
	if e.count > 0 {
		e.log.Warn().Msgf("--jq failed on %s, which are not in the output", plural(e.count, "record"))
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
