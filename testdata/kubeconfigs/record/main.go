// Command record runs kubectl on each shape of kubeconfig, and writes what came of it:
//
//	go run ./testdata/kubeconfigs/record > testdata/kubeconfigs/kubectl.json
//
// It needs kubectl in the PATH.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"mktail/testdata/kubeconfigs"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func run() error {
	all := make(map[string]kubeconfigs.Result)
	for _, s := range kubeconfigs.Shapes() {
		r, err := try(s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		if _, twice := all[s.Name]; twice {
			return fmt.Errorf("there are two shapes %s", s.Name)
		}
		all[s.Name] = r
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "\t")
	return out.Encode(all)
}

// try has kubectl list pods.
func try(s kubeconfigs.Shape) (r kubeconfigs.Result, err error) {
	dir, err := os.MkdirTemp("", "record")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	w, err := kubeconfigs.NewWorld(dir)
	if err != nil {
		return r, err
	}
	defer w.Close()
	env, err := w.Write(s)
	if err != nil {
		return r, err
	}
	args := []string{"get", "pods", "-o", "name"}
	if s.Context != "" {
		args = append(args, "--context", s.Context)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "kubectl", args...)
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "KUBECONFIG=" + env}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, failed := cmd.Output()
	r.Works = failed == nil && string(out) == "pod/web\n"
	if !r.Works {
		lines := strings.Split(strings.TrimSpace(w.Clean(stderr.String())), "\n")
		r.Error = lines[len(lines)-1]
	}
	return r, ctx.Err()
}
