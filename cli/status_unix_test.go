//go:build unix

package cli

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// statusPipe gives a command its status as descriptor 3, of which the test has both ends.
func statusPipe(t *testing.T, cmd *exec.Cmd) (reader, writer *os.File) {
	t.Helper()
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		t.Fatal(err)
	}
	unix.CloseOnExec(pipe[0])
	unix.CloseOnExec(pipe[1])
	reader, writer = os.NewFile(uintptr(pipe[0]), "reader"), os.NewFile(uintptr(pipe[1]), "writer")
	t.Cleanup(func() {
		reader.Close()
		writer.Close()
	})
	cmd.ExtraFiles = []*os.File{writer}
	cmd.Args = append(cmd.Args, "--status-fd", "3")
	return reader, writer
}

// fill writes to a pipe until it is full.
func fill(t *testing.T, pipe *os.File) {
	t.Helper()
	unix.SetNonblock(int(pipe.Fd()), true)
	defer unix.SetNonblock(int(pipe.Fd()), false)
	for {
		if _, err := unix.Write(int(pipe.Fd()), []byte("\n")); err == unix.EAGAIN {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// awaitLine reads lines until one has the text.
func awaitLine(t *testing.T, lines *bufio.Reader, text string) {
	t.Helper()
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("%q did not come: %v", text, err)
		}
		if strings.Contains(line, text) {
			return
		}
	}
}

const matchedNow = "mktail: --until matched: eu: default/web/app: now\n"

const statusUnread = "mktail: warning: writing the status: nobody reads it; going on without\n"

// A status that nobody reads holds a run up, but not its end: by a timeout, by a signal, or by a verdict.
func TestStatusUnread(t *testing.T) {
	t.Run("timeout", func(t *testing.T) {
		cmd, _, stderr := commandOn(t, 3, "--until", "never", "--timeout", "3s")
		_, writer := statusPipe(t, cmd)
		fill(t, writer)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		exitsWith(t, cmd, 124, stderr)
		// The timeout may come before the second event, and its error before the warning.
		if strings.Count(stderr.String(), statusUnread) != 1 || !strings.Contains(stderr.String(), "timeout after 3s: nothing matched --until") {
			t.Errorf("stderr: %s", stderr)
		}
	})
	t.Run("signal", func(t *testing.T) {
		cmd, _, stderr := commandOn(t, 3, "-v")
		_, writer := statusPipe(t, cmd)
		fill(t, writer)
		cmd.Stderr = nil
		said, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(said)
		awaitLine(t, lines, "eu: context eu of")
		cmd.Process.Signal(syscall.SIGINT)
		awaitLine(t, lines, "nobody reads it; going on without")
		exitsWith(t, cmd, 130, stderr)
	})
	t.Run("verdict", func(t *testing.T) {
		cmd, app, stderr := commandOn(t, 0, "--until", "^now$", "-o", "raw")
		reader, writer := statusPipe(t, cmd)
		var stdout bytes.Buffer
		cmd.Stdout = &stdout
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		awaitLine(t, bufio.NewReader(reader), `"event":"container-open"`)
		fill(t, writer)
		app.Write("now")
		exitsWith(t, cmd, 0, stderr)
		if stdout.String() != "now\n" || stderr.String() != statusUnread+matchedNow {
			t.Errorf("stdout: %s\nstderr: %s", &stdout, stderr)
		}
	})
}

// A reader of the status that goes away is said, and the run goes on.
func TestStatusReaderGone(t *testing.T) {
	cmd, app, stderr := commandOn(t, 0, "--until", "^now$", "-q")
	reader, writer := statusPipe(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	awaitLine(t, bufio.NewReader(reader), `"event":"container-open"`)
	reader.Close()
	app.Write("now")
	exitsWith(t, cmd, 0, stderr)
	if got := stderr.String(); got != "mktail: warning: writing the status: write file descriptor 3: broken pipe; going on without\n"+matchedNow {
		t.Errorf("stderr: %s", got)
	}
}
