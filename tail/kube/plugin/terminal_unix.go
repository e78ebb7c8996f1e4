//go:build unix

package plugin

import (
	"os"
	"reflect"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// keepTerminal returns what gives a terminal the settings that it has now, if it has others then: a plugin that is ended while it reads a
// password leaves the terminal without echo. If we are in the background, it is not ours to set.
func keepTerminal(f *os.File) (restore func()) {
	fd := int(f.Fd())
	before, err := term.GetState(fd)
	if err != nil { // it is no terminal
		return func() {}
	}
	return func() {
		now, err := term.GetState(fd)
		if err != nil || reflect.DeepEqual(now, before) {
			return
		}
		if group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err == nil && group == syscall.Getpgrp() {
			_ = term.Restore(fd, before) // without it nothing is worse than it was
		}
	}
}
