//go:build !unix

package plugin

import (
	"os"
	"os/exec"
)

// setGroup does nothing: a process that a plugin has started goes on when the plugin ends.
func setGroup(*exec.Cmd) {}

// terminate ends a process.
func terminate(p *os.Process, _ bool) error { return p.Kill() }

// killGroup does nothing.
func killGroup(*os.Process) {}

// keepTerminal does nothing.
func keepTerminal(*os.File) (restore func()) { return func() {} }
