package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var errNotRunning = errors.New("not running")

// begin starts a component if it is not running, and waits until it answers, and those with it that need it.
func (c *cluster) begin(ctx context.Context, k component) error {
	if err := c.spawn(ctx, k); err != nil {
		return err
	}
	if err := c.await(ctx, k, k.answers); err != nil {
		return err
	}
	if k.name != "etcd" {
		return nil
	}
	// The API server tries to reach a lost etcd ever more rarely.
	server, err := findComponent("apiserver")
	if err != nil || c.pid(server) == 0 {
		return err
	}
	return c.await(ctx, server, server.answers)
}

// spawn starts a component if it is not running. It outlives this command.
func (c *cluster) spawn(ctx context.Context, k component) error {
	if c.pid(k) != 0 {
		return nil
	}
	program, err := k.program(ctx)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(c.path(k.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	// Not `ip netns exec`, which would hide the cgroup mounts.
	cmd := exec.Command("nsenter", append([]string{"--net=" + c.net().path(), program}, k.args(c)...)...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", k.name, err)
	}
	born := birth(cmd.Process.Pid)
	go cmd.Wait() //nolint:errcheck // only so that it does not stay a zombie if it ends before this command
	return os.WriteFile(c.path(k.name+".pid"), fmt.Appendf(nil, "%d %s\n", cmd.Process.Pid, born), 0o600)
}

// await waits until a component answers, and gives up when it has ended.
func (c *cluster) await(ctx context.Context, k component, answers func(context.Context, *cluster) error) error {
	var last error
	for {
		alive := c.pid(k) != 0
		err := answers(ctx, c)
		if err == nil {
			return nil
		}
		if !alive {
			return fmt.Errorf("%s has ended: %s", k.name, c.tail(k))
		}
		if ctx.Err() == nil {
			last = err
		}
		if !pause(ctx, 50*time.Millisecond) {
			return fmt.Errorf("waiting for %s: %w: %w; `logs %s %s` tells more", k.name, context.Cause(ctx), last, c.name, k.name)
		}
	}
}

// end tells a component to end, and kills it if it has not after the grace; at once if there is none.
func (c *cluster) end(ctx context.Context, k component, grace time.Duration) error {
	pid := c.pid(k)
	if pid == 0 {
		return fmt.Errorf("%s of %s: %w", k.name, c.name, errNotRunning)
	}
	if grace > 0 {
		ctx, cancel := context.WithTimeout(ctx, grace)
		defer cancel()
		if err := c.signal(ctx, k, pid, syscall.SIGTERM); err == nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	return c.signal(ctx, k, pid, syscall.SIGKILL)
}

// signal sends a signal to a component and waits until it has ended.
func (c *cluster) signal(ctx context.Context, k component, pid int, signal syscall.Signal) error {
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("sending %v to %s: %w", signal, k.name, err)
	}
	for c.pid(k) == pid {
		if !pause(ctx, 20*time.Millisecond) {
			return fmt.Errorf("waiting for the end of %s: %w", k.name, context.Cause(ctx))
		}
	}
	return nil
}

// pid is a running component's, else 0.
func (c *cluster) pid(k component) int {
	b, err := os.ReadFile(c.path(k.name + ".pid"))
	if err != nil {
		return 0
	}
	number, born, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	pid, err := strconv.Atoi(number)
	if err != nil || born == "" || birth(pid) != born {
		return 0
	}
	return pid
}

// birth is when a process has begun, by which it is told from a later one of the same ID. It is empty for one that has ended.
func birth(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The name, in parentheses, may hold spaces and parentheses.
	f := strings.Fields(string(b)[strings.LastIndexByte(string(b), ')')+1:])
	if len(f) < 20 || f[0] == "Z" || f[0] == "X" {
		return ""
	}
	return f[19]
}

// pause returns false if ctx has ended before.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// tail is the end of what a component has logged.
func (c *cluster) tail(k component) string {
	b, err := os.ReadFile(c.path(k.name + ".log"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

func (c *cluster) printLog(w io.Writer, k component) error {
	f, err := os.Open(c.path(k.name + ".log"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s of %s has never run", k.name, c.name)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
