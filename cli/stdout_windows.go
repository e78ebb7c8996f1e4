package cli

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// readerGone waits until ctx ends: Windows only tells by a failing write that nobody reads a pipe.
func readerGone(ctx context.Context, _ *os.File) bool {
	<-ctx.Done()
	return false
}

// patient writes to a file.
type patient struct{ *os.File }

// isReaderGone tells whether a write failed because nobody reads.
func isReaderGone(err error) bool {
	return errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_NO_DATA)
}
