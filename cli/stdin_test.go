package cli

import (
	"bytes"
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

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
