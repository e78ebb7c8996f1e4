package discover

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOverwrite tests which files are replaced, and that the others are written: those that are mounts. It takes root to make them.
func TestOverwrite(t *testing.T) {
	const stranger = 4711
	write := func(t *testing.T, path string) (replaced bool) {
		t.Helper()
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := overwrite(path, []byte("new")); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		after, statErr := os.Stat(path)
		if err := errors.Join(err, statErr); err != nil || string(text) != "new" || after.Mode() != before.Mode() {
			t.Errorf("it has %q, %v, %v", text, after, err)
		}
		if was, is := before.Sys().(*syscall.Stat_t), after.Sys().(*syscall.Stat_t); was.Uid != is.Uid || was.Gid != is.Gid {
			t.Errorf("it belonged to %d:%d, and belongs to %d:%d", was.Uid, was.Gid, is.Uid, is.Gid)
		}
		if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
			t.Errorf("beside it: %v, %v", entries, err)
		}
		return !os.SameFile(before, after)
	}
	t.Run("another user's", func(t *testing.T) {
		path := filepath.Join(tree(t, map[string]string{"a": "old"}), "a")
		if err := os.Chown(path, stranger, stranger); err != nil {
			t.Skip(err)
		}
		if !write(t, path) {
			t.Error("it was not replaced")
		}
	})
	t.Run("mount", func(t *testing.T) {
		path := filepath.Join(tree(t, map[string]string{"a": "old"}), "a")
		if err := syscall.Mount(path, path, "", syscall.MS_BIND, ""); err != nil {
			t.Skip(err)
		}
		defer syscall.Unmount(path, 0)
		if write(t, path) {
			t.Error("it was replaced")
		}
	})
}
