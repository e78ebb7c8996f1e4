//go:build unix

package cli

import (
	"context"
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// readerGone waits until the reader of f is gone (true), or until ctx ends (false).
func readerGone(ctx context.Context, f *os.File) bool {
	wake, end, err := os.Pipe()
	if err != nil {
		return false
	}
	defer wake.Close()
	stop := context.AfterFunc(ctx, func() { end.Close() })
	defer stop()
	fds := []unix.PollFd{{Fd: int32(f.Fd())}, {Fd: int32(wake.Fd()), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil || fds[1].Revents != 0 || fds[0].Revents&unix.POLLNVAL != 0:
			return false
		case fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0:
			return true
		}
	}
}

// patient writes to a file that another process may have made non-blocking, which happens to a shared terminal or pipe. While the
// file is full, patient waits.
type patient struct{ *os.File }

// Write writes all of b, or returns an error.
func (p patient) Write(b []byte) (written int, err error) {
	for {
		n, err := p.File.Write(b[written:])
		if written += n; !errors.Is(err, unix.EAGAIN) {
			return written, err
		}
		_, err = unix.Poll([]unix.PollFd{{Fd: int32(p.Fd()), Events: unix.POLLOUT}}, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return written, err
		}
	}
}

// isReaderGone reports whether a write failed because the reader is gone.
func isReaderGone(err error) bool {
	return errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET)
}

// colorsConsole reports that a terminal knows colour sequences.
func colorsConsole(*os.File) bool { return true }

// appends reports whether each write to f goes to its end, wherever that is.
func appends(f *os.File) bool {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_APPEND != 0
}

// reopened opens f for reading. Only Linux can: where there is no /proc, or where /dev/fd duplicates, it fails.
func reopened(f *os.File) (*os.File, error) {
	return os.Open("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
}
