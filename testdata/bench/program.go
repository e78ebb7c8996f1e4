//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// program is a command line that is measured.
type program struct {
	name, path string
	args       []string
	silent     bool // it writes no lines
	usages     []usage
}

// usage is what one run took.
type usage struct {
	user, system, wall time.Duration
	rss                int64 // bytes, at the most; of a pipe's largest process
	writes             int64 // write system calls, those to sockets too
}

// countLines runs the program and counts the lines that it writes.
func (p *program) countLines() (int, error) {
	cmd := exec.Command(p.path, p.args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	n, buf := 0, make([]byte, 1<<20)
	for {
		m, err := out.Read(buf)
		n += bytes.Count(buf[:m], []byte("\n"))
		if err == io.EOF {
			break
		}
		if err != nil {
			return n, err
		}
	}
	if err := cmd.Wait(); err != nil {
		return n, fmt.Errorf("running %s: %w", p.name, err)
	}
	return n, nil
}

// measure runs the program with its output thrown away.
func (p *program) measure() error {
	cmd := exec.Command(p.path, p.args...) // no Stdout: the null device
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	// The process must still be there, though ended, for its system calls to be read.
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		return fmt.Errorf("waiting for %s: %w", p.name, err)
	}
	wall := time.Since(begun)
	writes, err := writeCalls(cmd.Process.Pid)
	if err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("running %s: %w", p.name, err)
	}
	state := cmd.ProcessState
	p.usages = append(p.usages, usage{
		user: state.UserTime(), system: state.SystemTime(), wall: wall,
		rss: state.SysUsage().(*syscall.Rusage).Maxrss << 10, writes: writes,
	})
	return nil
}

func writeCalls(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(line, "syscw: "); ok {
			return strconv.ParseInt(strings.TrimSpace(n), 10, 64)
		}
	}
	return 0, fmt.Errorf("reading /proc/%d/io: no syscw", pid)
}
