package emit

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

func grepped(o GrepOptions, lines ...string) string {
	encode := Grep(o, Raw(RawOptions{}))(Source{})
	var out, scratch []byte
	for _, l := range lines {
		scratch = append(scratch[:0], l...) // the slices are the caller's, and change
		out = encode(out, &Record{Line: scratch})
	}
	return string(out)
}

func regexps(all ...string) (out []*regexp.Regexp) {
	for _, p := range all {
		out = append(out, regexp.MustCompile(p))
	}
	return out
}

func TestGrep(t *testing.T) {
	lines := strings.Fields("a1 b1 c1 a2 b2 c2 a3")
	for _, tt := range []struct {
		name string
		o    GrepOptions
		want string
	}{
		{"all", GrepOptions{}, "a1 b1 c1 a2 b2 c2 a3"},
		{"include", GrepOptions{Include: regexps("^a", "^c")}, "a1 c1 a2 c2 a3"},
		{"exclude", GrepOptions{Exclude: regexps("^a", "2$")}, "b1 c1"},
		{"both", GrepOptions{Include: regexps("^a"), Exclude: regexps("2$")}, "a1 a3"},
		{"before", GrepOptions{Include: regexps("c2"), Before: 2}, "a2 b2 c2"},
		{"before, fewer", GrepOptions{Include: regexps("b1"), Before: 5}, "a1 b1"},
		{"after", GrepOptions{Include: regexps("b1"), After: 1}, "b1 c1"},
		{"groups", GrepOptions{Include: regexps("b1|c2"), After: 1, Separate: true}, "b1 c1 -- c2 a3"},
		{"groups that touch", GrepOptions{Include: regexps("b1|b2"), Before: 1, After: 1, Separate: true}, "a1 b1 c1 a2 b2 c2"},
		{"excluded beside a match", GrepOptions{Include: regexps("b1"), Exclude: regexps("c1"), After: 1}, "b1 a2"},
	} {
		if got := strings.Join(strings.Fields(grepped(tt.o, lines...)), " "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := grepped(GrepOptions{Include: regexps("x")}, "a"); got != "" {
		t.Errorf("got %q", got)
	}
	encode := Grep(GrepOptions{Include: regexps("x")}, JSON)(Source{})
	if got := encode(nil, &Record{Gap: &Gap{}}); len(got) == 0 {
		t.Error("a gap is left out")
	}
}

// Lines beside a match are those that grep shows.
func TestGrepLikeGrep(t *testing.T) {
	if _, err := exec.LookPath("grep"); err != nil {
		t.Skip(err)
	}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var lines []string
		for i := range r.IntN(40) {
			lines = append(lines, fmt.Sprintf("%d %c", i, "xabcdefg"[r.IntN(8)]))
		}
		before, after := 1+r.IntN(3), r.IntN(4)
		cmd := exec.Command("grep", "-B", fmt.Sprint(before), "-A", fmt.Sprint(after), "x")
		cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
		want, _ := cmd.Output()
		got := grepped(GrepOptions{Include: regexps("x"), Before: before, After: after, Separate: true}, lines...)
		if got != string(want) {
			t.Errorf("-B %d -A %d of %q: got %q, want %q", before, after, lines, got, want)
		}
	}
}

// What is kept grows with the lines that there are, not with those that are allowed.
func TestGrepKeepsWhatThereIs(t *testing.T) {
	got := grepped(GrepOptions{Include: regexps("3"), Before: math.MaxInt}, "1", "2", "3", "4")
	if got != "1\n2\n3\n" {
		t.Errorf("got %q", got)
	}
}

func TestContextLinesKeepInPlace(t *testing.T) {
	c := contextLines{most: 2, total: new(atomic.Int64)}
	r := &Record{Stamp: []byte("2026-01-02T03:04:05.000000000Z"), Line: []byte("a line of no interest")}
	for range 1000 {
		c.add(r)
	}
	if n := testing.AllocsPerRun(1000, func() { c.add(r) }); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}

// A gap stands where lines may be missing: after the lines that came before it.
func TestGrepGapInPlace(t *testing.T) {
	o := GrepOptions{Include: regexps("x"), Before: 2, After: 1, Separate: true}
	for _, tt := range []struct{ lines, want string }{
		{"a b c ! x d", "b c ! x d"},
		{"a ! b x", "a ! b x"},
		{"a b c ! d e", "b c !"},
		{"x a b c d ! e f g x", "x a -- c d ! -- f g x"},
		{"! !", "! !"},
		{"x ! a b", "x ! a"},
	} {
		encode := Grep(o, func(Source) Encode {
			return func(dst []byte, r *Record) []byte {
				if r.Gap != nil {
					return append(dst, "!\n"...)
				}
				return append(append(dst, r.Line...), '\n')
			}
		})(Source{})
		var out []byte
		for _, l := range strings.Fields(tt.lines) {
			r := &Record{Line: []byte(l)}
			if l == "!" {
				r = &Record{Gap: &Gap{}}
			}
			out = encode(out, r)
		}
		if got := strings.Join(strings.Fields(string(out)), " "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.lines, got, tt.want)
		}
	}
}

