package emit

import (
	"sync"
	"time"
)

// MultilineOptions says which lines of a source are joined to one record.
type MultilineOptions struct {
	MaxBytes int // a group has so many bytes at most, with its newlines, unless it is one line
}

const (
	// maxGroupLines is how many lines a group has at most.
	maxGroupLines = 1000
	// groupWait is how long a group waits for another line, once no further line was at hand. What a program writes at once comes
	// within milliseconds.
	groupWait = 300 * time.Millisecond
)

// Multiline has streams join consecutive lines that belong together to one record: stack traces, JSON over several lines, and
// whatever is indented. The record has the stamp and number of the first line. A group is complete when a line comes that does
// not belong to it, or a gap, or a line of another instance; when it is full; when the stream ends; or when nothing has come for
// groupWait. Call it before Stream. Who remembers which lines were delivered must ask Stream.Holds.
func (o *Output) Multiline(m MultilineOptions) { o.multiline = &m }

// held is what a stream that joins lines holds. Its timer uses the stream beside the stream's user: so mu guards the stream's batch.
type held struct {
	most int // bytes of a group

	mu      sync.Mutex
	record  Record // of the group; its slices are held's own
	group   group
	lines   int    // of the group; 0: there is none
	last    []byte // the text of its last line
	goesOn  bool   // the group was given out as it was full, and another one begins with its next line
	changes int    // how often the group has changed
	waited  int    // changes, when the timer was set
	timer   *time.Timer
	waiting bool // the stream's user waits for the writer with a batch: none may be handed over before it
	owed    bool // the timer has put a group into the batch that is not handed over
	refused bool // the output has ended, and the last group was given out: nothing more is taken
	dropped bool // a group was held then, and is not written
}

// Joins reports whether the stream joins lines.
func (s *Stream) Joins() bool { return s.held != nil }

// Holds reports whether the stream holds lines that are not handed over, though it was flushed.
func (s *Stream) Holds() bool {
	h := s.held
	if h == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lines > 0 || h.owed || h.dropped
}

// Next says that the line with this text is the next one to be added, and gives out the group that is held, unless the line belongs to it
// and has room in it. So who remembers which lines were delivered may do so before that line. Its error is that of Add.
func (s *Stream) Next(text []byte) error {
	h := s.held
	h.mu.Lock()
	if h.lines > 0 {
		if _, ok := h.group.next(h.last, Plain(text)); !ok || h.full(len(text)) {
			s.giveOut()
			h.goesOn = ok
		}
	}
	h.mu.Unlock()
	return s.settleHeld()
}

// join is Add for a stream that joins lines.
func (s *Stream) join(r *Record) error {
	h := s.held
	h.mu.Lock()
	s.take(r)
	h.mu.Unlock()
	return s.settleHeld()
}

// take adds a record to the group, or begins another with it. Called with mu held.
func (s *Stream) take(r *Record) {
	h := s.held
	goesOn := h.goesOn
	h.goesOn = false
	h.changes++
	if r.Gap != nil {
		s.giveOut()
		s.write(r)
		return
	}
	text := r.Text()
	if h.lines > 0 || goesOn {
		if more, ok := h.group.next(h.last, text); ok && h.lines > 0 && h.record.Restarts == r.Restarts && !h.full(len(r.Line)) {
			h.group = more
			h.record.Line = append(append(h.record.Line, '\n'), r.Line...)
			h.record.Unended, h.record.Truncated, h.record.Joined = r.Unended, r.Truncated, true
			h.last = append(h.last[:0], text...)
			if h.lines++; more.complete() {
				s.giveOut()
			}
			return
		} else if ok { // the group is full, and goes on as another one
			s.giveOut()
			s.hold(r, text, more)
			return
		}
		s.giveOut()
	}
	g := begin(text)
	if g.complete() {
		s.write(r)
		return
	}
	s.hold(r, text, g)
}

