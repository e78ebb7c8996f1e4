package cli

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// readerPatience is how long a run that ends waits for the reader of its status.
const readerPatience = 500 * time.Millisecond

// statusWriter writes events, one after another. If writing fails, or if the run ends and nobody reads, it reports that, and the run
// goes on without it. Many goroutines may use it.
type statusWriter struct {
	log    zerolog.Logger
	ending <-chan struct{} // closed when the run ends: from then on readerPatience applies
	lines  chan []byte     // a nil line is the last one
	done   chan struct{}   // closed when everything is written
	off    chan struct{}   // closed when nothing more is written
	once   sync.Once       // closes off
}

func newStatusWriter(w io.Writer, ending <-chan struct{}, log zerolog.Logger) *statusWriter {
	s := &statusWriter{log: log, ending: ending, lines: make(chan []byte), done: make(chan struct{}), off: make(chan struct{})}
	go s.write(w)
	return s
}

func (s *statusWriter) write(w io.Writer) {
	for line := range s.lines {
		if line == nil {
			close(s.done)
			return
		}
		if _, err := w.Write(line); err != nil {
			s.stop(err.Error())
			return
		}
	}
}

// stop reports why nothing more is written.
func (s *statusWriter) stop(why string) {
	s.once.Do(func() {
		s.log.Warn().Msgf("writing the status: %s; going on without", why)
		close(s.off)
	})
}

// Write hands over an event, which is copied, when the events before it are written. It never fails.
func (s *statusWriter) Write(event []byte) (int, error) {
	s.send(bytes.Clone(event))
	return len(event), nil
}

func (s *statusWriter) send(line []byte) {
	select {
	case s.lines <- line:
		return
	case <-s.off:
		return
	case <-s.ending:
	}
	select {
	case s.lines <- line:
	case <-s.off:
	case <-time.After(readerPatience):
		s.stop("nobody reads it")
	}
}

// finish waits until everything is written, and reports whether it is. It is called when the run is ending.
func (s *statusWriter) finish() bool {
	s.send(nil)
	select {
	case <-s.done:
		return true
	case <-s.off:
	case <-time.After(readerPatience):
		s.stop("nobody reads it")
	}
	return false
}
