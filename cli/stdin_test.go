package cli

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/text/encoding/unicode"

	"mktail/emit"
)

// TestStdinIsLeft: a run that ends while a read of stdin waits ends at once, and what was read before is written, also if the beginning of
// a line has come after it.
func TestStdinIsLeft(t *testing.T) {
	for _, text := range []string{"one\n", "one\nhal"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var stdout bytes.Buffer
			l := &stdinLines{out: emit.NewOutput(&stdout, emit.Raw(emit.RawOptions{})), log: zerolog.Nop(), maxLine: 100, streams: make(map[sourceKey]*emit.Stream), idle: make(chan struct{}, 1)}
			in, to := io.Pipe()
			go to.Write([]byte(text))
			begun := time.Now()
			if stuck, err := l.run(ctx, in); stuck || err != nil || time.Since(begun) != time.Minute {
				t.Errorf("%q: %v, after %s", text, err, time.Since(begun))
			}
			if err := l.out.Close(); err != nil || stdout.String() != "one\n" {
				t.Errorf("%q: %v, stdout %q", text, err, &stdout)
			}
			to.Close()
			l.idle <- struct{}{} // let the goroutine of the read go
		})
	}
}

// TestStdinThatIsNotTaken: a run that ends while nobody takes its output does not wait for long.
func TestStdinThatIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		reader, stdout := io.Pipe()
		l := &stdinLines{out: emit.NewOutput(stdout, emit.Raw(emit.RawOptions{})), log: zerolog.Nop(), maxLine: 100, streams: make(map[sourceKey]*emit.Stream), idle: make(chan struct{}, 1)}
		begun := time.Now()
		if stuck, err := l.run(ctx, endless{}); stuck || err != nil || time.Since(begun) != time.Minute+patience {
			t.Errorf("%v, after %s", err, time.Since(begun))
		}
		reader.Close()
		l.out.Close()
	})
}

// endless is a reader of lines without end.
type endless struct{}

// Read fills b with lines.
func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
		if i%10 == 9 {
			b[i] = '\n'
		}
	}
	return len(b), nil
}

// TestStdinEncoding: a byte order mark is not part of the first line, and UTF-16 is decoded.
func TestStdinEncoding(t *testing.T) {
	const text = `{"cluster":"eu","ns":"n","pod":"p","container":"c","ts":"2026-01-02T03:04:05.000000000Z","line":"ü😀"}` + "\nzwei\n"
	utf16 := func(order unicode.Endianness) string {
		encoded, err := unicode.UTF16(order, unicode.UseBOM).NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return encoded
	}
	for name, tt := range map[string]struct{ in, want string }{
		"UTF-8":                    {text, "eu ü😀\n zwei\n"},
		"UTF-8 with a mark":        {"\ufeff" + text, "eu ü😀\n zwei\n"},
		"UTF-16, little-endian":    {utf16(unicode.LittleEndian), "eu ü😀\n zwei\n"},
		"UTF-16, big-endian":       {utf16(unicode.BigEndian), "eu ü😀\n zwei\n"},
		"half of a mark":           {"\xef\xbbx\n", " \xef\xbbx\n"},
		"not quite a mark":         {"\xffx\n", " \xffx\n"},
		"a mark alone":             {"\ufeff", ""},
		"a mark and a line of one": {"\ufeffa", " a\n"},
		"nothing":                  {"", ""},
		"a mark in the second":     {"a\n\ufeffb\n", " a\n \ufeffb\n"},
	} {
		var stdout bytes.Buffer
		format := func(src emit.Source) emit.Encode {
			return func(dst []byte, r *emit.Record) []byte {
				return append(append(append(append(dst, src.Cluster...), ' '), r.Line...), '\n')
			}
		}
		l := &stdinLines{out: emit.NewOutput(&stdout, format), log: zerolog.Nop(), maxLine: 1000, streams: make(map[sourceKey]*emit.Stream), idle: make(chan struct{}, 1)}
		if _, err := l.run(t.Context(), iotest.OneByteReader(strings.NewReader(tt.in))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := l.out.Close(); err != nil || stdout.String() != tt.want {
			t.Errorf("%s: %v, got %q, want %q", name, err, &stdout, tt.want)
		}
	}
}
