package checkpoint_test

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"mktail/tail/checkpoint"
)

func open(t *testing.T, path string) *checkpoint.Store {
	t.Helper()
	s, err := checkpoint.Open(path, time.Second, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := open(t, path)
	if _, err := checkpoint.Open(path, time.Second, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), path+" is in use") {
		t.Errorf("a second one: %v", err)
	}
	if err := s.Close(true); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"blank":          "\n",
		"cut":            string(whole[:len(whole)/2]),
		"changed":        strings.Replace(string(whole), "[]", "[ ]", 1),
		"another time":   regexp.MustCompile(`"saved":"\d`).ReplaceAllString(string(whole), `"saved":"3`),
		"another end":    strings.Replace(string(whole), `"clean":true`, `"clean":false`, 1),
		"no state":       "apiVersion: v1\n",
		"other JSON":     "{}",
		"an earlier one": strings.Replace(string(whole), `"version":3`, `"version":1`, 1),
		"the one before": strings.Replace(string(whole), `"version":3`, `"version":2`, 1),
		"a later one":    strings.Replace(string(whole), `"version":3`, `"version":4`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			bad := filepath.Join(t.TempDir(), "state")
			if err := os.WriteFile(bad, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if s, err := checkpoint.Open(bad, time.Second, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), bad) {
				t.Errorf("opened: %v, %v", s, err)
			}
			if b, err := os.ReadFile(bad); err != nil || string(b) != content {
				t.Errorf("it is now %q, %v", b, err)
			}
		})
	}
	t.Run("what a killed process left is swept", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "state.7.tmp", "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"state.123.tmp", "state.5.123.tmp", "state.tmp", "other.123.tmp"} {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, log := opened(t, filepath.Join(dir, "state"))
		if err := s.Close(true); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), `"level":"debug"`) || !strings.Contains(log.String(), "state.7.tmp") {
			t.Errorf("log: %s", log)
		}
		var left []string
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			left = append(left, e.Name())
		}
		if want := []string{"other.123.tmp", "state", "state.5.123.tmp", "state.7.tmp", "state.lock", "state.tmp"}; err != nil || !slices.Equal(left, want) {
			t.Errorf("left: %q, %v", left, err)
		}
	})
	t.Run("an empty one is new", func(t *testing.T) {
		empty := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(empty, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, empty)
		if err := s.Close(true); err != nil {
			t.Fatal(err)
		}
		if got := read(t, empty); !got.Clean {
			t.Errorf("it is now %+v", got)
		}
	})
	t.Run("a link stays one", func(t *testing.T) {
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(path, link); err != nil {
			t.Skip(err)
		}
		if err := open(t, link).Close(true); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("it is now %v, %v", info, err)
		}
	})
	t.Run("a link to a file that is not there yet stays one", func(t *testing.T) {
		dir := t.TempDir()
		link := filepath.Join(dir, "link")
		if err := os.Symlink("state", link); err != nil {
			t.Skip(err)
		}
		if err := open(t, link).Close(true); err != nil {
			t.Fatal(err)
		}
		if to, err := os.Readlink(link); err != nil || to != "state" {
			t.Errorf("it is now %q, %v", to, err)
		}
		if got := read(t, filepath.Join(dir, "state")); !got.Clean {
			t.Errorf("the file is %+v", got)
		}
	})
	t.Run("no folder", func(t *testing.T) {
		if _, err := checkpoint.Open(filepath.Join(t.TempDir(), "none", "state"), time.Second, zerolog.Nop()); err == nil || !strings.HasPrefix(err.Error(), "locking ") {
			t.Errorf("error %v", err)
		}
	})
}
