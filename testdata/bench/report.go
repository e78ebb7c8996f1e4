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
	fmt.Fprintf(to, "%-44s %11s %7s %7s %9s %10s %12s %11s %11s %13s\n",
		"", "CPU µs/line", "user", "system", "mktail's", "lines/s", "peak RSS MiB", "writes/line", "reads/line", "first line ms")
	for _, r := range rows {
		var ours figures
		for i, p := range r.programs {
			f := p.median(lines)
			ratio, first := "", "-"
			if i == 0 {
				ours = f
			} else {
				ratio = times(ours.cpu / f.cpu)
			}
			if p.first > 0 {
				first = fmt.Sprintf("%.0f", float64(p.first)/float64(time.Millisecond))
			}
			fmt.Fprintf(to, "%-44.44s %11.3f %7.3f %7.3f %9s %10.0f %12.1f %11.4f %11.4f %13s\n",
				p.name, f.cpu, f.cpu-f.system, f.system, ratio, f.speed, f.rss, f.writes, f.reads, first)
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
type figures struct{ cpu, system, speed, rss, writes, reads float64 }

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
		reads:  of(func(u usage) float64 { return float64(u.reads) / total }),
	}
}
