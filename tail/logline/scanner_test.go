package logline_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"mktail/tail/logline"
)

type splitLine struct {
	text string
	cut  int
}

// split reads all of r, as follower.read does.
func split(r io.Reader, max int) (all []splitLine, rest splitLine, err error) {
	l := logline.NewScanner(r, max, logline.NewPool())
	for {
		if line, ok := l.Take(); ok {
			all = append(all, splitLine{string(line.Text), line.Cut})
			continue
		}
		if err := l.Fill(); err != nil {
			rest := l.Rest()
			return all, splitLine{string(rest.Text), rest.Cut}, err
		}
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 10<<20)
	tests := []struct {
		name, in string
		max      int
		want     []splitLine
		rest     splitLine
	}{
		{"nothing", "", 10, nil, splitLine{}},
		{"lines", "a\nbc\n", 10, []splitLine{{"a", 0}, {"bc", 0}}, splitLine{}},
		{"empty lines", "\n\n", 10, []splitLine{{"", 0}, {"", 0}}, splitLine{}},
		{"carriage return is data", "a\r\n", 10, []splitLine{{"a\r", 0}}, splitLine{}},
		{"NUL is data", "a\x00b\n", 10, []splitLine{{"a\x00b", 0}}, splitLine{}},
		{"unterminated end", "a\nbc", 10, []splitLine{{"a", 0}}, splitLine{"bc", 0}},
		{"as long as allowed", "1234567890\nx\n", 10, []splitLine{{"1234567890", 0}, {"x", 0}}, splitLine{}},
		{"longer", "12345678901\nx\n", 10, []splitLine{{"1234567890", 1}, {"x", 0}}, splitLine{}},
		{"unterminated and longer", "123456789012", 10, nil, splitLine{"1234567890", 2}},
		{"giant", long + "\nx\n", 1000, []splitLine{{long[:1000], len(long) - 1000}, {"x", 0}}, splitLine{}},
		{"giant but allowed", long + "\nx\n", len(long), []splitLine{{long, 0}, {"x", 0}}, splitLine{}},
	}
	readers := []struct {
		name string
		of   func(io.Reader) io.Reader
	}{
		{"whole", func(r io.Reader) io.Reader { return r }},
		{"half reads", iotest.HalfReader},
		{"error with the last bytes", iotest.DataErrReader},
		{"in pieces", func(r io.Reader) io.Reader { return pieces{r, rand.New(rand.NewPCG(1, 1))} }},
	}
	for _, tt := range tests {
		for _, reader := range readers {
			t.Run(tt.name+"/"+reader.name, func(t *testing.T) {
				got, rest, err := split(reader.of(strings.NewReader(tt.in)), tt.max)
				if err != io.EOF {
					t.Fatal(err)
				}
				if fmt.Sprint(got) != fmt.Sprint(tt.want) || rest != tt.rest {
					t.Errorf("got %d lines and %d bytes", len(got), len(rest.text))
				}
			})
		}
	}
}

func TestLinesPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	got, rest, err := split(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), 10)
	if err != broken || len(got) != 1 || rest.text != "b" {
		t.Errorf("got %v, %v, %v", got, rest, err)
	}
}

// An error that comes with one byte is returned after the line that the byte ends.
func TestLinesErrorWithOneByte(t *testing.T) {
	got, rest, err := split(iotest.DataErrReader(iotest.OneByteReader(strings.NewReader("ab\n"))), 10)
	if err != io.EOF || len(got) != 1 || got[0].text != "ab" || rest.text != "" {
		t.Errorf("got %v, %v, %v", got, rest, err)
	}
}

// A line without end must not take more memory than is kept of it.
func TestLinesMemoryIsBounded(t *testing.T) {
	const max = 100 << 10
	l := logline.NewScanner(io.LimitReader(zeros{}, 50<<20), max, logline.NewPool())
	for {
		l.Take()
		if err := l.Fill(); err != nil {
			break
		}
		if l.Size() > 4*max {
			t.Fatalf("the buffer has %d bytes", l.Size())
		}
	}
	if rest := l.Rest(); len(rest.Text) != max || rest.Cut != 50<<20-max {
		t.Errorf("kept %d, cut %d", len(rest.Text), rest.Cut)
	}
}

func FuzzLines(f *testing.F) {
	f.Add("a\nbc\n\nd", 2, uint64(1))
	f.Add("\r\n\x00\xff\n", 1, uint64(2))
	f.Fuzz(func(t *testing.T, in string, max int, seed uint64) {
		max = 1 + int(uint16(max))
		got, rest, _ := split(pieces{strings.NewReader(in), rand.New(rand.NewPCG(seed, 0))}, max)
		parts := strings.Split(in, "\n")
		want := func(s string) splitLine {
			return splitLine{s[:min(len(s), max)], len(s) - min(len(s), max)}
		}
		if len(got) != len(parts)-1 {
			t.Fatalf("%d lines, want %d", len(got), len(parts)-1)
		}
		for i, l := range got {
			if l != want(parts[i]) {
				t.Errorf("line %d: %v, want %v", i, l, want(parts[i]))
			}
		}
		if rest != want(parts[len(parts)-1]) {
			t.Errorf("rest %v", rest)
		}
	})
}

// pieces reads in pieces of random length.
type pieces struct {
	r    io.Reader
	rand *rand.Rand
}

func (p pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), 1+p.rand.IntN(3000))]) }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
