package kube

import (
	"syscall"

	linux "golang.org/x/sys/unix"
)

// limitUnacknowledged has the kernel end a connection once what was sent on it has not been acknowledged for deadAfter. Else
// that takes as long as its retransmissions, a quarter of an hour. A kernel without that option is not a reason to fail.
func limitUnacknowledged(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = linux.SetsockoptInt(int(fd), linux.IPPROTO_TCP, linux.TCP_USER_TIMEOUT, int(deadAfter.Milliseconds()))
	})
}