// full reports whether the group has no room for a line of so many bytes. Called with mu held.
func (h *held) full(size int) bool {
	return h.record.Truncated || h.lines >= maxGroupLines || len(h.record.Line)+1+size > h.most
}

// hold begins a group with a copy of a record. Called with mu held.
func (s *Stream) hold(r *Record, text []byte, g group) {
	h := s.held
	stamp, line := append(h.record.Stamp[:0], r.Stamp...), append(h.record.Line[:0], r.Line...)
	h.record = *r
	h.record.Stamp, h.record.Line, h.record.text = stamp, line, nil
	h.last = append(h.last[:0], text...)
	h.group, h.lines = g, 1
}

// giveOut writes the group that is held, if there is one, into the batch. Called with mu held.
func (s *Stream) giveOut() {
	h := s.held
	if h.lines == 0 {
		return
	}
	h.lines = 0
	if h.dropped = h.dropped || h.refused; !h.refused {
		s.write(&h.record)
		h.refused = s.out.ended.Load() // then this was the last one
	}
	if h.record.text = nil; cap(h.record.Line)+cap(h.last) > 2*batchBytes { // one giant group must not hold its memory for ever
		h.record, h.last = Record{}, nil
	}
}

// settleHeld hands the batch over if it is full or the output has ended.
func (s *Stream) settleHeld() error {
	h := s.held
	ended := false
	if s.out.late.Load() {
		s.out.taken.Add(1)
		ended = s.out.ended.Load()
	}
	h.mu.Lock()
	full := s.batch != nil && len(*s.batch) >= batchBytes
	h.mu.Unlock()
	if !ended && !full {
		return nil
	}
	if ended {
		h.mu.Lock()
		s.giveOut() // it was added before the end, or is the one record more
		h.refused = true
		h.mu.Unlock()
	}
	err := s.flushHeld()
	if err == nil && ended {
		err = ErrEnded
	}
	return err
}

// flushHeld is Flush for a stream that joins lines. The group that is held is given out after groupWait.
func (s *Stream) flushHeld() error {
	h := s.held
	h.mu.Lock()
	if h.lines > 0 {
		s.wake(groupWait)
	}
	batch := s.batch
	s.batch, h.owed = nil, false
	if batch == nil {
		h.mu.Unlock()
		return nil
	}
	h.waiting = true
	h.mu.Unlock()
	err := s.out.commit(batch, s)
	h.mu.Lock()
	h.waiting = false
	h.mu.Unlock()
	return err
}

// tryFlushHeld is TryFlush for a stream that joins lines.
func (s *Stream) tryFlushHeld() error {
	h := s.held
	h.mu.Lock()
	defer h.mu.Unlock()
	return s.tryFlush()
}

// wake sets the timer. Called with mu held.
func (s *Stream) wake(after time.Duration) {
	h := s.held
	if h.waited = h.changes; h.timer == nil {
		h.timer = time.AfterFunc(after, s.expire)
		return
	}
	h.timer.Reset(after)
}

// expire gives out the group that nothing was added to since the timer was set, and hands it over when the writer takes it.
func (s *Stream) expire() {
	h := s.held
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lines > 0 && h.waited == h.changes {
		s.giveOut()
		h.owed = h.owed || s.batch != nil
	}
	if !h.owed {
		return
	}
	if h.waiting || s.tryFlush() == nil && s.batch != nil {
		s.wake(groupWait)
		return
	}
	h.owed = false
}

// endHeld gives out the group that is held.
func (s *Stream) endHeld() {
	h := s.held
	h.mu.Lock()
	defer h.mu.Unlock()
	s.giveOut()
	if h.record, h.last = (Record{}), nil; h.timer != nil {
		h.timer.Stop()
	}
}

// EndGroup gives out the group that is held, as no further line belongs to it, and flushes.
func (s *Stream) EndGroup() error {
	if s.held != nil {
		s.endHeld()
	}
	return s.Flush()
}
