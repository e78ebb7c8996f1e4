package emit

import (
	"bytes"
	"io"
	"sync"
)

// Screen is what every format and every message passes on its way to a terminal, so that none of them can steer it: the terminal gets
// printable text, tabs, line breaks, and with Color the colours that style allows, which end with their line. Anything else is written
// as visible does. What a format has made visible already stays as it is. Many goroutines may use it.
type Screen struct {
	To    io.Writer
	Color bool // colours pass
	JSON  bool // the text is JSON, and stays JSON of the same value

	mu  sync.Mutex
	buf []byte
}

// Write writes p, which is whole lines, or the end of what is written. A carriage return before a line break is left out.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf = s.append(s.buf[:0], p)
	_, err := s.To.Write(s.buf)
	if cap(s.buf) > 4*batchBytes { // one giant line must not hold its memory for ever
		s.buf = nil
	}
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (s *Screen) append(dst, p []byte) []byte {
	for line := range bytes.Lines(p) {
		v := visible{color: s.Color, json: s.JSON}
		text, ended := bytes.CutSuffix(line, []byte{'\n'})
		if ended {
			text = bytes.TrimSuffix(text, []byte{'\r'})
		}
		dst = v.append(dst, text)
		if v.now != (style{}) {
			dst = append(dst, colorReset...)
		}
		if ended {
			dst = append(dst, '\n')
		}
	}
	return dst
}
