package follow

import (
	"time"

	"mktail/emit"
	"mktail/tail/logline"
	"mktail/tail/position"
)

// sink hands the lines of one stream or file to the output.
type sink struct {
	f           *Follower
	restarts    int         // of the container, before the instance whose lines these are
	oldest      int64       // stamp before which nothing is wanted; 0: all is
	unended     bool        // the line has no newline, and nothing follows it
	record      emit.Record // of the line in work
	count, size int64       // of lines and their bytes since settle
}

// put hands a line to the output, if its time is wanted. stamp is how ns was written, or empty. Its error is an outcome.
func (s *sink) put(ns int64, stamp, text []byte, cut int) error {
	f := s.f
	switch o := &f.c.Options; {
	case o.LimitBytes > 0 && f.bytes >= o.LimitBytes: // where several files or instances are read in a row
		return allRead
	case f.wantsNone():
		return allRead
	case ns < s.oldest, !o.SinceTime.IsZero() && ns < o.SinceTime.UnixNano():
		return nil
	case !o.Until.IsZero() && ns >= o.Until.UnixNano() && !s.before(o.Until):
		if ns >= o.Until.Add(position.Slack).UnixNano() { // no earlier line follows
			return allRead
		}
		return nil
	}
	s.count++
	s.size += int64(len(text) + cut)
	if !logline.IsRecordStamp(stamp) {
		f.stamp = logline.AppendStamp(f.stamp[:0], ns)
		stamp = f.stamp
	}
	r := &s.record
	r.Stamp, r.Line, r.Restarts, r.Unended, r.Truncated = stamp, text, s.restarts, s.unended, false
	if cut > 0 || len(text) > f.c.Options.MaxLine {
		r.Line, r.Truncated = logline.Trim(text, f.c.Options.MaxLine), true
	}
	all := f.limit(r)
	if f.out.Add(r) != nil {
		return outputEnded
	}
	if all {
		return allRead
	}
	return nil
}

// between comes before a line that is to be put, and before its place is known: lines that are joined to records are handed over
// unless this one belongs to them. Then a place is taken if one is wanted. While the line may be one that was read before, nothing is
// done. Its error is an outcome.
func (f *Follower) between(text []byte) error {
	if !f.out.Joins() || !f.place.caughtUp() {
		return nil
	}
	if f.out.Next(text) != nil {
		return outputEnded
	}
	if !f.mu.wanted || f.mu.stalled || f.out.Holds() {
		return nil
	}
	if f.out.Flush() != nil {
		return outputEnded
	}
	place := f.snapshot()
	f.mu.wanted, f.mu.taken = false, &place
	return nil
}

// before reports whether lines without stamps may have been written before t although they are read later.
func (s *sink) before(t time.Time) bool {
	return s.f.place.unstamped != nil && s.f.poll.on && s.f.poll.asked.Before(t)
}

// settle hands over what the output has gathered. Call it when no further line is at hand. Its error is an outcome.
func (s *sink) settle() error {
	if s.count == 0 && !s.f.mu.unflushed && !s.f.out.Gathered() { // between may have given out lines before one that was not put
		return nil
	}
	s.f.mu.unflushed = false
	s.f.c.Stats.Lines.Add(s.count)
	s.f.c.Stats.Bytes.Add(s.size)
	s.count, s.size = 0, 0
	s.record = emit.Record{} // or it would keep the memory of the last line
	if s.f.out.Flush() != nil {
		return outputEnded
	}
	return nil
}

// limit cuts a record where the container's bytes are at their limit, and reports whether they are.
func (f *Follower) limit(r *emit.Record) (all bool) {
	limit := f.c.Options.LimitBytes
	if limit == 0 {
		return false
	}
	left := limit - f.bytes
	f.bytes += int64(len(r.Line)) + 1
	if int64(len(r.Line)) >= left {
		r.Line, r.Unended = r.Line[:left], true
	}
	return f.bytes >= limit
}
