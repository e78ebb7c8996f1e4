package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// moduleDir is the folder of this module's sources, wherever the command is run.
func moduleDir() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	if dir := filepath.Dir(file); filepath.IsAbs(dir) { // not so if built with -trimpath
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
	}
	out, err := output(exec.Command("go", "list", "-m", "-f={{.Dir}}", "mktail/testdata/cluster"))
	if err != nil {
		return "", fmt.Errorf("finding this module's sources (run it by `go run -C testdata/cluster .`): %w", err)
	}
	return out, nil
}

// rootDir is the folder of mktail's own module, which holds package loggen.
func rootDir() (string, error) {
	dir, err := moduleDir()
	return filepath.Join(dir, "..", ".."), err
}

// buildTool builds one of this module's tools and returns its path, which is in Go's build cache.
func buildTool(ctx context.Context, path string) (string, error) {
	dir, err := moduleDir()
	if err != nil {
		return "", err
	}
	out, err := output(exec.CommandContext(ctx, "go", "tool", "-C="+dir, "-n", path))
	if err != nil {
		return "", fmt.Errorf("building %s: %w", path, err)
	}
	return out, nil
}

// requirements reports whether this machine can run clusters, and what to do if not.
func requirements() error {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return errors.New("clusters need Linux and root")
	}
	var errs []error
	const debian = "apt-get install -y containerd runc iproute2"
	for _, needed := range []struct{ program, hint string }{
		{"go", "see https://go.dev/dl"},
		{"containerd", debian},
		{"containerd-shim-runc-v2", debian},
		{"ctr", debian},
		{"runc", debian},
		{"ip", debian},
		{"nsenter", "apt-get install -y util-linux"},
		{"mount", "apt-get install -y mount"},
	} {
		if _, err := exec.LookPath(needed.program); err != nil {
			errs = append(errs, fmt.Errorf("%s not found: %s", needed.program, needed.hint))
		}
	}
	return errors.Join(errs...)
}

// output runs a command and returns what it writes, trimmed. What it says on stderr is in the error.
func output(cmd *exec.Cmd) (string, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), err
}
