// Command plot draws what the benchmark's scale has measured:
//
//	go run ./testdata/bench -work scale -data scale.csv
//	go run -C testdata/bench/plot . scale.csv scale.svg
//
// It is a module of its own, for the sake of the library that draws.
package main

import (
	"encoding/csv"
	"fmt"
	"image/color"
	"math"
	"os"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: plot FROM.csv TO.svg")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

// chart is one of the charts: a column of the figures over what grows.
type chart struct{ series, title, column, y string }

var charts = [][]chart{
	{
		{"containers", "10,000 lines/s in all", "cpu_us_per_line", "CPU µs/line"},
		{"clusters", "1,000 containers", "cpu_us_per_line", "CPU µs/line"},
		{"line length", "10 pods, read to their ends", "cpu_us_per_line", "CPU µs/line"},
	},
	{
		{"containers", "", "rss_mib", "peak RSS, MiB"},
		{"clusters", "", "rss_mib", "peak RSS, MiB"},
		{"line length", "", "rss_mib", "peak RSS, MiB"},
	},
	{
		{"containers", "", "open_s", "all open, s"},
		{"clusters", "", "open_s", "all open, s"},
	},
}

func run(from, to string) error {
	rows, err := read(from)
	if err != nil {
		return err
	}
	const width, height = vg.Length(300), vg.Length(190) // points
	tiles := draw.Tiles{Rows: len(charts), Cols: 3, PadX: 16, PadY: 16, PadTop: 24, PadBottom: 8, PadLeft: 8, PadRight: 32}
	canvas := vgsvg.New(vg.Length(tiles.Cols)*width, vg.Length(tiles.Rows)*height)
	all := make([][]*plot.Plot, len(charts))
	for i, line := range charts {
		all[i] = make([]*plot.Plot, tiles.Cols)
		for j, c := range line {
			if all[i][j], err = c.plot(rows); err != nil {
				return err
			}
		}
	}
	onto := draw.New(canvas)
	onto.SetColor(color.White)
	onto.Fill(onto.Rectangle.Path())
	for i, line := range plot.Align(all, tiles, onto) {
		for j, tile := range line {
			if all[i][j] != nil {
				all[i][j].Draw(tile)
			}
		}
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := canvas.WriteTo(f); err != nil {
		return err
	}
	return f.Close()
}

// read reads figures as maps from the names of their columns.
func read(path string) (rows []map[string]string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(all) < 2 {
		return nil, fmt.Errorf("%s: there are no figures", path)
	}
	for _, values := range all[1:] {
		row := make(map[string]string)
		for i, name := range all[0] {
			row[name] = values[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// plot draws both axes in powers of ten.
func (c chart) plot(rows []map[string]string) (*plot.Plot, error) {
	var points plotter.XYs
	for _, row := range rows {
		if row["series"] != c.series {
			continue
		}
		x, err := strconv.ParseFloat(row["x"], 64)
		if err != nil {
			return nil, err
		}
		y, err := strconv.ParseFloat(row[c.column], 64)
		if err != nil {
			return nil, err
		}
		points = append(points, plotter.XY{X: x, Y: max(y, 0.01)})
	}
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.title, c.series, c.y
	p.Title.TextStyle.Font.Size, p.Title.Padding = font.Length(11), vg.Points(6)
	p.BackgroundColor = nil
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Scale, axis.Tick.Marker = plot.LogScale{}, plot.TickerFunc(ticks)
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return nil, err
	}
	line.Width, dots.Shape = vg.Points(1.5), draw.CircleGlyph{}
	p.Add(plotter.NewGrid(), line, dots)
	low, high := points[0].Y, points[0].Y
	for _, at := range points {
		low, high = min(low, at.Y), max(high, at.Y)
	}
	p.Y.Min, p.Y.Max = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
	return p, nil
}

// ticks are those of powers of ten, written out.
func ticks(low, high float64) []plot.Tick {
	all := plot.LogTicks{}.Ticks(low, high)
	for i, tick := range all {
		if tick.Label != "" {
			all[i].Label = strconv.FormatFloat(tick.Value, 'f', -1, 64)
		}
	}
	return all
}
