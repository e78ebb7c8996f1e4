package tail

import (
	"errors"

	"mktail/emit"
)

// errOutput says that the output has failed: nobody reads on.
var errOutput = errors.New("writing the output")

// sink is where the lines of one connection or file go.
type sink struct {
	f           *follower
	restarts    int   // of the container, before the instance whose lines these are
	count, size int64 // of lines and their bytes since settle
}

// put hands a line to the output. stamp is how ns was written, or empty.
func (s *sink) put(ns int64, stamp, text []byte, cut int) error {
	f := s.f
	s.count++
	s.size += int64(len(text) + cut)
	if len(stamp) != len(stampLayout) || stamp[len(stamp)-1] != 'Z' {
		f.stamp = appendStamp(f.stamp[:0], ns)
		stamp = f.stamp
	}
	r := emit.Record{Stamp: stamp, Line: text, Restarts: s.restarts}
	if cut > 0 || len(text) > f.c.o.MaxLine {
		r.Line, r.Truncated = trimText(text, f.c.o.MaxLine), true
	}
	if f.out.Add(r) != nil {
		return errOutput
	}
	return nil
}

// settle hands over what the output has gathered. Call it when no further line is at hand.
func (s *sink) settle() error {
	if s.count == 0 {
		return nil
	}
	s.f.c.stats.lines.Add(s.count)
	s.f.c.stats.bytes.Add(s.size)
	s.count, s.size = 0, 0
	if s.f.out.Flush() != nil {
		return errOutput
	}
	return nil
}
