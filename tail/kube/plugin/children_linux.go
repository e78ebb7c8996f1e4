package plugin

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// mark gives a command, which has an environment, a variable that its children inherit, and returns it.
func mark(cmd *exec.Cmd) (variable string) {
	variable = fmt.Sprintf("MKTAIL_PLUGIN=%d-%p", os.Getpid(), cmd)
	cmd.Env = append(cmd.Env, variable)
	return variable
}

// signalMarked sends a signal to the processes with that variable in our process group, but not to except. Those that have left the
// group are to go on, as a browser is that a login has opened.
func signalMarked(variable string, except int, signal syscall.Signal) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() || pid == except {
			continue
		}
		if group, err := syscall.Getpgid(pid); err != nil || group != syscall.Getpgrp() {
			continue
		}
		p, err := os.FindProcess(pid) // first: it is that process then whose environment is read
		if err != nil {
			continue
		}
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && bytes.Contains(env, []byte(variable+"\x00")) {
			_ = p.Signal(signal) // it may have ended
		}
		_ = p.Release()
	}
}
