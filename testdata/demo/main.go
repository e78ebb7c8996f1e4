// Command demo shows mktail at work on three simulated clusters: an app that rolls out, a container that crashes
// again and again, and JSON logs.
//
//	go run ./testdata/demo [-- FLAGS of mktail]
//
// It needs no cluster and no kubeconfig, and leaves nothing behind.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/mattn/go-isatty"

	"mktail/cli"
	"mktail/testdata/sim"
)

// asMktail makes the program mktail itself: the demo starts itself a second time with it.
const asMktail = "MKTAIL_DEMO_RUNS_MKTAIL"

func main() {
	if os.Getenv(asMktail) != "" {
		os.Exit(cli.Main())
	}
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		code = 1
	}
	os.Exit(code)
}

func run(args []string) (int, error) {
	dir, err := os.MkdirTemp("", "mktail-demo-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	var files []string
	for _, s := range []struct {
		name  string
		story func(*sim.Cluster)
	}{{"prod-eu", shop}, {"prod-us", payments}, {"staging", crash}} {
		c, err := sim.Start(sim.Options{Name: s.name})
		if err != nil {
			return 0, err
		}
		defer c.Close()
		s.story(c)
		file := filepath.Join(dir, s.name)
		if err := os.WriteFile(file, c.Kubeconfig(s.name), 0o600); err != nil {
			return 0, err
		}
		files = append(files, file)
	}
	return mktail(files, args)
}

// mktail runs mktail on the kubeconfigs, in all namespaces unless args choose some, and returns its exit code.
func mktail(kubeconfigs, args []string) (int, error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if !slices.ContainsFunc(args, func(a string) bool {
		return strings.HasPrefix(a, "-n") || strings.HasPrefix(a, "--namespace") || a == "-A" || a == "--all-namespaces"
	}) {
		args = append([]string{"-A"}, args...)
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asMktail+"=1", "KUBECONFIG="+strings.Join(kubeconfigs, string(os.PathListSeparator)))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// A terminal's ^C reaches mktail as well; all else it gets from here. How it ends is for mktail to say.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	go func() {
		for sig := range signals {
			if sig != os.Interrupt || !isatty.IsTerminal(os.Stdin.Fd()) {
				cmd.Process.Signal(sig)
			}
		}
	}()
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}
