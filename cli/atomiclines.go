package cli

import (
	"bytes"
	"io"
	"runtime"
)

// atomicBytes is PIPE_BUF: as much of a write to a pipe comes in one piece, whatever others write to it meanwhile. Linux has 4096; POSIX
// promises 512, which the BSDs and macOS have.
var atomicBytes = map[bool]int{true: 4096, false: 512}[runtime.GOOS == "linux"]

// atomicLines writes whole lines to a pipe that others may write to as well. A write has more than atomicBytes only for a longer line,
// which another's may break up.
type atomicLines struct{ to io.Writer }

// Write writes all of b, or returns an error.
func (a atomicLines) Write(b []byte) (written int, err error) {
	for rest := b; len(rest) > 0; {
		n := len(rest)
		if n > atomicBytes {
			if n = bytes.LastIndexByte(rest[:atomicBytes], '\n') + 1; n == 0 {
				if n = bytes.IndexByte(rest, '\n') + 1; n == 0 {
					n = len(rest)
				}
			}
		}
		m, err := a.to.Write(rest[:n])
		if written += m; err != nil {
			return written, err
		}
		rest = rest[n:]
	}
	return written, nil
}
