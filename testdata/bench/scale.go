//go:build linux

package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
)

// point is what some work cost at some size.
type point struct {
	series       string  // what grows: containers, clusters or the length of lines
	x            int     // to this
	cpu          float64 // µs/line
	rss, perUnit float64 // MiB at the most; KiB of it for each container
	open         float64 // seconds until all were open
}

// scale measures how the cost grows with the work: with containers and with clusters that are followed and bring 10,000 lines a
// second in all, and with the length of lines that are read to their end.
func scale(b *binaries, s size, _ int) error {
	var points []point
	fmt.Printf("Cost as the work grows\n\n%-12s %10s %12s %14s %18s %12s\n", "", "", "CPU µs/line", "peak RSS MiB", "KiB per container", "all open, s")
	add := func(p point) {
		points = append(points, p)
		fmt.Printf("%-12s %10d %12.2f %14.1f %18.1f %12.2f\n", p.series, p.x, p.cpu, p.rss, p.perUnit, p.open)
	}
	const lines = 10_000
	followed := func(series string, x, clusters, containers int) error {
		stop, err := startFollowed(b, clusters, containers/clusters, lines/float64(containers), s.chunk)
		if err != nil {
			return err
		}
		defer stop()
		f, err := follower(b, b.mktails()[0]).follow(containers)
		if err != nil {
			return err
		}
		if f.lines == 0 || f.open == 0 {
			return fmt.Errorf("%d containers: not all were open in time", containers)
		}
		add(point{series, x, f.perLine(), mib(f.rss), float64(f.rss) / 1024 / float64(containers), f.open.Seconds()})
		return nil
	}
	for _, n := range []int{10, 100, 1_000, 10_000} {
		if err := followed("containers", n, 10, n); err != nil {
			return err
		}
	}
	for _, n := range []int{1, 10, 50} {
		if err := followed("clusters", n, n, 1_000); err != nil {
			return err
		}
	}
	for _, n := range []int{100, 1_000, 10_000, 100_000, 1_000_000} {
		size := size{pods: 10, lines: max(20, 10_000_000/n), chunk: s.chunk}
		stop, err := startServer(b, size, []string{"-length", strconv.Itoa(n)})
		if err != nil {
			return err
		}
		p := &program{name: "mktail -o json", path: b.mktail, args: mktailArgs(b, "-o", "json", "--max-line", "2097152")}
		for range 3 {
			if err = p.measure(); err != nil {
				break
			}
		}
		stop()
		if err != nil {
			return err
		}
		f := p.median(size.pods * size.lines)
		add(point{series: "line length", x: n, cpu: f.cpu, rss: f.rss, perUnit: f.rss * 1024 / float64(size.pods)})
	}
	fmt.Println()
	if s.data == "" {
		return nil
	}
	return save(s.data, points)
}

// save writes points as CSV with a head.
func save(path string, points []point) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := csv.NewWriter(f)
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }
	rows := [][]string{{"series", "x", "cpu_us_per_line", "rss_mib", "rss_kib_per_container", "open_s"}}
	for _, p := range points {
		rows = append(rows, []string{p.series, strconv.Itoa(p.x), number(p.cpu), number(p.rss), number(p.perUnit), number(p.open)})
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	return f.Close()
}
