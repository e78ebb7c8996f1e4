package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/tail"
)

// status writes what happens in a run as NDJSON, for programs. Many goroutines may use it, and wait for who reads it. A nil
// one writes nothing.
type status struct {
	file *os.File
	to   zerolog.Logger
}

// openStatus opens what --status or --status-fd names; nil if neither is given.
func (f *flags) openStatus(log zerolog.Logger) (*status, error) {
	var file *os.File
	switch {
	case f.Status != "":
		var err error
		if file, err = os.OpenFile(f.Status, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644); err != nil {
			return nil, usagef("name a file that can be written", "opening --status: %w", err)
		}
	case f.StatusFD != 0:
		var err error
		if file, err = inherited(f.StatusFD); err != nil {
			return nil, usagef("such as --status-fd 3 3>events.ndjson", "--status-fd %d %w", f.StatusFD, err)
		}
	default:
		return nil, nil
	}
	return &status{file: file, to: zerolog.New(&statusWriter{w: file, log: log})}, nil
}

// statusWriter writes events until that fails, which it says once: the run goes on without.
type statusWriter struct {
	log zerolog.Logger

	mu sync.Mutex
	w  io.Writer // nil: it failed
}

func (s *statusWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil {
		return len(p), nil
	}
	if _, err := s.w.Write(p); err != nil {
		s.w = nil
		s.log.Warn().Msgf("writing the status: %s; going on without", err)
	}
	return len(p), nil
}

// begin is an event of that name, now.
func (s *status) begin(name string) *zerolog.Event {
	return s.to.Log().Str("event", name).Str("ts", time.Now().UTC().Format(emit.StampLayout))
}

// happened writes an event of the run.
func (s *status) happened(e tail.Event) {
	if s == nil {
		return
	}
	to := s.begin(string(e.Kind))
	for _, key := range []struct{ name, value string }{
		{"cluster", e.Cluster}, {"ns", e.Namespace}, {"pod", e.Pod}, {"container", e.Container}, {"part", e.Part}, {"reason", e.Reason},
	} {
		if key.value != "" {
			to.Str(key.name, key.value)
		}
	}
	if e.Containers != nil {
		to.Strs("containers", e.Containers)
	}
	if e.Failures != nil {
		to.Strs("failures", e.Failures)
	}
	if g := e.Gap; g != nil {
		to.Str("from", g.From).Str("to", g.To).Str("reason", g.Reason)
	}
	to.Send()
}

// match writes that a record matches a flag.
func (s *status) match(flag string, src emit.Source, r emit.Record) {
	if s == nil {
		return
	}
	s.begin("match").Str("flag", flag).Str("cluster", src.Cluster).Str("ns", src.Namespace).Str("pod", src.Pod).
		Str("container", src.Container).Bytes("line_ts", r.Stamp).Bytes("line", r.Line).Send()
}

// end writes what came of each cluster, and the exit code.
func (s *status) end(summaries []tail.Summary, code int) {
	if s == nil {
		return
	}
	for _, c := range summaries {
		s.begin("summary").Str("cluster", c.Cluster).Int64("containers", c.Containers).Int64("lines", c.Lines).Int64("bytes", c.Bytes).
			Int64("reconnects", c.Reconnects).Int64("gaps", c.Gaps).Int64("errors", c.Errors).Send()
	}
	s.begin("end").Int("code", code).Send()
	s.file.Close() // what could not be written was said
}

// prepareReadyFile takes away what an earlier run has left of --ready-file, which can be nothing but a regular file.
func (f *flags) prepareReadyFile() error {
	if f.ReadyFile == "" {
		return nil
	}
	info, err := os.Lstat(f.ReadyFile)
	switch {
	case os.IsNotExist(err):
		return nil
	case err == nil && !info.Mode().IsRegular():
		return usagef("name a file, or a place where one can be made", "--ready-file %s is there, and is no regular file", f.ReadyFile)
	case err == nil:
		err = os.Remove(f.ReadyFile)
	}
	if err != nil {
		return usagef("name a file that can be written", "preparing --ready-file: %w", err)
	}
	return nil
}

// makeReadyFile makes the file of --ready-file, if one is wanted.
func (f *flags) makeReadyFile() error {
	if f.ReadyFile == "" {
		return nil
	}
	file, err := os.OpenFile(f.ReadyFile, os.O_WRONLY|os.O_CREATE, 0o644) // what another has made meanwhile stays as it is
	if err != nil {
		return fmt.Errorf("making --ready-file: %w", err)
	}
	return file.Close()
}
