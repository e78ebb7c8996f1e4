package kube

import (
	"net"
	"time"
)

// deadAfter is how long a connection may be frozen, without reset or end, before it is found dead.
const deadAfter = 45 * time.Second

// newDialer makes the dialer of connections to API servers. The keep-alives find one dead on which nothing is under way; they
// don't run while something sent is not acknowledged, a request, which limitUnacknowledged is for. HTTP/2 has its own pings.
func newDialer() *net.Dialer {
	return &net.Dialer{
		Timeout:         10 * time.Second,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 10 * time.Second, Count: 3},
		Control:         limitUnacknowledged,
	}
}