// The lines that may come before a match take a few megabytes of memory, however long they are, and it is reported if these are
// not all. Each slot once kept its largest line.
func TestGrepMemory(t *testing.T) {
	for _, tt := range []struct {
		name       string
		before     int
		line       func(i int) []byte
		lines, cut int
	}{
		{"long lines", 250, func(int) []byte { return make([]byte, 1<<20) }, 250, 7},
		{"a long line now and then", 250, func(i int) []byte { return make([]byte, 1+1<<20*(i%50/49)) }, 250 * 50, 0},
		{"many short lines", 100_000, func(int) []byte { return make([]byte, 10) }, 200_000, 0},
		{"one that does not fit", 2, func(i int) []byte { return make([]byte, 1+9<<20*(i%2)) }, 2, 0},
	} {
		written := -1
		o := GrepOptions{Include: regexps("x"), Before: tt.before, Cut: func(_ Source, n int) {
			if written >= 0 {
				t.Errorf("%s: reported twice", tt.name)
			}
			written = n
		}}
		out := NewOutput(io.Discard, Grep(o, Raw(RawOptions{})))
		s := out.Stream(Source{})
		before := heap()
		for i := range tt.lines {
			s.Add(&Record{Line: tt.line(i)})
		}
		if used := heap() - before; used > MaxContextBytes+1<<20 {
			t.Errorf("%s: %d bytes are kept", tt.name, used)
		}
		s.Add(&Record{Line: []byte("x")})
		s.Add(&Record{Line: make([]byte, 9<<20)})
		s.Add(&Record{Line: []byte("x")})
		if written < 0 || tt.cut > 0 && written != tt.cut {
			t.Errorf("%s: %d lines were reported", tt.name, written)
		}
		s.End()
		out.Close()
		if kept := heap() - before; kept > 1<<18 {
			t.Errorf("%s: %d bytes are kept after the end", tt.name, kept)
		}
		runtime.KeepAlive(s)
	}
}

// Many sources together take no more than a limit, but each keeps some lines. Those that have ended take nothing.
func TestGrepMemoryOfMany(t *testing.T) {
	var cut []int
	out := NewOutput(io.Discard, Grep(GrepOptions{Include: regexps("x"), Before: 1000, Cut: func(_ Source, n int) { cut = append(cut, n) }}, Raw(RawOptions{})))
	defer out.Close()
	before := heap()
	line := make([]byte, 30_000)
	fill := func() *Stream {
		s := out.Stream(Source{})
		for range 1000 {
			s.Add(&Record{Line: line})
		}
		return s
	}
	var all []*Stream
	for range 50 {
		all = append(all, fill())
	}
	if used := heap() - before; used > MaxContextTotal+50*minContextBytes {
		t.Errorf("%d bytes are kept", used)
	}
	last := all[len(all)-1]
	last.Add(&Record{Line: []byte("x")})
	if len(cut) != 1 || cut[0] != 2 {
		t.Errorf("the last source has written %d lines", cut)
	}
	for _, s := range all {
		s.End()
	}
	fill().Add(&Record{Line: []byte("x")})
	if len(cut) != 2 || cut[1] < 200 {
		t.Errorf("the first source after the end of the others has written %d lines", cut)
	}
	runtime.KeepAlive(all)
}

// heap returns how many bytes of memory are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
