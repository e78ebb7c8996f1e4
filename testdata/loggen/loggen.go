// Package loggen is the behaviour of a log-writing container: what it writes, how fast, and how it ends. The image
// of the real clusters (cmd) and the simulated kubelet both run it, so that a pod behaves alike in both.
package loggen

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Spec describes a container. Its zero value writes lines for ever, as fast as it can.
type Spec struct {
	Lines       int           // how many; 0: for ever
	Rate        float64       // lines a second; 0: as fast as it can
	Length      int           // bytes that each line is padded to; 0: no padding
	StderrEvery int           // every so manieth line goes to stderr; 0: none
	Exit        int           // exit code
	Wait        time.Duration // how long it stays alive after the last line; negative: until it is told to end
	Delay       time.Duration // before the first line
	Prefix      string        // at the beginning of each line
	Text        string        // written as it is before the lines, and before Delay
	Bye         string        // the last line when it is told to end
}

// Parse reads a Spec from command-line flags; see Args.
func Parse(args []string) (Spec, error) {
	var s Spec
	fs := flag.NewFlagSet("loggen", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.IntVar(&s.Lines, "lines", 0, "how many lines; 0: for ever")
	fs.Float64Var(&s.Rate, "rate", 0, "lines a second; 0: as fast as it can")
	fs.IntVar(&s.Length, "length", 0, "bytes that each line is padded to")
	fs.IntVar(&s.StderrEvery, "stderr-every", 0, "every so manieth line goes to stderr")
	fs.IntVar(&s.Exit, "exit", 0, "exit code")
	fs.DurationVar(&s.Wait, "wait", 0, "how long to stay alive after the last line; negative: for ever")
	fs.DurationVar(&s.Delay, "delay", 0, "how long to wait before the first line")
	fs.StringVar(&s.Prefix, "prefix", "", "at the beginning of each line")
	fs.StringVar(&s.Bye, "bye", "", "the last line when told to end")
	fs.Func("text", "written as it is before the lines; with Go's escapes", func(v string) (err error) {
		s.Text, err = strconv.Unquote(`"` + v + `"`)
		return err
	})
	if err := fs.Parse(args); err != nil {
		return s, fmt.Errorf("reading loggen's flags: %w", err)
	}
	if fs.NArg() > 0 {
		return s, fmt.Errorf("reading loggen's flags: unexpected %q", fs.Arg(0))
	}
	return s, nil
}

// Args are the flags that Parse reads the same Spec from.
func (s Spec) Args() []string {
	quoted := strconv.Quote(s.Text)
	return []string{
		"-lines=" + strconv.Itoa(s.Lines),
		"-rate=" + strconv.FormatFloat(s.Rate, 'g', -1, 64),
		"-length=" + strconv.Itoa(s.Length),
		"-stderr-every=" + strconv.Itoa(s.StderrEvery),
		"-exit=" + strconv.Itoa(s.Exit),
		"-wait=" + s.Wait.String(),
		"-delay=" + s.Delay.String(),
		"-prefix=" + s.Prefix,
		"-bye=" + s.Bye,
		"-text=" + quoted[1:len(quoted)-1],
	}
}

// Line is the i-th line, from 0, without its newline.
func (s Spec) Line(i int) string {
	line := fmt.Sprintf("seq=%08d", i)
	if s.Prefix != "" {
		line = s.Prefix + " " + line
	}
	if pad := s.Length - len(line); pad > 0 {
		line += " " + strings.Repeat("x", pad-1)
	}
	return line
}

// Run writes to stdout and stderr as described and returns the exit code. When ctx ends it writes Bye and returns 0.
func (s Spec) Run(ctx context.Context, stdout, stderr io.Writer) int {
	out, err := bufio.NewWriterSize(stdout, 64<<10), bufio.NewWriterSize(stderr, 64<<10)
	told := func() int {
		if s.Bye != "" {
			fmt.Fprintln(out, s.Bye)
		}
		out.Flush()
		err.Flush()
		return 0
	}
	flush := func() { out.Flush(); err.Flush() }
	out.WriteString(s.Text)
	flush()
	if !sleep(ctx, s.Delay) {
		return told()
	}
	start := time.Now()
	for i := 0; s.Lines == 0 || i < s.Lines; i++ {
		to := out
		if s.StderrEvery > 0 && (i+1)%s.StderrEvery == 0 {
			to = err
		}
		to.WriteString(s.Line(i))
		to.WriteByte('\n')
		ahead := time.Duration(0)
		if s.Rate > 0 {
			ahead = time.Until(start.Add(time.Duration(float64(i+1) / s.Rate * float64(time.Second))))
		}
		switch {
		case ahead > 2*time.Millisecond:
			flush()
			if !sleep(ctx, ahead) {
				return told()
			}
		case i%1024 == 0 && ctx.Err() != nil: // as fast as it can, or slower than it should be
			return told()
		}
	}
	flush()
	wait := s.Wait
	if wait < 0 {
		wait = 1<<63 - 1
	}
	if !sleep(ctx, wait) {
		return told()
	}
	return s.Exit
}

// sleep returns false if ctx has ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
