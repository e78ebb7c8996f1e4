package emit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// joined returns an output that joins lines, and what it has written, with lines of a record between slashes.
func joined(format Format, most int) (out *Output, written func() string) {
	var buf bytes.Buffer
	if format == nil {
		format = func(Source) Encode {
			return func(dst []byte, r *Record) []byte {
				if r.Gap != nil {
					return append(dst, "gap\n"...)
				}
				dst = fmt.Appendf(dst, "%d %s", r.Number, bytes.ReplaceAll(r.Line, []byte("\n"), []byte("/")))
				if r.Truncated {
					dst = append(dst, "…"...)
				}
				return append(dst, '\n')
			}
		}
	}
	out = NewOutput(&buf, format)
	out.Multiline(MultilineOptions{MaxBytes: most})
	return out, func() string {
		out.Sync(context.Background())
		return buf.String()
	}
}

// A group is held until it is known to be complete.
func TestMultiline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, written := joined(nil, 100)
		s := out.Stream(Source{})
		add := func(r Record, lines ...string) {
			t.Helper()
			for _, line := range lines {
				r.Line = []byte(line)
				if err := s.Add(&r); err != nil {
					t.Error(err)
				}
				copy(r.Line, strings.Repeat("#", 100)) // it is the caller's again
			}
			s.Flush()
		}
		want := func(why, want string, holds bool) {
			t.Helper()
			if got := written(); got != want {
				t.Errorf("%s: %q is written, want %q", why, got, want)
			}
			if s.Holds() != holds {
				t.Errorf("%s: holds %v", why, !holds)
			}
		}
		text := ""
		add(Record{}, "a", " b")
		want("a group that goes on", text, true)
		add(Record{}, " c", "d")
		text += "1 a/ b/ c\n"
		want("the next line", text, true)
		time.Sleep(groupWait - 1)
		add(Record{}, " e")
		time.Sleep(groupWait - 1)
		want("a line in time", text, true)
		time.Sleep(2 * time.Nanosecond)
		text += "4 d/ e\n"
		want("nothing in time", text, false)
		add(Record{}, " f")
		want("a line too late", text, true)
		add(Record{Gap: new(Gap)}, "")
		text += "6  f\ngap\n"
		want("a gap", text, false)
		add(Record{}, "g")
		add(Record{Restarts: 1}, " h")
		text += "7 g\n"
		want("another instance", text, true)
		add(Record{Restarts: 1, Truncated: true}, " i")
		add(Record{Restarts: 1}, " j")
		text += "8  h/ i…\n"
		want("a line that was cut", text, true)
		s.EndGroup()
		text += "10  j\n"
		want("the end of the instance", text, false)
		add(Record{}, `{"a":1}`)
		text += "11 {\"a\":1}\n"
		want("JSON, which is complete", text, false)
		add(Record{}, "{", `"a":1`)
		want("JSON, which is not", text, true)
		add(Record{}, "}")
		text += "12 {/\"a\":1/}\n"
		want("JSON, which is complete now", text, false)
		add(Record{}, strings.Repeat("k", 40), " "+strings.Repeat("l", 40), " "+strings.Repeat("m", 40), " n")
		text += "15 " + strings.Repeat("k", 40) + "/ " + strings.Repeat("l", 40) + "\n"
		want("bytes", text, true)
		s.End()
		text += "17  " + strings.Repeat("m", 40) + "/ n\n"
		want("the end", text, false)
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A group has a limited number of lines, and goes on as another one.
func TestMultilineLines(t *testing.T) {
	out, written := joined(nil, 1<<20)
	s := out.Stream(Source{})
	s.Add(&Record{Line: []byte("Traceback (most recent call last):")})
	for range 1500 {
		s.Add(&Record{Line: []byte(" x")})
	}
	s.Add(&Record{Line: []byte("ValueError: y")})
	s.Add(&Record{Line: []byte("z")})
	s.End()
	got := strings.Split(strings.TrimSpace(written()), "\n")
	if len(got) != 3 || strings.Count(got[0], "/") != 999 || !strings.HasSuffix(got[1], "/ValueError: y") || got[2] != "1503 z" {
		t.Errorf("%d records, the last of them %.100q", len(got), got[len(got)-1])
	}
	out.Close()
}

// So it does where Next tells of each line before.
func TestMultilineLinesNext(t *testing.T) {
	out, written := joined(nil, 1<<20)
	s := out.Stream(Source{})
	add := func(line string) {
		s.Next([]byte(line))
		s.Add(&Record{Line: []byte(line)})
	}
	add("Traceback (most recent call last):")
	for range 999 {
		add(" x")
	}
	add("ValueError: y")
	add("z")
	s.End()
	got := strings.Split(strings.TrimSpace(written()), "\n")
	if len(got) != 3 || got[1] != "1001 ValueError: y" || got[2] != "1002 z" {
		t.Errorf("%d records, the last of them %.100q", len(got), got[len(got)-1])
	}
	out.Close()
}

