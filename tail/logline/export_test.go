package logline

// Size returns how many bytes the buffer has.
func (l *Scanner) Size() int { return len(l.buf) }

// ParseUTC is what parses most stamps; it leaves the others to time.Parse.
var ParseUTC = parseUTC

// Shift falsifies the second that is remembered, so that a test sees whether it serves for a stamp.
func (s *Stamps) Shift(ns int64) { s.ns += ns }
