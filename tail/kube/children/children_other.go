//go:build unix && !linux

package children

import (
	"os/exec"
	"syscall"
)

// Mark does nothing: what a command has started in our process group cannot be told from others.
func Mark(*exec.Cmd) (variable string) { return "" }

// Signal does nothing.
func Signal(string, int, syscall.Signal) (n int) { return 0 }
