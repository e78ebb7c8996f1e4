package terminal

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Start starts a program on a new terminal, which controls it and is what it has not been given yet of stdin, stdout and
// stderr. It returns the other end, at which the user would sit; the caller closes it.
func Start(cmd *exec.Cmd) (*os.File, error) {
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	theirs, err := other(ours)
	if err != nil {
		ours.Close()
		return nil, err
	}
	defer theirs.Close()
	cmd.Stdin = theirs
	if cmd.Stdout == nil {
		cmd.Stdout = theirs
	}
	if cmd.Stderr == nil {
		cmd.Stderr = theirs
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		ours.Close()
		return nil, err
	}
	return ours, nil
}

// other opens the program's end of a terminal.
func other(ours *os.File) (*os.File, error) {
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return nil, fmt.Errorf("unlocking a terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		return nil, fmt.Errorf("naming a terminal: %w", err)
	}
	return os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0)
}
