package logline

// Size returns how many bytes the buffer has.
func (l *Scanner) Size() int { return len(l.buf) }
