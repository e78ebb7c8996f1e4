//go:build unix

package cli

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"mktail/tail/kube/children"
)

// family is the process of a command, and those that it has started, as far as they are found.
type family struct {
	cmd  *exec.Cmd
	mark string // see children.Mark
}

// familyOf returns the family of a command that has not been started.
func familyOf(cmd *exec.Cmd) *family { return &family{cmd, children.Mark(cmd)} }

func (f *family) started() {}

// terminate asks all to end.
func (f *family) terminate() { f.signal(syscall.SIGTERM) }

func (f *family) kill() { f.signal(syscall.SIGKILL) }

func (f *family) signal(n syscall.Signal) {
	f.cmd.Process.Signal(n) // first, so that it starts no others
	children.Signal(f.mark, f.cmd.Process.Pid, n)
}

// left reports whether any that the command has started still runs.
func (f *family) left() bool { return children.Signal(f.mark, f.cmd.Process.Pid, 0) > 0 }

// passOn passes a signal on to a process of mktail's group. A SIGINT that was typed on the terminal has reached it already, and a
// second one often means another thing; that it was typed, the process group in the foreground shows.
func passOn(p *os.Process, n syscall.Signal) {
	if n == syscall.SIGINT && inForeground() {
		return
	}
	p.Signal(n)
}

// inForeground reports whether mktail's process group is that which the terminal sends signals to.
func inForeground() bool {
	terminal, err := os.Open("/dev/tty")
	if err != nil {
		return false // there is none
	}
	defer terminal.Close()
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
