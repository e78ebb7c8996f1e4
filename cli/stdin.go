package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"mktail/cli/verdict"
	"mktail/emit"
)

// besideStdin returns a flag that means nothing when lines are read from stdin, if one is given.
func (f *flags) besideStdin() string {
	lines := []string{"since", "since-time", "until-time", "tail", "previous", "limit-bytes", "max-streams", "http2",
		"rotated", "state", "state-every", "state-commit", "mark-gaps", "ignore-errors",
		"until-each", "until-done", "until-ready", "exit-code-from", "wait-pods", "require", "allow-empty", "status", "status-fd", "ready-file", "artifacts"}
	for _, p := range f.line.Path {
		if p.Flag == nil {
			continue
		}
		if g := p.Flag.Group; g != nil && (g.Key == "clusters" || g.Key == "pods") || slices.Contains(lines, p.Flag.Name) {
			return p.Flag.Name
		}
	}
	switch { // with other values these ask for nothing
	case f.Summary != nil && *f.Summary:
		return "summary"
	case f.given("only-log-lines") && !f.OnlyLogLines:
		return "no-only-log-lines"
	}
	return ""
}

// filterStdin writes the lines of stdin as the plan chooses and shows them, until they end, and returns the exit code.
func (p *plan) filterStdin(ctx context.Context, signals *signals) int {
	annotations := p.annotate()
	p.conditions.OnMatch = annotations.match
	conditions := verdict.New(p.conditions)
	out, closeStdout := p.output(ctx, signals, conditions, false, nil)
	lines := &stdinLines{out: out, log: p.log, maxLine: p.f.MaxLine, streams: make(map[sourceKey]*emit.Stream), idle: make(chan struct{}, 1)}
	stuck, err := lines.run(ctx, os.Stdin)
	written := out.Close()
	e := p.endingOf(written, ctx.Err() != nil, err, signals, nil, stuck)
	closeStdout()
	conditions.ReportFailures()
	code := conditions.ExitCode(e)
	annotations.end(code)
	return code
}

// stdinLines hands lines to an output in their order: records of mktail's as records of their containers, other lines as records
// without a container.
type stdinLines struct {
	out     *emit.Output
	log     zerolog.Logger
	maxLine int // bytes
	streams map[sourceKey]*emit.Stream
	all     []*emit.Stream // those of streams, in the order in which they came
	last    *emit.Stream   // the stream of the last record
	idle    chan struct{}  // has a token while a read of stdin waits, and nothing is left to be handed over
	foreign bool           // it was reported that records have keys which no record of mktail's has
}

// run hands over the lines of in until it ends, ctx ends or the output fails. Its error is that of reading. A read cannot be ended,
// but left: what was read before is handed over, unless a record takes too long (stuck).
func (l *stdinLines) run(ctx context.Context, in io.Reader) (stuck bool, err error) {
	read := make(chan error, 1)
	go func() { read <- l.copy(ctx, in) }()
	select {
	case err = <-read:
	case <-ctx.Done():
		select {
		case <-read:
		case <-l.idle: // whatever the read still brings comes too late
			l.end()
		case <-time.After(patience): // nobody takes what was read
			if stuck = !l.out.Behind(); stuck {
				l.log.Warn().Msg(stuckMessage)
			}
		}
	case <-l.out.Failed():
	}
	return stuck, err
}

// copy reads in until it ends, ctx ends or the output fails. Its error is that of reading.
func (l *stdinLines) copy(ctx context.Context, in io.Reader) error {
	defer l.end()
	r := decoded(bufio.NewReaderSize(flushingReader{l, in}, readSize))
	var line []byte
	for ctx.Err() == nil {
		cut, err := false, error(nil)
		if line, cut, err = readLine(r, line[:0], l.maxLine); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return err
		}
		if l.add(line, cut) != nil {
			return nil
		}
	}
	return nil
}

// readSize is how many bytes are read at once.
const readSize = 64 << 10

// decoded returns r without its byte order mark. If that is one of UTF-16, as PowerShell's > writes it, the text is decoded.
func decoded(r *bufio.Reader) *bufio.Reader {
	for n := range 3 {
		begin, err := r.Peek(n + 1)
		if err != nil || !bytes.HasPrefix([]byte("\ufeff"), begin) {
			break
		}
		if n == 2 {
			r.Discard(len(begin))
			return r
		}
	}
	begin, _ := r.Peek(1)
	if len(begin) == 0 || begin[0] != 0xfe && begin[0] != 0xff {
		return r
	}
	switch begin, _ = r.Peek(2); string(begin) {
	case "\xfe\xff", "\xff\xfe":
		return bufio.NewReaderSize(transform.NewReader(r, unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder()), readSize)
	}
	return r
}

// end hands over what streams hold.
func (l *stdinLines) end() {
	for _, s := range l.all {
		s.End() // out returns the error of writing
	}
}

// flushingReader reads, and hands over what was read before. Meanwhile idle has a token: who takes that is not disturbed by the
// read any more.
type flushingReader struct {
	lines *stdinLines
	in    io.Reader
}

// Read reads as the reader does. If the output fails there is nothing more.
func (r flushingReader) Read(b []byte) (int, error) {
	if last := r.lines.last; last != nil && last.Flush() != nil {
		return 0, io.EOF
	}
	r.lines.idle <- struct{}{}
	n, err := r.in.Read(b)
	<-r.lines.idle
	return n, err
}

// add hands over a line; cut says that the rest of the line was cut off. Its error is that of the output.
func (l *stdinLines) add(line []byte, cut bool) error {
	source, record, ok := l.parse(line)
	if !ok {
		source, record = emit.Source{}, &emit.Record{Stamp: time.Now().UTC().AppendFormat(nil, emit.StampLayout), Line: line, Truncated: cut}
	}
	if len(record.Line) > l.maxLine {
		record.Line, record.Truncated = record.Line[:l.maxLine], true
	}
	if g := record.Gap; g != nil {
		l.log.Warn().Str("cluster", source.Cluster).Str("ns", source.Namespace).Str("pod", source.Pod).Str("container", source.Container).
			Str("from", g.From).Str("to", g.To).Str("reason", g.Reason).Msg("lines may be missing:")
	}
	key := keyOf(source)
	s := l.streams[key]
	if s == nil {
		s = l.out.Stream(source)
		l.streams[key] = s
		l.all = append(l.all, s)
	}
	if l.last != nil && l.last != s {
		if err := l.last.Flush(); err != nil {
			return err
		}
	}
	l.last = s
	return s.Add(record)
}

// readLine reads a line without its newline into the memory of line. It keeps the first limit bytes; of a record's JSON, as many as a
// record whose line has limit bytes may take. The last line need not end with a newline.
func readLine(r *bufio.Reader, line []byte, limit int) (out []byte, cut bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		ended := bytes.HasSuffix(part, []byte("\n"))
		part = bytes.TrimSuffix(part, []byte("\n"))
		if len(line) == 0 && bytes.HasPrefix(part, []byte(recordBegin)) {
			limit = 6*min(limit, math.MaxInt/8) + 64<<10 // a byte may be \u001b; and the other keys
		}
		kept := min(len(part), limit-len(line))
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
