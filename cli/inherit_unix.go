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
	if err := writable(fd); err != nil {
		return nil, err
	}
	unix.CloseOnExec(fd) // credential plugins have no use for it
	return os.NewFile(uintptr(fd), fmt.Sprint("file descriptor ", fd)), nil
}

// shared is inherited for a descriptor that others in the process may use, too, as stderr: it returns a duplicate, which can be closed.
func shared(fd int) (*os.File, error) {
	if err := writable(fd); err != nil {
		return nil, err
	}
	duplicate, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(duplicate), fmt.Sprint("file descriptor ", fd)), nil
}

// writable returns an error unless the process was started with this descriptor, for writing.
func writable(fd int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC != 0 {
		return errors.New("is not open")
	}
	if mode, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || mode&unix.O_ACCMODE == unix.O_RDONLY {
		return errors.New("is not open for writing")
	}
	return nil
}
