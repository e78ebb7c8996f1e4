package kube

import (
	"net"
	"time"
)

// deadAfter is how long a connection may be frozen, without reset or end, before it is taken for dead.
const deadAfter = 45 * time.Second

// newDialer makes the dialer of connections to API servers. Its keep-alives find a dead connection on which nothing is under
// way. They don't run while something that was sent, a request, is not acknowledged: for that there is limitUnacknowledged.
// HTTP/2 has pings of its own.
func newDialer() *net.Dialer {
	return &net.Dialer{
		Timeout:         10 * time.Second,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 10 * time.Second, Count: 3},
		Control:         limitUnacknowledged,
	}
}
