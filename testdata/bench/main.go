//go:build linux

// Command bench measures mktail beside its peers on the same work in one run, against simulated clusters in a process of
// their own, over TLS:
//
//	go run ./testdata/bench [-work formats,jq,json] [-peers stern] [-pods 10] [-lines 200000] [-chunk 32768] [-rounds 3] [-before DIR]
//
// The works are formats, jq, json, many, most, idle, scale, stalled, start and real; the peers stern, stern-1.35 and kubectl,
// which take minutes to be built at first. With -before the mktail of another working tree (git worktree add) is measured
// beside this one. For each program it prints the median over the rounds, which take turns: machines
// are noisy, so only ratios within one run mean something. It needs Linux, whose /proc counts system calls, for jq and json
// the program jq, and for real what testdata/cluster needs.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

// size is how much is to be read.
type size struct {
	pods, lines, chunk int
	data               string // see scale
}

func main() {
	var s size
	names := flag.String("work", "formats,jq,json", "what is measured")
	flag.IntVar(&s.pods, "pods", 10, "pods to read")
	flag.IntVar(&s.lines, "lines", 200_000, "lines of each pod")
	flag.IntVar(&s.chunk, "chunk", 32<<10, "bytes that the server sends at once; -1: each line by itself")
	peers := flag.String("peers", "stern", "what is measured beside mktail")
	rounds := flag.Int("rounds", 3, "rounds, of which the median counts")
	before := flag.String("before", "", "a working tree of another commit, whose mktail is measured, too")
	flag.StringVar(&s.data, "data", "", "a file that scale writes its figures to, for testdata/bench/plot")
	flag.Parse()
	if err := bench(split(*names), split(*peers), *before, s, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func bench(names, peers []string, before string, s size, rounds int) error {
	dir, err := os.MkdirTemp("", "mktail-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := build(dir, peers, before)
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
