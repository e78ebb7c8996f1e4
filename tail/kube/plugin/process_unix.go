//go:build unix

package plugin

import (
	"os"
	"os/exec"
	"syscall"
)

// setGroup has a command run in a process group of its own, and without the terminal: one that would ask there would be stopped, for it is
// in the background, and wait for ever. So it fails.
func setGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// terminate tells a process to end, or its process group.
func terminate(p *os.Process, group bool) error {
	if group {
		return syscall.Kill(-p.Pid, syscall.SIGTERM)
	}
	return p.Signal(syscall.SIGTERM)
}

// killGroup ends what is left of a process group; p is nil if it was not started.
func killGroup(p *os.Process) {
	if p != nil {
		_ = syscall.Kill(-p.Pid, syscall.SIGKILL) // there need not be anything
	}
}
