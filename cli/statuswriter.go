package cli

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// readerPatience is how long a run that ends waits for whoever reads its status to read on.
const readerPatience = 500 * time.Millisecond

// statusWriter writes events, one after another, until that fails or the run ends and nobody reads them. Then it says so, and
// the run goes on without. Many goroutines may use it.
type statusWriter struct {
	log    zerolog.Logger
	ending <-chan struct{} // closed when the run ends: from then on nobody waits for long
	lines  chan []byte     // nil: there are no more
	done   chan struct{}   // closed when all was written
	off    chan struct{}   // closed when no more is written
	once   sync.Once       // closes it
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

// stop says why no more is written.
func (s *statusWriter) stop(why string) {
	s.once.Do(func() {
		s.log.Warn().Msgf("writing the status: %s; going on without", why)
		close(s.off)
	})
}

// Write hands an event over when those before it are written. It never fails.
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

// finish waits until all that was handed over is written, and tells whether it is. The run must be ending.
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
