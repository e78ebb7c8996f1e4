package cli

import (
	"io"
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
			var lines []string
			for line := range strings.SplitSeq(text, "\n") {
				lines = append(lines, emit.Visible(line))
			}
			return strings.Join(lines, "\n")
		},
	}).Level(level)
}

// captureKlog sends client-go's messages to our logger with verbose, and drops them otherwise: the error of a request also goes to
// the caller, who knows whether it matters. klog's own verbosity stays 0, because above 5 it prints requests.
func captureKlog(log zerolog.Logger, verbose bool) {
	to := logr.Discard()
	if verbose {
		to = zerologr.New(&log)
	}
	klog.SetLogger(to)
}
