//go:build unix

package cli

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// inherited returns the file that the process was started with as descriptor fd, for writing. A file that the process has opened
// itself, as Go's runtime does, is refused: it is closed on exec, so that it cannot be inherited.
func inherited(fd int) (*os.File, error) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC != 0 {
		return nil, errors.New("is not open")
	}
	if mode, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || mode&unix.O_ACCMODE == unix.O_RDONLY {
		return nil, errors.New("is not open for writing")
	}
	unix.CloseOnExec(fd) // credential plugins have no use for it
	return os.NewFile(uintptr(fd), fmt.Sprint("file descriptor ", fd)), nil
}
