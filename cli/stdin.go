package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
)

// besideStdin is a flag that means nothing when lines are read from stdin, if one is given.
func (f *flags) besideStdin() string {
	lines := []string{"since", "since-time", "until-time", "tail", "previous", "limit-bytes", "max-streams",
		"rotated", "state", "state-every", "mark-gaps", "ignore-errors",
		"until-each", "until-done", "wait-pods", "require", "status", "status-fd", "ready-file"}
	for _, p := range f.line.Path {
		if p.Flag == nil {
			continue
		}
		if g := p.Flag.Group; g != nil && (g.Key == "clusters" || g.Key == "pods") || slices.Contains(lines, p.Flag.Name) {
			return p.Flag.Name
		}
	}
	return ""
}

// filterStdin puts the lines of stdin through what is chosen and rendered, until they end, and returns the exit code.
func (f *flags) filterStdin(ctx context.Context, signals *signals, log zerolog.Logger, verdicts *verdicts, format emit.Format, failed *recordErrors) int {
	out := emit.NewOutput(patient{os.Stdout}, format)
	go func() {
		if readerGone(ctx, os.Stdout) {
			signals.cancel()
		}
	}()
	verdicts.watch(ctx, time.Duration(f.Timeout))
	read := make(chan error, 1)
	go func() { read <- copyLines(ctx, os.Stdin, out, f.MaxLine) }()
	var err error
	select {
	case err = <-read:
	case <-ctx.Done():
		select { // a read of stdin can't be ended; then what was read is handed over
		case <-read:
		case <-time.After(time.Second):
		}
	case <-out.Failed():
	}
	written := out.Close()
	failed.say()
	e := ending{written: written, read: err, signal: signals.code(), gone: ctx.Err() != nil}
	return verdicts.exitCode(log, e, func() int { return exitOK })
}

// stdinRecord is a record of mktail's among the lines.
type stdinRecord struct {
	Cluster   *string `json:"cluster"`
	Namespace *string `json:"ns"`
	Pod       *string `json:"pod"`
	Container *string `json:"container"`
	TS        *string `json:"ts"`
	Line      *string `json:"line"`
	Truncated bool    `json:"truncated"`
}

// copyLines hands the lines of in to out, in their order: records as what they are, others as lines of no container.
func copyLines(ctx context.Context, in io.Reader, out *emit.Output, most int) error {
	r := bufio.NewReaderSize(in, 64<<10)
	streams := make(map[[4]string]*emit.Stream)
	var last *emit.Stream
	var line []byte
	for ctx.Err() == nil {
		if r.Buffered() == 0 && last != nil {
			if last.Flush() != nil {
				return nil // out tells
			}
		}
		cut, err := false, error(nil)
		if line, cut, err = readLine(r, line[:0], most); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			if last != nil {
				last.Flush()
			}
			return err
		}
		source, record := parseLine(line)
		record.Truncated = record.Truncated || cut
		s := streams[source]
		if s == nil {
			s = out.Stream(emit.Source{Cluster: source[0], Namespace: source[1], Pod: source[2], Container: source[3]})
			streams[source] = s
		}
		if last != nil && last != s && last.Flush() != nil {
			return nil
		}
		if last = s; s.Add(record) != nil {
			return nil
		}
	}
	if last != nil {
		last.Flush()
	}
	return nil
}

// parseLine tells a record of mktail's from another line, which is stamped now.
func parseLine(line []byte) (source [4]string, r emit.Record) {
	var got stdinRecord
	if bytes.HasPrefix(line, []byte(`{"cluster":`)) && json.Unmarshal(line, &got) == nil &&
		got.Cluster != nil && got.Namespace != nil && got.Pod != nil && got.Container != nil && got.TS != nil && got.Line != nil {
		return [4]string{*got.Cluster, *got.Namespace, *got.Pod, *got.Container},
			emit.Record{Stamp: []byte(*got.TS), Line: []byte(*got.Line), Truncated: got.Truncated}
	}
	return source, emit.Record{Stamp: time.Now().UTC().AppendFormat(nil, emit.StampLayout), Line: line}
}

// readLine reads a line without its newline, of which it keeps the first most bytes. The last one need not be ended.
func readLine(r *bufio.Reader, line []byte, most int) (out []byte, cut bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		ended := bytes.HasSuffix(part, []byte("\n"))
		part = bytes.TrimSuffix(part, []byte("\n"))
		kept := min(len(part), most-len(line))
		line, cut = append(line, part[:kept]...), cut || kept < len(part)
		switch {
		case ended:
			return line, cut, nil
		case err == io.EOF && (len(line) > 0 || cut):
			return line, cut, nil
		case err != nil && err != bufio.ErrBufferFull:
			return line, cut, err
		}
	}
}
