//go:build linux

package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// starts measures how soon something comes: the first line from ten pods, and the last of the first lines from 50 clusters, of
// which five are dead.
func starts(b *binaries, s size, rounds int) error {
	stop, err := startServer(b, size{pods: 10, lines: 1000, chunk: s.chunk}, nil)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Printf("Start\n\n%-64s %10s\n", "", "ms")
	var first []*program
	for _, p := range b.mktails() {
		first = append(first, &program{name: p.name + ", first line from 10 pods", path: p.path, args: []string{"--kubeconfig", b.kubeconfig(), "--tail", "1", "-o", "json"}})
	}
	for _, p := range b.sterns {
		first = append(first, &program{name: p.name + ", first line from 10 pods", path: p.path, args: []string{"--kubeconfig", b.kubeconfig(), ".", "--tail", "1", "-o", "json"}})
	}
	for _, p := range first {
		if err := p.firstLines(1, 3*rounds); err != nil {
			return err
		}
	}
	more := *b
	more.dir = filepath.Join(b.dir, "fifty")
	if err := os.Mkdir(more.dir, 0o755); err != nil {
		return err
	}
	stopMore, err := startServer(&more, size{pods: 1, lines: 10, chunk: s.chunk}, []string{"-clusters", "45"})
	if err != nil {
		return err
	}
	defer stopMore()
	live, dead := []string{"--kubeconfig", more.kubeconfigs(), "--tail", "1", "-o", "json"}, filepath.Join(more.dir, "dead-*.yaml")
	text, err := os.ReadFile(more.kubeconfig())
	if err != nil {
		return err
	}
	for i := range 5 {
		silent, err := net.Listen("tcp", "127.0.0.1:0") // connections are made, and nobody says a word on them
		if err != nil {
			return err
		}
		defer silent.Close()
		lines := strings.Split(string(text), "\n")
		for k, line := range lines {
			if at := strings.Index(line, "server:"); at >= 0 {
				lines[k] = line[:at] + "server: https://" + silent.Addr().String()
			}
		}
		name := fmt.Sprintf("dead-%d", i+1)
		config := strings.ReplaceAll(strings.Join(lines, "\n"), "sim-1", name)
		if err := os.WriteFile(filepath.Join(more.dir, name+".yaml"), []byte(config), 0o600); err != nil {
			return err
		}
	}
	for _, mktail := range b.mktails() {
		for _, p := range []*program{
			{name: mktail.name + ", a line from each of 45 clusters", path: mktail.path, args: live},
			{name: mktail.name + ", a line from each of 45 clusters, beside 5 dead ones", path: mktail.path, args: append(slices.Clone(live), "--kubeconfig", dead)},
		} {
			if err := p.firstLines(45, rounds); err != nil {
				return err
			}
		}
	}
	fmt.Println()
	return nil
}

// firstLines prints how long the program takes to write so many lines, the median of some runs.
func (p *program) firstLines(lines, runs int) error {
	var took []time.Duration
	for range runs {
		cmd := exec.Command(p.path, p.args...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		begun := time.Now()
		if err := cmd.Start(); err != nil {
			return err
		}
		in := bufio.NewReader(out)
		for range lines {
			if _, err := in.ReadString('\n'); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
		took = append(took, time.Since(begun))
		cmd.Process.Kill()
		cmd.Wait()
	}
	slices.SortFunc(took, cmp.Compare)
	fmt.Printf("%-64s %10.1f\n", p.name, float64(took[len(took)/2])/float64(time.Millisecond))
	return nil
}

// stalled measures the memory while nobody reads stdout, and counts the lines when somebody does.
func stalled(b *binaries, s size, _ int) error {
	stop, err := startServer(b, s, nil)
	if err != nil {
		return err
	}
	defer stop()
	const while = 60 * time.Second
	cmd := exec.Command(b.mktail, mktailArgs(b, "-o", "json")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	time.Sleep(while)
	rss, lines := groupRSS(cmd.Process.Pid), 0
	in := bufio.NewReaderSize(out, 1<<20)
	for {
		_, err := in.ReadSlice('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		lines++
	}
	fmt.Printf("Stdout not read for %s, %d pods with much to say: peak RSS %.1f MiB; then %d of %d lines\n\n",
		while, s.pods, mib(rss), lines, s.pods*s.lines)
	return cmd.Wait()
}
