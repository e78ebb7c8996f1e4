package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// onTerminal starts a program on a terminal of its own, with what of its stdin, stdout and stderr is not set yet, and gives the
// terminal's other end.
func onTerminal(t *testing.T, cmd *exec.Cmd) *os.File {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { ours.Close() })
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	cmd.Stdin = theirs
	if cmd.Stdout == nil {
		cmd.Stdout = theirs
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return ours
}

// await reads until a text comes.
func await(t *testing.T, r io.Reader, text string) {
	t.Helper()
	var all bytes.Buffer
	for buf := make([]byte, 1); !strings.Contains(all.String(), text); {
		if _, err := r.Read(buf); err != nil {
			t.Fatalf("%v after %q", err, &all)
		}
		all.Write(buf)
	}
}

const interrupt = "\x03" // what ^C sends

// A question is no obstacle to ^C.
func TestPromptInterrupted(t *testing.T) {
	cmd, app, _ := commandOn(t, 1, "--prompt")
	app.Pod().SetLabels(map[string]string{instanceLabel: "shop"})
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, nil
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	terminal := onTerminal(t, cmd)
	await(t, said, "Follow which")
	io.WriteString(terminal, interrupt)
	exitsWith(t, cmd, 130, &stdout)
	if stdout.Len() > 0 {
		t.Errorf("stdout: %s", &stdout)
	}
}

// In a pager ^C is the pager's.
func TestPagerInterrupted(t *testing.T) {
	cmd, app, stderr := commandOn(t, 1, "--pager", `trap "" INT; head -9`)
	terminal := onTerminal(t, cmd)
	await(t, terminal, "line 0")
	for i := range 8 {
		io.WriteString(terminal, interrupt)
		await(t, terminal, "^C") // its echo: the signal has been sent
		app.Write(fmt.Sprint("more ", i))
		await(t, terminal, fmt.Sprint("more ", i))
	}
	exitsWith(t, cmd, 0, stderr)
}
