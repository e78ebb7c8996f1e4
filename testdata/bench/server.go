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
// when it is ready. more are further flags of it.
func startServer(b *binaries, s size, more []string) (stop func(), err error) {
	args := []string{"-dir", b.dir, "-pods", strconv.Itoa(s.pods), "-lines", strconv.Itoa(s.lines), "-chunk", strconv.Itoa(s.chunk)}
	cmd := exec.Command(b.server, append(args, more...)...)
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
