//go:build linux

package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"
)

// report prints a line for each program, and after each of mktail's peers how mktail's figures stand to theirs.
func report(to io.Writer, lines int, rows []row) {
	fmt.Fprintf(to, "%-44s %12s %22s %10s %14s %12s\n", "", "CPU µs/line", "of it system, mktail's", "lines/s", "peak RSS MiB", "writes/line")
	for _, r := range rows {
		var ours figures
		for i, p := range r.programs {
			f := p.median(lines)
			ratio := ""
			if i == 0 {
				ours = f
			} else {
				ratio = "  " + times(ours.cpu/f.cpu) + " "
			}
			fmt.Fprintf(to, "%-44.44s %12.3f %12.3f %9s %10.0f %14.1f %12.4f\n", p.name, f.cpu, f.system, ratio, f.speed, f.rss, f.writes)
		}
		fmt.Fprintln(to)
	}
}

// times writes a ratio as 1/7.0 or 1.4×.
func times(ratio float64) string {
	if ratio < 1 {
		return fmt.Sprintf("1/%.1f", 1/ratio)
	}
	return fmt.Sprintf("%.2f×", ratio)
}

// figures are what a program took for each line, but for rss, in MiB.
type figures struct{ cpu, system, speed, rss, writes float64 }

// median gives the medians of a program's rounds.
func (p *program) median(lines int) figures {
	total := float64(lines)
	of := func(f func(usage) float64) float64 {
		values := make([]float64, len(p.usages))
		for i, u := range p.usages {
			values[i] = f(u)
		}
		slices.SortFunc(values, cmp.Compare)
		return values[len(values)/2]
	}
	micros := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) / total }
	return figures{
		cpu:    of(func(u usage) float64 { return micros(u.user + u.system) }),
		system: of(func(u usage) float64 { return micros(u.system) }),
		speed:  of(func(u usage) float64 { return total / u.wall.Seconds() }),
		rss:    of(func(u usage) float64 { return float64(u.rss) / (1 << 20) }),
		writes: of(func(u usage) float64 { return float64(u.writes) / total }),
	}
}
