package cli

import (
	"bytes"
	"io"
	stdlog "log"
	"strings"

	"github.com/go-logr/logr"
	"github.com/go-logr/zerologr"
	"github.com/rs/zerolog"
	"k8s.io/klog/v2"

	"mktail/emit"
)

// newLogger returns the logger for diagnostics, a line each: "mktail: warning: …".
func newLogger(w io.Writer, verbose bool) zerolog.Logger {
	level := zerolog.InfoLevel
	if verbose {
		level = zerolog.DebugLevel
	}
	return zerolog.New(zerolog.ConsoleWriter{
		Out:         w,
		NoColor:     true,
		PartsOrder:  []string{zerolog.LevelFieldName, zerolog.MessageFieldName},
		FieldsOrder: []string{"cluster", "ns", "pod", "container", "from", "to", "reason"},
		FormatLevel: func(v any) string {
			switch v {
			case zerolog.LevelDebugValue:
				return "mktail: debug:"
			case zerolog.LevelWarnValue:
				return "mktail: warning:"
			case zerolog.LevelErrorValue:
				return "mktail: error:"
			}
			return "mktail:"
		},
		FormatMessage: func(v any) string { // parts of it come from servers, plugins and kubeconfigs
			text, _ := v.(string)
			return inert(emit.Visible(text))
		},
		FieldsExclude: []string{excerptField},
		FormatExtra: func(fields map[string]any, line *bytes.Buffer) error {
			if excerpt, ok := fields[excerptField].(string); ok {
				line.WriteString("\n" + inert(visibleLines(excerpt)))
			}
			return nil
		},
	}).Level(level)
}

// excerptField is the field of a message for lines that follow it: a part of the user's own program. A message is one line, as names
// in it may have line breaks.
const excerptField = "excerpt"

// inertWriter writes text of programs, a part of which may come from a log, as it is written in messages.
type inertWriter struct{ io.Writer }

// Write writes whole lines, or the end of what is written.
func (w inertWriter) Write(p []byte) (int, error) {
	_, err := io.WriteString(w.Writer, inert(visibleLines(string(p))))
	return len(p), err
}

// visibleLines makes visible what could steer a terminal in each line of a text.
func visibleLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = emit.Visible(line)
	}
	return strings.Join(lines, "\n")
}

// captureLogs sends the messages of client-go (klog) and of Go's packages (log) to our logger with verbose, and drops them otherwise: the
// error of a request also goes to the caller, who knows whether it matters. klog's own verbosity stays 0, because above 5 it prints
// requests.
func captureLogs(log zerolog.Logger, verbose bool) {
	structured, lines := logr.Discard(), io.Discard
	if verbose {
		structured, lines = zerologr.New(&log), log
	}
	klog.SetLogger(structured)
	stdlog.SetFlags(0)
	stdlog.SetOutput(lines)
}
