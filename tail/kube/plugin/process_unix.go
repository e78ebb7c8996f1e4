//go:build unix

package plugin

import (
	"context"
	"os/exec"
	"syscall"

	"mktail/tail/kube/children"
)

// runAll runs a command. When its context ends, the command is told to end, with all that it has started, and what is left after
// cmd.WaitDelay is killed. What a command that has ended by itself leaves running goes on.
//
// own has it run in a session of its own, without the terminal: one that would ask there would be stopped, for it is in the background,
// and wait for ever. So it fails. Otherwise it stays in our process group, as another one could not read from the terminal. That group is not
// signalled, for it has us and what we are in a pipe with. On Linux the children are found by a variable in their environment, elsewhere
// they go on.
func runAll(ctx context.Context, cmd *exec.Cmd, own bool) error {
	var end func(syscall.Signal) error
	if own {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		end = func(signal syscall.Signal) error { return syscall.Kill(-cmd.Process.Pid, signal) }
	} else {
		variable := children.Mark(cmd)
		end = func(signal syscall.Signal) error {
			err := cmd.Process.Signal(signal) // first, so that it starts no others
			children.Signal(variable, cmd.Process.Pid, signal)
			return err
		}
	}
	cmd.Cancel = func() error { return end(syscall.SIGTERM) }
	err := cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		_ = end(syscall.SIGKILL) // there need not be anything
	}
	return err
}
