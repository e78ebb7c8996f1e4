package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"mktail/emit"
	"mktail/tail"
)

// instanceLabel is the label whose values --prompt offers, as stern does: the names under which workloads were installed.
const instanceLabel = "app.kubernetes.io/instance"

// prompt asks the user on a terminal.
type prompt struct {
	in  *bufio.Reader
	out io.Writer
	err error // why nothing was chosen; nil with nothing chosen: the run has ended before
}

// choose asks which of the choices to follow, and returns their values; none if ctx ends before, or with p.err.
func (p *prompt) choose(ctx context.Context, choices []tail.Choice) []string {
	if len(choices) == 0 {
		p.err = errors.New("nothing to choose from: no pod that matches has the label " + instanceLabel)
		return nil
	}
	width := 0
	for _, c := range choices {
		width = max(width, len(c.Value))
	}
	fmt.Fprintf(p.out, "%s:\n", instanceLabel)
	for i, c := range choices {
		fmt.Fprintf(p.out, "%5d  %-*s  %s in %s\n", i+1, width, emit.Visible(c.Value), plural(c.Pods, "pod"), plural(c.Clusters, "cluster"))
	}
	for {
		fmt.Fprint(p.out, "Follow which (such as 1 or 1,3)? ")
		answer, err := p.read(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			p.err = fmt.Errorf("reading what to follow: %w", err)
			return nil
		}
		if values, ok := chosen(answer, choices); ok {
			return values
		}
		fmt.Fprintf(p.out, "Give numbers from 1 to %d.\n", len(choices))
	}
}

// read reads a line. When ctx ends it returns, although the read goes on.
func (p *prompt) read(ctx context.Context) (string, error) {
	type answer struct {
		line string
		err  error
	}
	read := make(chan answer, 1)
	go func() {
		line, err := p.in.ReadString('\n')
		read <- answer{line, err}
	}()
	select {
	case a := <-read:
		return a.line, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// chosen returns the values that an answer of numbers means, each once; not ok: the answer is not valid.
func chosen(answer string, choices []tail.Choice) (values []string, ok bool) {
	for _, number := range strings.FieldsFunc(answer, func(r rune) bool { return r == ',' || r <= ' ' }) {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n > len(choices) {
			return nil, false
		}
		if value := choices[n-1].Value; !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	return values, len(values) > 0
}
