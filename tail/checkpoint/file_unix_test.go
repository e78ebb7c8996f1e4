//go:build unix

package checkpoint_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"mktail/tail/checkpoint"
)

// What can't be replaced by a file is refused at once, and left alone.
func TestKinds(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := unix.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(at("locked.lock"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pipe", at("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop", at("loop")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("read-only"), nil, 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(at("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for path, want := range map[string]string{
		at("pipe"):          "is a named pipe",
		at("link"):          "is a named pipe",
		at("locked"):        "locked.lock is not a regular file",
		at("loop"):          "too many levels of symbolic links",
		at("read-only"):     "is read-only",
		at("folder"):        "is a directory",
		at("folder") + "/":  "is a directory",
		at("new") + "/":     "is the name of a directory",
		at("socket"):        "is not a regular file",
		"/dev/null":         "is not a regular file",
		"/dev/zero":         "is not a regular file",
		at("read-only/new"): "not a directory",
	} {
		t.Run(path, func(t *testing.T) {
			if _, err := checkpoint.Open(path, time.Second, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
	left, err := filepath.Glob(at("*.lock"))
	if err != nil || len(left) > 1 {
		t.Errorf("left: %q, %v", left, err)
	}
}
