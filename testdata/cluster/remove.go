package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// remove ends all processes of the cluster and takes away all that they have left on the machine.
func (c *cluster) remove(ctx context.Context) error {
	if !c.net().ownedBy(c.dir) { // a reboot has ended it
		return errors.Join(unmountBelow(c.dir), os.RemoveAll(c.dir))
	}
	if err := c.killAll(ctx); err != nil {
		return err
	}
	steps := []func() error{
		func() error { return unmountBelow(c.dir) },
		removeSockets,
		func() error { return c.removeCgroups(ctx) },
		c.removeLogs,
		// Before the number is free: whoever reads this file must not take another's network for this one's.
		func() error { return os.Remove(c.path("cluster.json")) },
		func() error { return c.net().remove(ctx) },
		func() error { return os.RemoveAll(c.dir) },
		removeShared,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// killAll kills until nobody is left, for who is killed last may have begun others.
func (c *cluster) killAll(ctx context.Context) error {
	for {
		pids, err := c.net().processes()
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if !pause(ctx, 20*time.Millisecond) {
			return fmt.Errorf("killing processes %v: %w", pids, context.Cause(ctx))
		}
	}
}

// unmountBelow unmounts all in dir, the innermost first.
func unmountBelow(dir string) error {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var points []string
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir+"/") {
			points = append(points, unescape.Replace(f[4]))
		}
	}
	for _, point := range slices.Backward(points) {
		if err := syscall.Unmount(point, syscall.MNT_DETACH); err != nil {
			return fmt.Errorf("unmounting %s: %w", point, err)
		}
	}
	return nil
}

// removeSockets removes those of containerd's shims at which nobody listens any more, and which would stay for ever: some
// are left behind even by a shim that ends in peace. Their folder is one for all containerds of the machine.
func removeSockets() error {
	files, err := filepath.Glob("/run/containerd/s/*")
	if err != nil || len(files) == 0 {
		return err
	}
	open, err := openSockets()
	if err != nil {
		return err
	}
	for _, file := range files {
		if open[file] {
			continue
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// openSockets are the paths of all Unix sockets, in whatever network namespace a process is.
func openSockets() (map[string]bool, error) {
	lists, err := filepath.Glob("/proc/[0-9]*/net/unix")
	if err != nil {
		return nil, err
	}
	paths, seen := map[string]bool{}, map[string]bool{}
	for _, list := range lists {
		ns, err := os.Readlink(filepath.Join(filepath.Dir(list), "..", "ns", "net"))
		if err != nil || seen[ns] {
			continue // a process that has ended, or a namespace that is known
		}
		b, err := os.ReadFile(list)
		if err != nil {
			continue
		}
		seen[ns] = true
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) == 8 {
				paths[f[7]] = true
			}
		}
	}
	return paths, nil
}

// removeCgroups removes those of killed containers. The others' have gone with them.
func (c *cluster) removeCgroups(ctx context.Context) error {
	tasks, err := filepath.Glob(c.path("containerd-state/io.containerd.runtime.v2.task/k8s.io/*"))
	if err != nil {
		return err
	}
	for _, task := range tasks {
		for _, hierarchy := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} { // versions 2 and 1
			groups, err := filepath.Glob(filepath.Join(hierarchy, "k8s.io", filepath.Base(task)))
			if err != nil {
				return err
			}
			for _, group := range groups {
				if err := removeCgroup(ctx, group); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// removeCgroup waits, as a cgroup is busy until the kernel is done with its last process.
func removeCgroup(ctx context.Context, dir string) error {
	for {
		err := syscall.Rmdir(dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) || !pause(ctx, 20*time.Millisecond) {
			return fmt.Errorf("removing %s: %w", dir, err)
		}
	}
}

// removeLogs removes the containers' logs, and the links to them that the kubelet makes.
func (c *cluster) removeLogs() error {
	links, err := filepath.Glob("/var/log/containers/*.log")
	if err != nil {
		return err
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, c.logDir()+"/") {
			if err := os.Remove(link); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(c.logDir())
}

// removeShared removes, once the last cluster is gone, the folders that kubelets and containerds make wherever their own are.
func removeShared() error {
	if anyNetwork() {
		return nil
	}
	_ = os.Remove("/var/lib/kubelet/device-plugins/kubelet.sock")
	shared := []string{"/var/lib/kubelet/device-plugins", "/var/lib/kubelet", "/var/log/containers", "/run/containerd/s", "/run/containerd"}
	groups, err := filepath.Glob("/sys/fs/cgroup/*/k8s.io")
	for _, dir := range slices.Concat(shared, groups, []string{"/sys/fs/cgroup/k8s.io"}) {
		_ = syscall.Rmdir(dir) // unless it is empty it is somebody's
	}
	return err
}