// All filters see the group whole, and each format shows its lines.
func TestMultilineFormats(t *testing.T) {
	stamps, _ := NewTimestamps("timeonly", time.UTC)
	for _, tt := range []struct {
		name   string
		format Format
		want   string
	}{
		{"include", Grep(GrepOptions{Include: regexps("(?s)a.*c")}, Raw(RawOptions{})), "a\n b\n c\n"},
		{"exclude", Grep(GrepOptions{Exclude: regexps("b")}, Raw(RawOptions{})), "d\n"},
		{"before", Grep(GrepOptions{Include: regexps("d"), Before: 1}, Text(TextOptions{})), "web a\nweb  b\nweb  c\nweb d\n"},
		{"text", Text(TextOptions{Timestamps: stamps}), "web 03:04:05 a\nweb           b\nweb           c\nweb 03:04:06 d\n"},
		{"raw", Raw(RawOptions{Prefix: true, Timestamps: stamps}), "[pod/web/] 03:04:05 a\n[pod/web/] 03:04:05  b\n[pod/web/] 03:04:05  c\n[pod/web/] 03:04:06 d\n"},
		{"JSON", JSON, `{"cluster":"","ns":"","pod":"web","container":"","ts":"2026-01-02T03:04:05.000000000Z","line":"a\n b\n c"}` + "\n" +
			`{"cluster":"","ns":"","pod":"web","container":"","ts":"2026-01-02T03:04:06.000000000Z","line":"d"}` + "\n"},
	} {
		out, written := joined(tt.format, 1000)
		s := out.Stream(Source{Pod: "web"})
		for i, line := range []string{"a", " b", " c", "d"} {
			s.Add(&Record{Line: []byte(line), Stamp: fmt.Appendf(nil, "2026-01-02T03:04:0%d.000000000Z", 5+i/3)})
		}
		s.End()
		if got := written(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		out.Close()
	}
	if got := string(Text(TextOptions{Pretty: true})(Source{})(nil, &Record{Joined: true, Line: []byte("{\n \"level\": \"info\",\n \"msg\": \"x\"\n}")})); got != "INFO  x\n" {
		t.Errorf("pretty: %q", got)
	}
}

// A group that is given out while the writer is behind is handed over when that is ready, not before what was handed over earlier.
func TestMultilineWriterBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		out := NewOutput(w, Raw(RawOptions{}))
		out.Multiline(MultilineOptions{MaxBytes: 1 << 20})
		s := out.Stream(Source{})
		added := make(chan struct{})
		go func() {
			for range 2 * pendingBytes / 100 {
				s.Add(&Record{Line: bytes.Repeat([]byte("x"), 99)})
			}
			s.Add(&Record{Line: []byte("last")})
			s.Flush()
			close(added)
		}()
		time.Sleep(10 * groupWait) // the stream's user waits, and the timer's time is over
		got := make(chan string)
		go func() {
			all, _ := io.ReadAll(r)
			got <- string(all)
		}()
		<-added
		time.Sleep(2 * groupWait)
		if s.Holds() {
			t.Error("the last line is held")
		}
		out.Close()
		w.Close()
		if all := <-got; strings.Count(all, "\n") != 2*pendingBytes/100+1 || !strings.HasSuffix(all, "\nlast\n") {
			t.Errorf("%d lines end with %q", strings.Count(all, "\n"), all[max(0, len(all)-100):])
		}
	})
}

// When the output has ended by a group, the line that completed it is not taken: Next tells before.
func TestMultilineEnded(t *testing.T) {
	var out *Output
	out, written := joined(func(Source) Encode {
		return func(dst []byte, r *Record) []byte {
			if bytes.Contains(r.Line, []byte("b")) {
				out.End(append(bytes.Clone(r.Line), '\n'))
				return dst
			}
			return append(append(dst, r.Line...), '\n')
		}
	}, 100)
	s, other := out.Stream(Source{}), out.Stream(Source{})
	busy := out.Stream(Source{})
	other.Add(&Record{Line: []byte("o")})
	busy.Add(&Record{Line: []byte("p")})
	for _, line := range []string{"a", " b"} {
		if err := s.Next([]byte(line)); err != nil {
			t.Error(err)
		}
		if err := s.Add(&Record{Line: []byte(line)}); err != nil {
			t.Error(err)
		}
	}
	if err := s.Next([]byte("c")); err != ErrEnded {
		t.Errorf("error %v", err)
	}
	s.End()
	if s.Holds() {
		t.Error("something is held")
	}
	if err := busy.Next([]byte("  q")); err != ErrEnded {
		t.Errorf("busy: error %v", err)
	}
	busy.End()
	if busy.Holds() {
		t.Error("what was added before the end is held")
	}
	other.End()
	s.Add(&Record{Line: []byte("too late")})
	s.End()
	if !s.Holds() {
		t.Error("what was not taken counts as handed over")
	}
	out.Close()
	if got := written(); got != "p\no\na\n b\n" {
		t.Errorf("%q is written", got)
	}
}
