//go:build unix

package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// A command that does not end when it is asked to is killed with mktail by a later signal: then nobody has the pipe of stderr.
func TestCommandKilled(t *testing.T) {
	t.Run("alone", func(t *testing.T) { commandKilled(t, `trap "" TERM; echo begun; kill -STOP $$`) })
	if runtime.GOOS == "linux" {
		t.Run("with a child", func(t *testing.T) { commandKilled(t, `trap "" TERM; sh -c 'kill -STOP $$' & echo begun; wait`) })
	}
}

func commandKilled(t *testing.T, script string) {
	cmd, _, _ := commandOn(t, 1, "-q", "--", "sh", "-c", script)
	cmd.Stderr = nil
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for !strings.Contains(all.String(), "begun\n") {
		if _, err := io.CopyN(&all, stderr, 1); err != nil {
			t.Fatal(err, &all)
		}
	}
	ended := make(chan struct{})
	go func() {
		io.Copy(&all, stderr)
		close(ended)
	}()
	for signals := 0; ; signals++ { // those of the first second are one
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-time.After(100 * time.Millisecond):
			continue
		case <-ended:
		}
		if signals < 5 {
			t.Errorf("%d signals were enough", signals)
		}
		exitsWith(t, cmd, 143, &all)
		return
	}
}

// What a command has started is waited for also if the command has ended before the run gets to that.
func TestCommandChildrenAwaited(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("children are not found")
	}
	t.Chdir(t.TempDir())
	if err := syscall.Mkfifo("begun", 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f := &flags{Command: []string{"sh", "-c", `sh -c 'trap "sleep 0.3; echo > ended; exit" TERM; echo > begun; while :; do sleep 0.1; done' & wait`}}
	c, err := f.command(ctx, cancel, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile("begun"); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-c.ended
	c.wait()
	if _, err := os.Stat("ended"); err != nil {
		t.Error(err)
	}
}
