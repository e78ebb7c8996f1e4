package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// stdinRun is mktail on lines of stdin.
func stdinRun(t *testing.T, lines string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append([]string{"--stdin"}, args...)...)
	cmd.Env = []string{"HOME=" + t.TempDir(), asMktail + "=1"}
	cmd.Stdin, cmd.Stderr = strings.NewReader(lines), os.Stderr
	return cmd
}

// Two runs with --line-buffered write whole records to one pipe, up to PIPE_BUF.
func TestSharedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	const lines = 20_000
	var in strings.Builder
	for i := range lines {
		fmt.Fprintln(&in, strings.Repeat("x", i%3900))
	}
	var runs []*exec.Cmd
	for range 2 {
		cmd := stdinRun(t, in.String(), "-o", "json", "--line-buffered")
		cmd.Stdout = w
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		runs = append(runs, cmd)
	}
	w.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range runs {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	n := 0
	for line := range bytes.Lines(out) {
		if n++; !json.Valid(line) {
			t.Fatalf("line %d is broken: %.200q", n, line)
		}
	}
	if n != 2*lines {
		t.Errorf("%d lines, want %d", n, 2*lines)
	}
}

// What is appended to a file that ends within a line begins on a line of its own.
func TestAppendedFile(t *testing.T) {
	for _, tt := range []struct {
		name, was, want string
		flags           int
		end             bool // the file is at its end
		args            []string
	}{
		{"half a line", "half", "half\nnew\n", os.O_WRONLY | os.O_APPEND, false, nil},
		{"half a line, read-write", "half", "half\nnew\n", os.O_RDWR | os.O_APPEND, false, nil},
		{"half a line, at its end", "half", "half\nnew\n", os.O_WRONLY, true, nil},
		{"whole lines", "whole\n", "whole\nnew\n", os.O_WRONLY | os.O_APPEND, false, nil},
		{"empty", "", "new\n", os.O_WRONLY | os.O_APPEND, false, nil},
		{"written over", "half", "new\n", os.O_WRONLY, false, nil},
		{"line-buffered", "half", "half\nnew\n", os.O_WRONLY | os.O_APPEND, false, []string{"--line-buffered"}},
		{"nothing to write", "half", "half", os.O_WRONLY | os.O_APPEND, false, []string{"-e", "new"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out")
			if err := os.WriteFile(path, []byte(tt.was), 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := os.OpenFile(path, tt.flags, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if tt.end {
				if _, err := file.Seek(0, io.SeekEnd); err != nil {
					t.Fatal(err)
				}
			}
			cmd := stdinRun(t, "new\n", append([]string{"-o", "raw"}, tt.args...)...)
			cmd.Stdout = file
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != tt.want {
				t.Errorf("%q, want %q; %v", got, tt.want, err)
			}
		})
	}
	t.Run("seq", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "out")
		if err := os.WriteFile(path, []byte("\x1e{\"a"), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		cmd := stdinRun(t, "new\n", "--jq", ".line", "--seq")
		cmd.Stdout = file
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != "\x1e{\"a\n\x1e\"new\"\n" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// A file of --status-fd that ends within an event goes on with a line of its own, too.
func TestAppendedStatus(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	if err := os.WriteFile(path, []byte(`{"event":"end`), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd, _, stderr := commandOn(t, 1, "--no-follow", "--status-fd", "3")
	cmd.ExtraFiles = []*os.File{file}
	if err := cmd.Run(); err != nil {
		t.Fatal(err, stderr)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(got, []byte("{\"event\":\"end\n{\"event\":\"")) {
		t.Errorf("%.100q, %v", got, err)
	}
}
