package emit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestOutputKeepsEveryLineWhole(t *testing.T) {
	const streams, lines = 20, 5000
	var got bytes.Buffer
	o := NewOutput(writerFunc(func(p []byte) (int, error) {
		if len(p) == 0 || p[len(p)-1] != '\n' {
			t.Errorf("a write of %d bytes ends within a line", len(p))
		}
		return got.Write(p)
	}), Raw(RawOptions{}))
	var wg sync.WaitGroup
	for s := range streams {
		wg.Go(func() {
			st := o.Stream(Source{})
			for i := range lines {
				if err := st.Add(record(fmt.Sprintf("%d %d", s, i))); err != nil {
					t.Error(err)
				}
				if i%(s+1) == 0 {
					if err := st.Flush(); err != nil {
						t.Error(err)
					}
				}
			}
			st.Flush()
		})
	}
	wg.Wait()
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	var next [streams]int
	for line := range strings.Lines(got.String()) {
		var s, i int
		if _, err := fmt.Sscanf(line, "%d %d\n", &s, &i); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if i != next[s] {
			t.Fatalf("stream %d: line %d, want %d", s, i, next[s])
		}
		next[s]++
	}
	for s, n := range next {
		if n != lines {
			t.Errorf("stream %d: %d lines, want %d", s, n, lines)
		}
	}
}

// A line without a newline is ended by what follows it, of whatever stream; at the very end it stays as it is.
func TestOutputEndsLines(t *testing.T) {
	var got bytes.Buffer
	o := NewOutput(&got, Grep(GrepOptions{Include: regexps("[a-z]"), After: 1, Separate: true}, Raw(RawOptions{})))
	a, b := o.Stream(Source{}), o.Stream(Source{})
	unended := &Record{Line: []byte("x"), Unended: true}
	a.Add(unended)
	a.Add(record("1"))
	a.Add(record("2")) // left out
	a.Flush()
	a.Add(unended)
	a.Add(unended)
	a.Flush()
	b.Add(record(""))
	b.Flush()
	b.Add(record("b"))
	b.Flush()
	a.Add(unended)
	a.Flush()
	a.Add(record("3"))
	a.Add(&Record{Line: []byte("end"), Unended: true})
	a.Flush()
	b.Add(&Record{Gap: &Gap{}})
	b.Flush()
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if want := "x\n1\n--\nx\nx\nb\nx\n3\nend"; got.String() != want {
		t.Errorf("got %q, want %q", &got, want)
	}
}

// While a write is under way all that comes gathers, and leaves in one write.
func TestOutputCommitsInGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var writes []string
		release := make(chan struct{})
		o := NewOutput(writerFunc(func(p []byte) (int, error) {
			writes = append(writes, string(p))
			<-release
			return len(p), nil
		}), Raw(RawOptions{}))
		a, b := o.Stream(Source{}), o.Stream(Source{})
		for _, s := range []*Stream{a, b, a} {
			s.Add(record("x"))
			s.Flush()
			synctest.Wait()
		}
		close(release)
		o.Close()
		if got := fmt.Sprintf("%q", writes); got != `["x\n" "x\nx\n"]` {
			t.Errorf("writes %s", got)
		}
	})
}

// A reader that stops makes the streams wait, with bounded memory; when it reads on, nothing is missing.
func TestOutputWaitsForASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		o := NewOutput(w, Raw(RawOptions{}))
		const lines = 100
		line := strings.Repeat("x", 64<<10)
		added := 0
		go func() {
			s := o.Stream(Source{})
			for range lines {
				s.Add(record(line))
				added++
			}
			s.Flush()
			o.Close()
			w.Close()
		}()
		synctest.Wait()
		if most := 3*pendingBytes/len(line) + 2; added > most {
			t.Errorf("%d lines were taken while nobody read, want at most %d", added, most)
		}
		n, err := io.Copy(io.Discard, r)
		if want := int64(lines * (len(line) + 1)); n != want || err != nil {
			t.Errorf("read %d bytes, %v; want %d", n, err, want)
		}
	})
}

func TestOutputFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		o := NewOutput(writerFunc(func([]byte) (int, error) { return 0, broken }), Raw(RawOptions{}))
		s := o.Stream(Source{})
		s.Add(record("x"))
		s.Flush()
		<-o.Failed()
		if o.Behind() {
			t.Error("what was not written is waited for")
		}
		s.Add(record("y"))
		if err := s.Flush(); err != broken {
			t.Errorf("Flush: %v", err)
		}
		if err := o.Close(); err != broken {
			t.Errorf("Close: %v", err)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// gate is a writer that writes when it is let.
type gate struct{ let chan struct{} }

func (g gate) Write(p []byte) (int, error) {
	<-g.let
	return len(p), nil
}

func TestSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{make(chan struct{})}
		out := NewOutput(g, Raw(RawOptions{}))
		s := out.Stream(Source{})
		s.Add(&Record{Line: []byte("one")})
		if err := out.Sync(t.Context()); err != nil { // nothing is flushed
			t.Error(err)
		}
		s.Flush()
		synced := make(chan error, 1)
		go func() { synced <- out.Sync(t.Context()) }()
		synctest.Wait()
		select {
		case <-synced:
			t.Error("in sync before the write")
		default:
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := out.Sync(ctx); err != context.Canceled {
			t.Errorf("cancelled: %v", err)
		}
		close(g.let)
		if err := <-synced; err != nil {
			t.Error(err)
		}
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkOutput merges the records of streams in goroutines of their own into one writer.
func BenchmarkOutput(b *testing.B) {
	for _, streams := range []int{1, 10, 1000} {
		b.Run(fmt.Sprint(streams), func(b *testing.B) {
			out := NewOutput(io.Discard, JSON)
			var wg sync.WaitGroup
			for i := range streams {
				s := out.Stream(Source{Cluster: "eu", Namespace: "shop", Pod: fmt.Sprint("web-", i), Container: "app"})
				r := record("GET /api/v1/orders/1003 200 41ms")
				wg.Go(func() {
					for range b.N/streams + 1 {
						s.Add(r)
					}
					s.Flush()
				})
			}
			wg.Wait()
			if err := out.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// An output that has ended takes what it is given at that moment, and writes last what it was ended with.
func TestOutputEnds(t *testing.T) {
	var got bytes.Buffer
	var o *Output
	o = NewOutput(&got, func(src Source) Encode {
		return func(dst []byte, r *Record) []byte {
			if string(r.Line) == "end" {
				o.End([]byte("last\n"))
				o.End([]byte("too late\n"))
				return dst
			}
			return append(append(dst, r.Line...), '\n')
		}
	})
	a, b := o.Stream(Source{}), o.Stream(Source{})
	for _, add := range []struct {
		to   *Stream
		line string
		err  error
	}{{a, "a1", nil}, {b, "b1", nil}, {a, "end", ErrEnded}, {b, "b2", ErrEnded}} {
		if err := add.to.Add(record(add.line)); err != add.err {
			t.Errorf("%s: %v", add.line, err)
		}
	}
	if err := errors.Join(a.Flush(), b.Flush(), o.Close()); err != nil {
		t.Error(err)
	}
	if want := "a1\nb1\nb2\nlast\n"; got.String() != want || !o.Ended() {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}

// A line that was left without its newline is ended before the last one, too.
func TestOutputEndsAfterAnUnendedLine(t *testing.T) {
	var got bytes.Buffer
	o := NewOutput(&got, Raw(RawOptions{}))
	s := o.Stream(Source{})
	r := record("half")
	r.Unended = true
	s.Add(r)
	s.Flush()
	o.End([]byte("last\n"))
	if err := o.Close(); err != nil || got.String() != "half\nlast\n" {
		t.Errorf("got %q, %v", got.String(), err)
	}
}

// Where lines come thick, each from another stream, many go out in one write, and each soon; one that comes alone goes out at once.
func TestOutputLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(countingWriter)
		out := NewOutput(w, JSON)
		put := func() {
			s := out.Stream(Source{Pod: "web"})
			if err := errors.Join(s.Add(record("line")), s.Flush()); err != nil {
				t.Fatal(err)
			}
		}
		put()
		synctest.Wait()
		if w.writes.Load() != 1 {
			t.Errorf("a line alone waits")
		}
		const lines = 1000
		for range lines {
			time.Sleep(time.Millisecond)
			put()
		}
		if most := lines/int(linger/time.Millisecond) + 2*briskWrites; int(w.writes.Load()) > most {
			t.Errorf("%d lines, %d writes; want %d at most", lines, w.writes.Load(), most)
		}
		time.Sleep(linger)
		synctest.Wait()
		if w.lines.Load() != lines+1 {
			t.Errorf("%d of %d lines after %s", w.lines.Load(), lines+1, linger)
		}
		time.Sleep(time.Second)
		put()
		synctest.Wait()
		put() // within what was brisk before
		synctest.Wait()
		if w.lines.Load() != lines+3 {
			t.Errorf("after a pause, %d of %d lines", w.lines.Load(), lines+3)
		}
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	})
}

type countingWriter struct{ writes, lines atomic.Int64 }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.writes.Add(1)
	w.lines.Add(int64(bytes.Count(p, []byte("\n"))))
	return len(p), nil
}

// A giant line is not kept once it is written.
func TestOutputForgetsGiants(t *testing.T) {
	began, let := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(began) })
	out := NewOutput(writerFunc(func(p []byte) (int, error) {
		begin()
		<-let
		return len(p), nil
	}), JSON)
	put := func(line string) {
		s := out.Stream(Source{Pod: "web"})
		if err := errors.Join(s.Add(record(line)), s.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	put("first")
	<-began
	put(strings.Repeat("x", 20<<10))
	put(strings.Repeat("x", 100<<20))
	close(let)
	for range 100 {
		put("little")
		if err := out.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.GC() // a pool keeps what it has for one more
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 50<<20 {
		t.Errorf("%d MiB are held", m.HeapAlloc>>20)
	}
	if err := out.Close(); err != nil {
		t.Error(err)
	}
}

// A stream is open until it has ended for the first time.
func TestOutputOpen(t *testing.T) {
	o := NewOutput(io.Discard, JSON)
	a, b := o.Stream(Source{}), o.Stream(Source{})
	for i, end := range []*Stream{a, a, b} {
		if end.End(); o.Open() != []int64{1, 1, 0}[i] {
			t.Errorf("after %d ends %d are open", i+1, o.Open())
		}
	}
	o.Close()
}
