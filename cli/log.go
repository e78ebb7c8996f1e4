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

// newLogger makes the logger of diagnostics: a line each, "mktail: warning: …".
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
		FormatMessage: func(v any) string { // others wrote parts of it: servers, plugins, kubeconfigs
			text, _ := v.(string)
			var lines []string
			for line := range strings.SplitSeq(text, "\n") {
				lines = append(lines, emit.Visible(line))
			}
			return strings.Join(lines, "\n")
		},
	}).Level(level)
}

// captureKlog leads what client-go has to say to our logger with verbose. Else nobody hears it: the error of a request
// comes back to whoever made it, too, and is none if that ended meanwhile. klog's own verbosity stays 0, as above 5 it
// prints requests.
func captureKlog(log zerolog.Logger, verbose bool) {
	to := logr.Discard()
	if verbose {
		to = zerologr.New(&log)
	}
	klog.SetLogger(to)
}
