package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"mktail/emit"
)

// Writes have whole lines and at most atomicBytes, except for a longer line, which comes alone.
func TestAtomicLines(t *testing.T) {
	var text []byte
	for i := range 300 {
		text = fmt.Appendf(text, "%d %s\n", i, strings.Repeat("x", i*i%5000))
	}
	for _, end := range []string{"", "unended", strings.Repeat("u", 2*atomicBytes)} {
		var got []byte
		in := append(bytes.Clone(text), end...)
		n, err := atomicLines{writerFunc(func(b []byte) (int, error) {
			got = append(got, b...)
			if b[len(b)-1] != '\n' && len(got) < len(in) || len(b) > atomicBytes && bytes.IndexByte(b, '\n') < len(b)-1 && len(got) < len(in) {
				t.Errorf("%q: a write of %d bytes", end, len(b))
			}
			return len(b), nil
		})}.Write(in)
		if err != nil || n != len(in) || !bytes.Equal(got, in) {
			t.Errorf("%q: %d bytes of %d, %v", end, n, len(in), err)
		}
	}
}

type writerFunc func([]byte) (int, error)

// Write calls the function.
func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// BenchmarkPipe writes records to a pipe in bulk.
func BenchmarkPipe(b *testing.B) {
	for _, buffered := range []bool{false, true} {
		b.Run(fmt.Sprint("line-buffered=", buffered), func(b *testing.B) {
			r, w, err := os.Pipe()
			if err != nil {
				b.Fatal(err)
			}
			go io.Copy(io.Discard, struct{ io.Reader }{r})
			var to io.Writer = patient{w}
			if buffered {
				to = atomicLines{to}
			}
			out := emit.NewOutput(to, emit.JSON)
			s := out.Stream(emit.Source{Cluster: "prod-eu", Namespace: "shop", Pod: "web-7d9c-x2x", Container: "app"})
			record := &emit.Record{Stamp: []byte("2026-01-02T03:04:05.000000000Z"), Line: []byte(strings.Repeat("plain text ", 9))}
			for b.Loop() {
				s.Add(record)
			}
			s.Flush()
			out.Close()
			w.Close()
		})
	}
}
