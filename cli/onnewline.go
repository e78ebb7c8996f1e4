package cli

import (
	"io"
	"os"
)

// onNewLine writes to a file that may end within a line that another run or program left: a newline comes first then. One goroutine
// uses it.
type onNewLine struct {
	file  *os.File
	to    io.Writer // writes to file
	begun bool
}

// Write writes all of b, or returns an error.
func (w *onNewLine) Write(b []byte) (int, error) {
	if !w.begun && len(b) > 0 {
		if w.begun = true; endsWithinLine(w.file) {
			if _, err := w.to.Write([]byte{'\n'}); err != nil {
				return 0, err
			}
		}
	}
	return w.to.Write(b)
}

// endsWithinLine reports whether what is written to f now comes at the end of a regular file that does not end with a newline. If that cannot be
// read, it does not.
func endsWithinLine(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	if !appends(f) {
		if at, err := f.Seek(0, io.SeekCurrent); err != nil || at != info.Size() {
			return false
		}
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil { // it is open for writing alone
		again, err := reopened(f)
		if err != nil {
			return false
		}
		defer again.Close()
		if now, err := again.Stat(); err != nil || !os.SameFile(info, now) {
			return false
		}
		if _, err := again.ReadAt(last, info.Size()-1); err != nil {
			return false
		}
	}
	return last[0] != '\n'
}
