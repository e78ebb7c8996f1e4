package sim

import (
	"net"
	"os"
	"strconv"
	"syscall"
)

// reservePort binds a free port of 127.0.0.1 and does not listen on it: connections are refused, and no other socket of
// the machine is given the port, so that a server can listen there at any time until release is called.
func reservePort() (addr string, release func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, os.NewSyscallError("socket", err)
	}
	release = func() { _ = syscall.Close(fd) }
	defer func() {
		if err != nil {
			release()
		}
	}()
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return "", nil, os.NewSyscallError("bind", err)
	}
	// Only now, so that the port is nobody else's: the server's own socket, which has the option, too, may share it.
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return "", nil, os.NewSyscallError("setsockopt", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return "", nil, os.NewSyscallError("getsockname", err)
	}
	port := name.(*syscall.SockaddrInet4).Port // as it was bound
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), release, nil
}
