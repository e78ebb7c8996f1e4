package emit

import (
	"cmp"
	"slices"
)

// Stream takes the records of one source. One goroutine at a time uses it.
type Stream struct {
	out    *Output
	encode Encode
	lines  int     // how many were added
	batch  *[]byte // what is gathered; nil: nothing is, so that an idle stream holds no memory

	waits, went func()   // see OnWait
	ended       []func() // that are called by End
	over        bool     // End was called
	held        *held    // nil: no lines are joined
}

// Stream returns a new stream for a source. It is ended, or at least flushed, after the last Add.
func (o *Output) Stream(src Source) *Stream {
	s := &Stream{out: o}
	o.open.Add(1)
	if o.multiline != nil {
		s.held = &held{most: o.multiline.MaxBytes}
	}
	src.ended = &s.ended
	s.encode = o.format(src)
	return s
}

// Add encodes a record into the stream's batch, and hands the batch over when it is full. It blocks while too much waits for the
// writer. It sets the record's number. The record and its slices are the caller's again when it returns. ErrEnded says that this
// record was taken, and that no later one may be added. Any other error is that of a failed write: this record and all later ones
// are lost.
func (s *Stream) Add(r *Record) error {
	if r.text = nil; r.Gap == nil {
		s.lines++
	}
	r.Number = s.lines
	if s.held != nil {
		return s.join(r)
	}
	s.write(r)
	if s.out.late.Load() {
		if s.out.taken.Add(1); s.out.ended.Load() {
			return cmp.Or(s.Flush(), ErrEnded)
		}
	}
	if len(*s.batch) < batchBytes {
		return nil
	}
	return s.Flush()
}

// write encodes a record into the batch.
func (s *Stream) write(r *Record) {
	if s.batch == nil {
		s.batch = s.out.spares.Get().(*[]byte)
	}
	n := len(*s.batch)
	*s.batch = s.encode(*s.batch, r)
	if n > 0 && n < len(*s.batch) && (*s.batch)[n-1] != '\n' {
		*s.batch = slices.Insert(*s.batch, n, '\n')
	}
}

// Flush hands over what is gathered. It is called when no further record is at hand, and blocks like Add. Its error is that of a
// failed write.
func (s *Stream) Flush() error {
	if s.held != nil {
		return s.flushHeld()
	}
	if s.batch == nil {
		return nil
	}
	batch := s.batch
	s.batch = nil
	return s.out.commit(batch, s)
}

// TryFlush is Flush if the output is ready for more. Else what is gathered stays with the stream, for the next Flush.
func (s *Stream) TryFlush() error {
	if s.held != nil {
		return s.tryFlushHeld()
	}
	return s.tryFlush()
}

func (s *Stream) tryFlush() error {
	if s.batch == nil {
		return nil
	}
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if s.out.full() {
		return nil
	}
	batch := s.batch
	s.batch = nil
	return s.out.take(batch)
}

// Gathered reports whether something is gathered that was not handed over.
func (s *Stream) Gathered() bool {
	if s.held != nil {
		s.held.mu.Lock()
		defer s.held.mu.Unlock()
	}
	return s.batch != nil
}

// OnWait has Add and Flush call waits before they wait for the writer, and went afterwards, when what they wait with is handed
// over: so that whoever holds a lock meanwhile can release it. Call it before the first Add.
func (s *Stream) OnWait(waits, went func()) { s.waits, s.went = waits, went }
