package cli

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// readerGone waits until ctx ends: on Windows only a failing write shows that the reader of a pipe is gone.
func readerGone(ctx context.Context, _ *os.File) bool {
	<-ctx.Done()
	return false
}

// patient writes to a file.
type patient struct{ *os.File }

// isReaderGone reports whether a write failed because the reader is gone.
func isReaderGone(err error) bool {
	return errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_NO_DATA)
}

// colorsConsole switches a console's escape processing on, without which it would show colour sequences as text. Not ok: it has none.
func colorsConsole(console *os.File) (ok bool) {
	var mode uint32
	handle := windows.Handle(console.Fd())
	if windows.GetConsoleMode(handle, &mode) != nil {
		return true // a terminal of Cygwin's, which always has it
	}
	return windows.SetConsoleMode(handle, mode|windows.ENABLE_PROCESSED_OUTPUT|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

// appends reports whether each write to f goes to its end: Windows doesn't tell, but what shells append to is at its end.
func appends(*os.File) bool { return false }

// reopened opens f for reading, which Windows cannot do for what a shell has opened for writing alone.
func reopened(*os.File) (*os.File, error) { return nil, errors.ErrUnsupported }
