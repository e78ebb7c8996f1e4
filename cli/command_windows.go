package cli

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// family is the process of a command, and those that it has started since it is in a job, which is the moment after its start.
type family struct {
	cmd *exec.Cmd
	job windows.Handle // 0: there is none
}

// familyOf returns the family of a command that has not been started.
func familyOf(cmd *exec.Cmd) *family {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil { // the command alone is ended
		job = 0
	}
	return &family{cmd, job}
}

func (f *family) started() {
	_ = f.cmd.Process.WithHandle(func(handle uintptr) { // as above without a job
		_ = windows.AssignProcessToJobObject(f.job, windows.Handle(handle))
	})
}

// terminate ends all, which cannot be asked to on Windows.
func (f *family) terminate() { f.kill() }

func (f *family) kill() {
	_ = windows.TerminateJobObject(f.job, 1)
	f.cmd.Process.Kill() // it may not be in the job yet
}

// left reports that none still runs, as terminate does not ask.
func (f *family) left() bool { return false }

// passOn does nothing: the console sends its events to all of its processes, and there are no other signals.
func passOn(*os.Process, syscall.Signal) {}
