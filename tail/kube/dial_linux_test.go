package kube

import (
	"net"
	"testing"

	linux "golang.org/x/sys/unix"
)

// A frozen connection is found dead whether a request is under way on it or not. What the kernel does with these options
// takes its time, so that only they are looked at.
func TestDialer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := newDialer().DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name                string
		level, option, want int
	}{
		{"a request under way, in ms", linux.IPPROTO_TCP, linux.TCP_USER_TIMEOUT, 45000},
		{"none", linux.SOL_SOCKET, linux.SO_KEEPALIVE, 1},
		{"idle for, in s", linux.IPPROTO_TCP, linux.TCP_KEEPIDLE, 15},
		{"between probes, in s", linux.IPPROTO_TCP, linux.TCP_KEEPINTVL, 10},
		{"probes", linux.IPPROTO_TCP, linux.TCP_KEEPCNT, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got int
			var err error
			if controlErr := raw.Control(func(fd uintptr) { got, err = linux.GetsockoptInt(int(fd), tt.level, tt.option) }); controlErr != nil || err != nil {
				t.Fatal(controlErr, err)
			}
			if got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}
