package cli

import (
	"errors"
	"fmt"
	"os"
)

// inherited returns the file that the process was started with as handle fd.
func inherited(fd int) (*os.File, error) {
	file := os.NewFile(uintptr(fd), fmt.Sprint("file descriptor ", fd))
	if file == nil {
		return nil, errors.New("is not open")
	}
	if _, err := file.Stat(); err != nil {
		return nil, errors.New("is not open")
	}
	return file, nil
}

// shared is not needed: on Windows no path names an open file.
func shared(int) (*os.File, error) { return nil, errors.New("is not open") }
