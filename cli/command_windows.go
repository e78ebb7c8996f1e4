package cli

import (
	"os"
	"syscall"
)

// terminate ends a process, which cannot be asked to on Windows.
func terminate(p *os.Process) { p.Kill() }

// passOn does nothing: the console sends its events to all of its processes, and there are no other signals.
func passOn(*os.Process, syscall.Signal) {}
