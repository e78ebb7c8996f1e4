package kube

import (
	"syscall"

	linux "golang.org/x/sys/unix"
)

// limitUnacknowledged has a connection end once what was sent on it is not acknowledged for deadAfter. Else that takes as long
// as the retransmissions, a quarter of an hour. A kernel without such a limit is no reason to open no connection.
func limitUnacknowledged(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = linux.SetsockoptInt(int(fd), linux.IPPROTO_TCP, linux.TCP_USER_TIMEOUT, int(deadAfter.Milliseconds()))
	})
}
