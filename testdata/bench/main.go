//go:build linux

// Command bench measures mktail beside its peers on the same work in one run, against simulated clusters in a process of
// their own, over TLS:
//
//	go run ./testdata/bench [-work formats,jq,json] [-pods 10] [-lines 200000] [-chunk 32768] [-rounds 3]
//
// The works are formats, jq, json, many, most, idle, stalled, start and real. For each program it prints the median over the
// rounds, which take turns: machines are noisy, so only ratios within one run mean something. It needs Linux, whose /proc
// counts system calls, for jq and json the program jq, and for real what testdata/cluster needs.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// size is how much is to be read.
type size struct{ pods, lines, chunk int }

func main() {
	var s size
	names := flag.String("work", "formats,jq,json", "what is measured")
	flag.IntVar(&s.pods, "pods", 10, "pods to read")
	flag.IntVar(&s.lines, "lines", 200_000, "lines of each pod")
	flag.IntVar(&s.chunk, "chunk", 32<<10, "bytes that the server sends at once; -1: each line by itself")
	rounds := flag.Int("rounds", 3, "rounds, of which the median counts")
	flag.Parse()
	if err := bench(strings.Split(*names, ","), s, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(names []string, s size, rounds int) error {
	dir, err := os.MkdirTemp("", "mktail-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := build(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		w, ok := works[name]
		if !ok {
			return fmt.Errorf("there is no work %q", name)
		}
		if err := w(b, s, rounds); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// measure runs programs round by round, and prints the results. All of a row must write the same number of lines.
func measure(title string, rows []row, lines, rounds int) error {
	for _, r := range rows {
		want := -1
		for _, p := range r.programs {
			got, err := p.countLines()
			if err != nil {
				return err
			}
			if want < 0 {
				want = got
			}
			if got != want && !p.silent {
				return fmt.Errorf("%s wrote %d lines, %s %d", p.name, got, r.programs[0].name, want)
			}
		}
	}
	for range rounds {
		for _, r := range rows {
			for _, p := range r.programs {
				if err := p.measure(); err != nil {
					return err
				}
			}
		}
	}
	fmt.Printf("%s\n\n", title)
	report(os.Stdout, lines, rows)
	return nil
}

// binaries are the programs that are measured, and where they and the kubeconfig are.
type binaries struct{ project, dir, mktail, server, reader, stern, gojq string }

func (b *binaries) kubeconfig() string { return filepath.Join(b.dir, "sim-1.yaml") }

// kubeconfigs is the glob of all.
func (b *binaries) kubeconfigs() string { return filepath.Join(b.dir, "sim-*.yaml") }

func build(dir string) (*binaries, error) {
	here, err := exec.Command("go", "list", "-f", "{{.Dir}}", "mktail/testdata/bench").Output()
	if err != nil {
		return nil, fmt.Errorf("finding the project: %w", err)
	}
	project := filepath.Join(strings.TrimSpace(string(here)), "..", "..")
	peers := filepath.Join(project, "testdata", "bench", "peers")
	at := func(name string) string { return filepath.Join(dir, name) }
	b := &binaries{project, dir, at("mktail"), at("server"), at("reader"), at("stern"), at("gojq")}
	for _, one := range []struct{ from, to, pkg string }{
		{project, b.mktail, "."},
		{project, b.server, "./testdata/sim/server"},
		{project, b.reader, "./testdata/bench/reader"},
		{peers, b.stern, "github.com/stern/stern"},
		{peers, b.gojq, "github.com/itchyny/gojq/cmd/gojq"},
	} {
		cmd := exec.Command("go", "build", "-C", one.from, "-o", one.to, one.pkg)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("building %s: %w", one.pkg, err)
		}
	}
	return b, nil
}
