package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/tail/report"
)

// status writes what happens in a run as NDJSON, for programs. Many goroutines may use it. They block while its reader does not read.
// A nil status writes nothing.
type status struct {
	file *os.File
	out  *statusWriter
	to   zerolog.Logger
}

// openStatus opens what --status or --status-fd names; nil if neither is given. ctx is the context of the run.
func (f *flags) openStatus(ctx context.Context, log zerolog.Logger) (*status, error) {
	var file *os.File
	var err error
	switch {
	case f.Status != "":
		if file, err = f.openStatusFile(); err != nil {
			return nil, err
		}
	case f.StatusFD != 0:
		if file, err = inherited(f.StatusFD); err != nil {
			return nil, usagef(on{"status-fd"}, "such as --status-fd 3 3>events.ndjson", "--status-fd %d %w", f.StatusFD, err)
		}
	default:
		return nil, nil
	}
	var to io.Writer = &onNewLine{file: file, to: patient{file}}
	if isTerminal(file) {
		to = &emit.Screen{To: to, JSON: true}
	}
	out := newStatusWriter(to, ctx.Done(), log)
	return &status{file, out, zerolog.New(out)}, nil
}

// openStatusFile opens what --status names. An open descriptor, as /dev/stderr, is shared: its file keeps what it has. So is the file
// that stdout or stderr was redirected to.
func (f *flags) openStatusFile() (*os.File, error) {
	fd, ok := descriptorOf(f.Status)
	if !ok {
		fd, ok = standardFile(f.Status)
	}
	if ok {
		file, err := shared(fd)
		if err != nil {
			return nil, usagef(on{"status"}, "such as --status /dev/stderr", "opening --status %s: it %w", f.Status, err)
		}
		return file, nil
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	info, err := os.Stat(f.Status)
	if err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		flags |= syscall.O_NONBLOCK // otherwise opening it would wait for a reader
	}
	if err == nil && info.Mode()&os.ModeSocket != 0 {
		return nil, usagef(on{"status"}, "name a file or a named pipe", "opening --status: %s is a socket", f.Status)
	}
	file, err := os.OpenFile(f.Status, flags, 0o644)
	switch {
	case errors.Is(err, syscall.ENXIO):
		return nil, usagef(on{"status"}, "begin to read it first, as in cat "+f.Status+" &", "opening --status: nobody reads %s", f.Status)
	case err != nil:
		return nil, usagef(on{"status"}, "name a file that can be written", "opening --status: %w", err)
	}
	return file, nil
}

// begin returns a new event of that name with the current time.
func (s *status) begin(name string) *zerolog.Event {
	return s.to.Log().Str("event", name).Str("ts", time.Now().UTC().Format(emit.StampLayout))
}

// happened writes an event of the run.
func (s *status) happened(e report.Event) {
	switch {
	case s == nil, e.Kind == report.Ready: // see ready
		return
	case e.Kind == report.PodState, e.Kind == report.PodUndecided, e.Kind == report.PodDecided: // for artifacts, annotations and conditions
		return
	}
	to := s.begin(string(e.Kind))
	for _, key := range []struct{ name, value string }{
		{"cluster", e.Cluster}, {"ns", e.Namespace}, {"pod", e.Pod}, {"container", e.Container}, {"job", e.Job}, {"workload", e.Workload}, {"part", e.Part}, {"reason", e.Reason},
	} {
		if key.value != "" {
			to.Str(key.name, key.value)
		}
	}
	if e.Containers != nil {
		to.Strs("containers", e.Containers)
	}
	if e.Unread != nil {
		to.Strs("unread", e.Unread)
	}
	if e.Failures != nil {
		to.Strs("failures", e.Failures)
	}
	if len(e.Exits) > 0 {
		codes := make(map[string]int)
		for _, exit := range e.Exits {
			codes[exit.Container] = exit.Code
		}
		to.Interface("exit_codes", codes)
	}
	if g := e.Gap; g != nil {
		to.Str("from", g.From).Str("to", g.To).Str("reason", g.Reason).Str("cause", string(e.Cause))
	}
	to.Send()
}

// ready writes that the run is ready.
func (s *status) ready() {
	if s != nil {
		s.begin(string(report.Ready)).Send()
	}
}

// match writes that a record counts for a flag, see verdict.Options.
func (s *status) match(flag string, src emit.Source, r *emit.Record) {
	if s == nil {
		return
	}
	s.begin("match").Str("flag", flag).Str("cluster", src.Cluster).Str("ns", src.Namespace).Str("pod", src.Pod).
		Str("container", src.Container).Bytes("line_ts", r.Stamp).Bytes("line", r.Line).Send()
}

// commandStarted writes that the command after "--" runs.
func (s *status) commandStarted() {
	if s != nil {
		s.begin("command-started").Send()
	}
}

// commandEnded writes that the command has ended with an exit code.
func (s *status) commandEnded(code int) {
	if s != nil {
		s.begin("command-ended").Int("code", code).Send()
	}
}

// end writes the summary of each cluster and the exit code, and closes the file.
func (s *status) end(summaries []report.Summary, code int) {
	if s == nil {
		return
	}
	for _, c := range summaries {
		s.begin("summary").Str("cluster", c.Cluster).Int64("containers", c.Containers).Int64("lines", c.Lines).Int64("bytes", c.Bytes).
			Int64("reconnects", c.Reconnects).Int64("gaps", c.Gaps).Int64("errors", c.Errors).Send()
	}
	s.begin("end").Int("code", code).Send()
	if s.out.finish() {
		s.file.Close() // errors of writing were reported already
	}
}
