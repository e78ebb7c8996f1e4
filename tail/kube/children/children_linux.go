package children

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// Mark gives a command, before it starts, a variable of its environment that its children inherit, and returns that. Without an environment
// the command gets ours.
func Mark(cmd *exec.Cmd) (variable string) {
	variable = fmt.Sprintf("MKTAIL_CHILD_%d_%p=1", os.Getpid(), cmd) // a name of its own: a child may be mktail, and mark others
	cmd.Env = append(cmd.Environ(), variable)
	return variable
}

// Signal sends a signal to the processes with that variable in our process group, but not to except, and returns how many there are. Those
// that have left the group are to go on, as a browser is that a login has opened. Signal 0 only counts.
func Signal(variable string, except int, signal syscall.Signal) (n int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
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
		if err == nil && bytes.Contains(env, []byte(variable+"\x00")) && p.Signal(signal) == nil { // else it has ended
			n++
		}
		_ = p.Release()
	}
	return n
}
