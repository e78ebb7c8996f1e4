//go:build unix && !linux

package plugin

import (
	"os/exec"
	"syscall"
)

// mark does nothing: what a command has started in our process group cannot be told from others.
func mark(*exec.Cmd) (variable string) { return "" }

// signalMarked does nothing.
func signalMarked(string, int, syscall.Signal) {}
