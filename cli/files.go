package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

const (
	// maxNamedFile is how large a file may be that a flag has read as a whole: a device such as /dev/zero has no end.
	maxNamedFile = 16 << 20
	// writerPatience is how long a named pipe without a writer is waited for. The writer of a shell's <(…) may begin a little later.
	writerPatience = 2 * time.Second
)

// readNamed returns the text of a file that a flag names, and what it is. It may be a pipe, as a shell makes one for <(…).
func readNamed(path string) (text []byte, info fs.FileInfo, err error) {
	f, err := openNamed(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	if text, err = io.ReadAll(io.LimitReader(f, maxNamedFile+1)); err == nil && len(text) > maxNamedFile {
		err = fmt.Errorf("%s is larger than %d MiB", path, maxNamedFile>>20)
	}
	return text, info, err
}

// openNamed opens a file for reading. Opening a named pipe waits for a writer, but not for longer than writerPatience.
func openNamed(path string) (*os.File, error) {
	if info, err := os.Stat(path); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return os.Open(path)
	}
	type opened struct {
		file *os.File
		err  error
	}
	done := make(chan opened, 1)
	go func() {
		f, err := os.Open(path)
		done <- opened{f, err}
	}()
	select {
	case o := <-done:
		return o.file, o.err
	case <-time.After(writerPatience): // the run ends with this error
		return nil, fmt.Errorf("nobody writes to %s", path)
	}
}

// descriptorPath is the name of an open file of the process: its number, or which of the standard files it is.
var descriptorPath = regexp.MustCompile(`^/(?:dev/std(in|out|err)|(?:dev|proc/(?:self|thread-self))/fd/(\d+))$`)

// descriptorOf returns the descriptor that a path names, itself or by links. To open the path would open the file again: at its beginning,
// and emptied; a socket could not be opened at all.
func descriptorOf(path string) (fd int, ok bool) {
	for range 40 { // as many links as Linux follows
		abs, err := filepath.Abs(path)
		if err != nil {
			return 0, false
		}
		if m := descriptorPath.FindStringSubmatch(filepath.ToSlash(abs)); m != nil {
			if m[1] != "" {
				return map[string]int{"in": 0, "out": 1, "err": 2}[m[1]], true
			}
			fd, err := strconv.Atoi(m[2])
			return fd, err == nil
		}
		to, err := os.Readlink(abs)
		if err != nil {
			return 0, false
		}
		if path = to; !filepath.IsAbs(to) {
			path = filepath.Join(filepath.Dir(abs), to)
		}
	}
	return 0, false
}

// standardFile returns the descriptor of stdout or stderr if a path names the regular file that it was redirected to.
func standardFile(path string) (fd int, ok bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	for fd, f := range map[int]*os.File{1: os.Stdout, 2: os.Stderr} {
		if to, err := f.Stat(); err == nil && os.SameFile(info, to) {
			return fd, true
		}
	}
	return 0, false
}

// refuseDescriptor refuses a path that names an open file where a file of its own is needed. What is written to stdout or stderr would be
// lost with a file that is replaced.
func refuseDescriptor(path string) error {
	if fd, ok := descriptorOf(path); ok {
		return fmt.Errorf("%s is open file descriptor %d, which can't be replaced", path, fd)
	}
	if fd, ok := standardFile(path); ok {
		return fmt.Errorf("%s is where file descriptor %d goes: it can't be replaced", path, fd)
	}
	return nil
}

// refuseFolderName refuses the name of a file that ends as that of a folder does.
func refuseFolderName(path string) error {
	if path != "" && os.IsPathSeparator(path[len(path)-1]) {
		return errors.New(path + " is the name of a folder")
	}
	return nil
}
