//go:build linux

package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strconv"
)

// startServer starts a simulated cluster whose pods have written their logs, in a process of its own, and returns
// when it is ready. Its kubeconfig is dir/sim-1.yaml.
func startServer(path, dir string, w work) (stop func(), err error) {
	cmd := exec.Command(path, "-dir", dir, "-pods", strconv.Itoa(w.pods), "-lines", strconv.Itoa(w.lines), "-chunk", strconv.Itoa(w.chunk))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() { stdin.Close(); cmd.Wait() }
	if line, _ := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		stop()
		return nil, errors.New("starting the server: it did not get ready")
	}
	return stop, nil
}
