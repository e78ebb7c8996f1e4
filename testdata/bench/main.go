//go:build linux

// Command bench measures mktail beside stern on the same work in one run: reading the logs of some pods to their end,
// from simulated clusters in a process of their own, over TLS.
//
//	go run ./testdata/bench [-pods 10] [-lines 200000] [-chunk 32768] [-rounds 3]
//
// It prints, for each program and format, the median over the rounds, which take turns: machines are noisy, so only
// ratios within one run mean something. It needs Linux, whose /proc counts system calls.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

type work struct{ pods, lines, chunk int }

func main() {
	var w work
	flag.IntVar(&w.pods, "pods", 10, "pods to read")
	flag.IntVar(&w.lines, "lines", 200_000, "lines of each pod")
	flag.IntVar(&w.chunk, "chunk", 32<<10, "bytes that the server sends at once; -1: each line by itself")
	rounds := flag.Int("rounds", 3, "rounds, of which the median counts")
	flag.Parse()
	if err := bench(w, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(w work, rounds int) error {
	dir, err := os.MkdirTemp("", "mktail-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	here, err := exec.Command("go", "list", "-f", "{{.Dir}}", "mktail/testdata/bench").Output()
	if err != nil {
		return fmt.Errorf("finding the project: %w", err)
	}
	project := filepath.Join(string(here[:len(here)-1]), "..", "..")
	mktail, stern, server := filepath.Join(dir, "mktail"), filepath.Join(dir, "stern"), filepath.Join(dir, "server")
	for _, b := range []*exec.Cmd{
		exec.Command("go", "build", "-C", project, "-o", mktail, "."),
		exec.Command("go", "build", "-C", project, "-o", server, "./testdata/sim/server"),
		exec.Command("go", "build", "-C", filepath.Join(project, "testdata", "bench", "stern"), "-o", stern, "github.com/stern/stern"),
	} {
		b.Stderr = os.Stderr
		if err := b.Run(); err != nil {
			return fmt.Errorf("building %s: %w", b.Args[5], err)
		}
	}
	kubeconfig := filepath.Join(dir, "sim-1.yaml")
	stop, err := startServer(server, dir, w)
	if err != nil {
		return err
	}
	defer stop()

	sternArgs := []string{"--kubeconfig", kubeconfig, ".", "--no-follow", "--since", "9000h", "--only-log-lines",
		"--color", "never", "--max-log-requests", strconv.Itoa(w.pods)}
	mktailArgs := []string{"--kubeconfig", kubeconfig, "--no-follow", "--since", "0", "--summary=false"}
	runs := []*program{
		{name: "mktail -o json", path: mktail, args: append(slices.Clone(mktailArgs), "-o", "json")},
		{name: "stern -o json", path: stern, args: append(slices.Clone(sternArgs), "-o", "json")},
		{name: "mktail -o text", path: mktail, args: append(slices.Clone(mktailArgs), "-o", "text")},
		{name: "stern -o default", path: stern, args: append(slices.Clone(sternArgs), "-o", "default")},
		{name: "mktail -o raw", path: mktail, args: append(slices.Clone(mktailArgs), "-o", "raw")},
		{name: "stern -o raw", path: stern, args: append(slices.Clone(sternArgs), "-o", "raw")},
	}
	for _, p := range runs {
		got, err := p.countLines()
		if err != nil {
			return err
		}
		if got != w.pods*w.lines {
			return fmt.Errorf("%s wrote %d lines of %d", p.name, got, w.pods*w.lines)
		}
	}
	for range rounds {
		for _, p := range runs {
			if err := p.measure(); err != nil {
				return err
			}
		}
	}
	report(os.Stdout, w, runs)
	return nil
}

// report prints a line for each program, and the ratio to the program after it, which does the same work.
func report(to io.Writer, w work, runs []*program) {
	total := float64(w.pods * w.lines)
	fmt.Fprintf(to, "%d pods × %d lines of 100 bytes, server chunks of %d bytes\n\n", w.pods, w.lines, w.chunk)
	fmt.Fprintf(to, "%-18s %12s %12s %14s %13s\n", "", "CPU µs/line", "lines/s", "peak RSS MiB", "writes/line")
	row := func(p *program) (cpu, wall, rss, writes float64) {
		median := func(f func(usage) float64) float64 {
			values := make([]float64, len(p.usages))
			for i, u := range p.usages {
				values[i] = f(u)
			}
			slices.SortFunc(values, cmp.Compare)
			return values[len(values)/2]
		}
		return median(func(u usage) float64 { return float64(u.cpu) / float64(time.Microsecond) / total }),
			median(func(u usage) float64 { return total / u.wall.Seconds() }),
			median(func(u usage) float64 { return float64(u.rss) / (1 << 20) }),
			median(func(u usage) float64 { return float64(u.writes) / total })
	}
	for i, p := range runs {
		cpu, speed, rss, writes := row(p)
		fmt.Fprintf(to, "%-18s %12.3f %12.0f %14.1f %13.4f\n", p.name, cpu, speed, rss, writes)
		if i%2 == 1 {
			c, s, r, wr := row(runs[i-1])
			fmt.Fprintf(to, "%-18s %12s %12s %14s %13s\n\n", "  ratio", fmt.Sprintf("1/%.1f", cpu/c), fmt.Sprintf("%.1f×", s/speed),
				fmt.Sprintf("1/%.1f", rss/r), fmt.Sprintf("1/%.0f", writes/wr))
		}
	}
}
