//go:build unix

package cli

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// terminate asks a process to end.
func terminate(p *os.Process) { p.Signal(syscall.SIGTERM) }

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
