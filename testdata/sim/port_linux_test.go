package sim_test

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	"mktail/testdata/sim"
)

// TestDownKeepsThePort: while a cluster is down, no connection of the machine is made from its port, or the cluster could
// not come up again.
func TestDownKeepsThePort(t *testing.T) {
	other := start(t, sim.Options{Name: "other"})
	c := start(t, sim.Options{Down: true})
	from, err := net.ResolveTCPAddr("tcp", strings.TrimPrefix(c.URL(), "https://"))
	if err != nil {
		t.Fatal(err)
	}
	d := net.Dialer{LocalAddr: from}
	conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(other.URL(), "https://"))
	if err == nil {
		_ = conn.Close()
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a connection from the port: %v, want %v", err, syscall.EADDRINUSE)
	}
	if _, err := net.Dial("tcp", from.String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a connection to the port: %v, want %v", err, syscall.ECONNREFUSED)
	}
	if err := c.Up(); err != nil {
		t.Error(err)
	}
}
