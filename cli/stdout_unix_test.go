//go:build unix

package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mktail/testdata/sim"
)

// commandOn is mktail on a simulated cluster with one container that has written some lines.
func commandOn(t *testing.T, lines int, args ...string) (*exec.Cmd, *sim.Container, *bytes.Buffer) {
	t.Helper()
	c, err := sim.Start(sim.Options{Name: "eu"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	app := c.AddPod(sim.PodSpec{Name: "web"}).Container("app")
	for i := range lines {
		if err := app.Write(fmt.Sprint("line ", i, strings.Repeat("x", 200))); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, ".kube"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".kube", "eu"), c.KubeconfigFor(sim.Access{Context: "eu"}), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), asMktail + "=1"}
	stderr := new(bytes.Buffer)
	cmd.Stderr = stderr
	return cmd, app, stderr
}

func exitsWith(t *testing.T, cmd *exec.Cmd, code int, stderr *bytes.Buffer) {
	t.Helper()
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, want %d; stderr: %s", got, code, stderr)
	}
}

// A full disk ends the run with 1, and is said once.
func TestStdoutFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	cmd, _, stderr := commandOn(t, 5000)
	cmd.Stdout = full
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exitsWith(t, cmd, 1, stderr)
	if got := stderr.String(); got != "mktail: error: writing to stdout: write /dev/stdout: no space left on device\n" {
		t.Errorf("stderr: %s", got)
	}
}

// Stdout may be a socket: all lines come, and when the other end closes, the run is over.
func TestStdoutSocket(t *testing.T) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.CloseOnExec(ends[0]) // mktail must not hold it itself
	unix.CloseOnExec(ends[1])
	ours, theirs := os.NewFile(uintptr(ends[0]), "ours"), os.NewFile(uintptr(ends[1]), "theirs")
	cmd, app, stderr := commandOn(t, 3)
	cmd.Stdout = theirs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	lines := bufio.NewReader(ours)
	for i := range 4 {
		if i == 3 {
			app.Write("the last")
		}
		if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, `"container":"app"`) {
			t.Fatalf("%q, %v", line, err)
		}
	}
	ours.Close()
	exitsWith(t, cmd, 0, stderr)
}

// A stdout that another process has made non-blocking, before or while mktail runs, loses nothing when it is full.
func TestStdoutNonBlocking(t *testing.T) {
	for _, later := range []bool{false, true} {
		t.Run(fmt.Sprint("later ", later), func(t *testing.T) {
			const lines = 3000 // some times what a pipe holds
			var pipe [2]int
			if err := unix.Pipe(pipe[:]); err != nil {
				t.Fatal(err)
			}
			unix.CloseOnExec(pipe[0])
			unix.CloseOnExec(pipe[1])
			reader, writer := os.NewFile(uintptr(pipe[0]), "reader"), os.NewFile(uintptr(pipe[1]), "writer")
			defer reader.Close()
			if !later {
				unix.SetNonblock(pipe[1], true)
			}
			cmd, _, stderr := commandOn(t, lines, "--no-follow")
			cmd.Stdout = writer
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(reader)
			if _, err := in.Peek(1); err != nil { // it has begun to write
				t.Fatal(err)
			}
			if later {
				unix.SetNonblock(pipe[1], true)
			}
			writer.Close()
			got, err := io.ReadAll(in)
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(got, []byte("\n")); n != lines {
				t.Errorf("%d lines", n)
			}
			exitsWith(t, cmd, 0, stderr)
		})
	}
}

// stalled starts mktail on a cluster with more lines than a pipe holds, whose reader reads nothing, and returns when the pipe is full.
func stalled(t *testing.T, args ...string) (cmd *exec.Cmd, stdout *os.File, stderr *bufio.Reader) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	cmd, _, _ = commandOn(t, 20_000, args...)
	cmd.Stderr = nil
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		room := []unix.PollFd{{Fd: int32(writer.Fd()), Events: unix.POLLOUT}}
		if n, err := unix.Poll(room, 0); err != nil && err != unix.EINTR {
			t.Fatal(err)
		} else if err == nil && n == 0 {
			break
		}
		runtime.Gosched()
	}
	writer.Close()
	return cmd, reader, bufio.NewReader(pipe)
}

// The first signal ends a run in order, which a reader that has stopped can hold up; the second ends it at once.
func TestTwoSignals(t *testing.T) {
	cmd, _, stderr := stalled(t)
	cmd.Process.Signal(syscall.SIGINT)
	line, err := stderr.ReadString('\n')
	if err != nil || !strings.Contains(line, "interrupt again") {
		t.Fatalf("%q, %v", line, err)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	exitsWith(t, cmd, 143, new(bytes.Buffer))
}

// Signals that come together count as one: timeout(1) sends two.
func TestSignalsAtOnce(t *testing.T) {
	for _, sent := range [][]syscall.Signal{
		{syscall.SIGTERM, syscall.SIGINT}, {syscall.SIGINT, syscall.SIGTERM}, {syscall.SIGHUP, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT},
	} {
		t.Run(fmt.Sprint(sent), func(t *testing.T) {
			state := filepath.Join(t.TempDir(), "state")
			cmd, stdout, _ := stalled(t, "--state", state)
			for _, sig := range sent {
				cmd.Process.Signal(sig)
			}
			io.Copy(io.Discard, stdout)
			cmd.Wait()
			var codes []int
			for _, sig := range sent { // which of them is taken first is the kernel's choice
				codes = append(codes, 128+int(sig))
			}
			if got := cmd.ProcessState.ExitCode(); !slices.Contains(codes, got) {
				t.Errorf("exit code %d, want one of %d", got, codes)
			}
			if b, err := os.ReadFile(state); err != nil || !bytes.Contains(b, []byte(`"clean":true`)) {
				t.Errorf("the state was not saved: %.100s, %v", b, err)
			}
		})
	}
}
