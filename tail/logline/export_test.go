package logline

// size is how many bytes the buffer has.
func (l *Scanner) Size() int { return len(l.buf) }
