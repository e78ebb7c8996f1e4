package plugin

import (
	"context"
	"os"
	"os/exec"

	"golang.org/x/sys/windows"
)

// runAll runs a command. When its context ends, the command ends, with all that it has started since it is in a job, which is the moment
// after its start. What a command that has ended by itself leaves running goes on.
func runAll(ctx context.Context, cmd *exec.Cmd, _ bool) error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil { // the command alone is ended
		return cmd.Run()
	}
	defer windows.CloseHandle(job)
	cmd.Cancel = func() error {
		_ = windows.TerminateJobObject(job, 1)
		return cmd.Process.Kill() // it may not be in the job yet
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = cmd.Process.WithHandle(func(handle uintptr) { // as above without a job
		_ = windows.AssignProcessToJobObject(job, windows.Handle(handle))
	})
	err = cmd.Wait()
	if ctx.Err() != nil {
		_ = windows.TerminateJobObject(job, 1)
	}
	return err
}

// keepTerminal does nothing.
func keepTerminal(*os.File) (restore func()) { return func() {} }
