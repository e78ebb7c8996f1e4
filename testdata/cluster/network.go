package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// network is a network namespace, a link into it, and a subnet, all of one number. The namespace, the link's outer end and the
// cluster's folder in /var/log are called mktailN.
type network int

func (n network) name() string { return fmt.Sprintf("mktail%d", int(n)) }
func (n network) path() string { return "/run/netns/" + n.name() }
func (n network) link() string { return "/sys/class/net/" + n.name() }
func (n network) host() string { return fmt.Sprintf("10.231.%d.1", int(n)) }

// node is the node's address. It must not be a loopback one: the API server would refuse to proxy to the node.
func (n network) node() string { return fmt.Sprintf("10.231.%d.2", int(n)) }

// claim makes a network of the lowest free number, for the cluster in dir. Who can make the namespace has the number.
func claim(ctx context.Context, dir string) (network, error) {
	for n := network(1); n < 255; n++ {
		if taken(n.path()) || taken(n.link()) {
			continue
		}
		switch err := n.create(ctx, dir); {
		case err == nil:
			return n, nil
		case !strings.Contains(err.Error(), "File exists"): // another command was quicker
			return 0, err
		}
	}
	return 0, errors.New("all of 10.231.1.0/24 to 10.231.254.0/24 are taken: `ip netns` lists the clusters")
}

func taken(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (n network) create(ctx context.Context, dir string) (err error) {
	made := []func(context.Context) error{}
	defer func() {
		if err == nil {
			return
		}
		for _, undo := range slices.Backward(made) {
			err = errors.Join(err, undo(context.WithoutCancel(ctx)))
		}
	}()
	if _, err := ip(ctx, "netns", "add", n.name()); err != nil {
		return err
	}
	made = append(made, n.removeNamespace)
	if _, err := ip(ctx, "link", "add", n.name(), "type", "veth", "peer", "name", "eth0", "netns", n.name()); err != nil {
		return err
	}
	made = append(made, n.removeLink)
	for _, command := range [][]string{
		{"link", "set", n.name(), "alias", dir},
		{"addr", "add", n.host() + "/24", "dev", n.name()},
		{"link", "set", n.name(), "up"},
		{"-n", n.name(), "addr", "add", n.node() + "/24", "dev", "eth0"},
		{"-n", n.name(), "link", "set", "lo", "up"},
		{"-n", n.name(), "link", "set", "eth0", "up"},
		{"-n", n.name(), "route", "add", "default", "via", n.host()},
	} {
		if _, err := ip(ctx, command...); err != nil {
			return err
		}
	}
	return nil
}

// ownedBy reports whether the network is the cluster's in dir. Numbers are used again, for instance after a reboot.
func (n network) ownedBy(dir string) bool {
	alias, err := os.ReadFile(n.link() + "/ifalias")
	return err == nil && strings.TrimSpace(string(alias)) == dir
}

// set cuts the link ("down") or mends it ("up"). A link that is really down would do more: the host would send what is for the
// cluster to its default gateway instead, or the cluster would lose the address by which its components know one another. So
// either side is made to send to an address that nobody has.
func (n network) set(ctx context.Context, state string) error {
	verb := []string{"replace"}
	rest := []string{"lladdr", "02:00:00:00:00:00", "nud", "permanent"}
	if state == n.state(ctx) {
		return nil
	}
	if state == "up" {
		verb, rest = []string{"del"}, nil
	}
	for _, side := range [][]string{{"neigh"}, {"-n", n.name(), "neigh"}} {
		to := []string{n.node(), "dev", n.name()}
		if len(side) > 1 {
			to = []string{n.host(), "dev", "eth0"}
		}
		if _, err := ip(ctx, slices.Concat(side, verb, to, rest)...); err != nil {
			return err
		}
	}
	return nil
}

// state is "up" or "down".
func (n network) state(ctx context.Context) string {
	out, err := ip(ctx, "neigh", "show", "dev", n.name(), "nud", "permanent")
	switch {
	case err != nil:
		return "missing"
	case out != "":
		return "down"
	}
	return "up"
}

// remove frees the number. The namespace's end would take the link along, but later.
func (n network) remove(ctx context.Context) error {
	return errors.Join(n.removeLink(ctx), n.removeNamespace(ctx))
}

func (n network) removeLink(ctx context.Context) error {
	if !taken(n.link()) {
		return nil
	}
	_, err := ip(ctx, "link", "del", n.name())
	return err
}

func (n network) removeNamespace(ctx context.Context) error {
	if !taken(n.path()) {
		return nil
	}
	_, err := ip(ctx, "netns", "del", n.name())
	return err
}

// anyNetwork reports whether any cluster, of whatever root, is on this machine.
func anyNetwork() bool {
	found, err := filepath.Glob("/run/netns/mktail*")
	return err != nil || len(found) > 0
}

// processes are those in the namespace.
func (n network) processes() ([]int, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(n.path(), &st); err != nil {
		return nil, err
	}
	want := fmt.Sprintf("net:[%d]", st.Ino)
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, dir := range dirs {
		pid, err := strconv.Atoi(dir.Name())
		if err != nil {
			continue
		}
		if ns, err := os.Readlink(filepath.Join("/proc", dir.Name(), "ns/net")); err == nil && ns == want {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// dial connects from within the namespace, whether or not the link is cut.
func (n network) dial(ctx context.Context, proto, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread, now elsewhere, ends with the goroutine
		f, err := os.Open(n.path())
		if err != nil {
			done <- result{nil, err}
			return
		}
		defer f.Close()
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- result{nil, fmt.Errorf("entering %s: %w", n.path(), err)}
			return
		}
		conn, err := new(net.Dialer).DialContext(ctx, proto, address)
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}

func ip(ctx context.Context, args ...string) (string, error) {
	return output(exec.CommandContext(ctx, "ip", args...))
}
