//go:build !linux

package sim

// reservePort reserves nothing: two sockets cannot share a port here as they do on Linux. Any port is free at first; one
// that was left may be taken.
func reservePort() (addr string, release func(), err error) {
	return "127.0.0.1:0", func() {}, nil
}
