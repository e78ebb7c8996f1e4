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
	silent     bool          // it writes no lines
	first      time.Duration // until its first line came
	usages     []usage
}

// usage is what one run took.
type usage struct {
	user, system, wall time.Duration
	rss                int64 // bytes, at the most; of a pipe's largest process
	reads, writes      int64 // system calls, those of sockets too
}

// countLines runs the program and counts the lines that it writes.
func (p *program) countLines() (int, error) {
	cmd := exec.Command(p.path, p.args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	n, buf := 0, make([]byte, 1<<20)
	for {
		m, err := out.Read(buf)
		if p.first == 0 && m > 0 {
			p.first = time.Since(begun)
		}
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
	reads, writes, err := calls(cmd.Process.Pid)
	if err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("running %s: %w", p.name, err)
	}
	state := cmd.ProcessState
	p.usages = append(p.usages, usage{
		user: state.UserTime(), system: state.SystemTime(), wall: wall,
		rss: state.SysUsage().(*syscall.Rusage).Maxrss << 10, reads: reads, writes: writes,
	})
	return nil
}

// calls counts the system calls of a process that read and write.
func calls(pid int) (reads, writes int64, err error) {
	path := fmt.Sprintf("/proc/%d/io", pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		switch name, n, _ := strings.Cut(strings.TrimSpace(line), ": "); name {
		case "syscr":
			reads, err = strconv.ParseInt(n, 10, 64)
		case "syscw":
			writes, err = strconv.ParseInt(n, 10, 64)
		}
		if err != nil {
			return 0, 0, fmt.Errorf("reading %s: %w", path, err)
		}
	}
	return reads, writes, nil
}
