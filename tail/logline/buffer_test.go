package logline_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"mktail/tail/logline"
)

// newlines brings as many empty lines at a time as it is told, or fills the buffer.
type newlines struct{ next []int }

func (r *newlines) Read(b []byte) (int, error) {
	n := len(b)
	if len(r.next) > 0 {
		n = min(n, r.next[0])
		r.next = r.next[1:]
	}
	for i := range b[:n] {
		b[i] = '\n'
	}
	return n, nil
}

// fill reads once and takes all lines.
func fill(t *testing.T, l *logline.Scanner) {
	t.Helper()
	if err := l.Fill(); err != nil {
		t.Fatal(err)
	}
	for {
		if _, ok := l.Take(); !ok {
			return
		}
	}
}

// busy returns a scanner that has a large buffer if the pool has one left.
func busy(t *testing.T, pool *logline.Pool, r *newlines) *logline.Scanner {
	l := logline.NewScanner(r, 100, pool)
	for range 4 {
		fill(t, l)
	}
	return l
}

// The buffer is small, 1 KiB, until the stream fills it twice in a row; then it is middle, 8 KiB, then large, 64 KiB, for
// up to 256 streams of a run. When little comes it is small again.
func TestBufferGrowsAndShrinks(t *testing.T) {
	const small, middle, large = 1 << 10, 8 << 10, 64 << 10
	for _, tt := range []struct {
		name  string
		reads []int // what each brings, at most
		want  []int // the buffer's size after each
	}{
		{"busy", []int{small, small, middle, middle, large, large}, []int{small, middle, middle, large, large, large}},
		{"full now and then", []int{small, small - 1, small, small, middle, middle - 1, middle, middle},
			[]int{small, small, small, middle, middle, middle, middle, large}},
		{"little comes", []int{small, small, small/2 - 1, small/2 - 1, small}, []int{small, middle, middle, small, small}},
		{"not so little", []int{small, small, small / 2, small / 2}, []int{small, middle, middle, middle}},
		{"little after much", []int{small, small, middle, middle, 100, 100, 100}, []int{small, middle, middle, large, large, small, small}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := logline.NewScanner(&newlines{tt.reads}, 100, logline.NewPool())
			for i, want := range tt.want {
				fill(t, l)
				if l.Size() != want {
					t.Errorf("after read %d: %d bytes, want %d", i, l.Size(), want)
				}
			}
		})
	}

	pool := logline.NewPool()
	var all []*logline.Scanner
	for range 256 {
		l := busy(t, pool, &newlines{})
		if l.Size() != large {
			t.Fatalf("stream %d has %d bytes", len(all), l.Size())
		}
		all = append(all, l)
	}
	late := busy(t, pool, &newlines{})
	if late.Size() != middle {
		t.Errorf("one more has %d bytes", late.Size())
	}
	all[0].Close()
	fill(t, late)
	fill(t, late)
	if late.Size() != large {
		t.Errorf("it has %d bytes after another has closed", late.Size())
	}
	if next := busy(t, pool, &newlines{}); next.Size() != middle {
		t.Errorf("the next has %d bytes", next.Size())
	}
}

// A giant line takes the buffer that it needs, and gives it back however much comes after it.
func TestBufferAfterGiantLine(t *testing.T) {
	l := logline.NewScanner(io.MultiReader(strings.NewReader(strings.Repeat("x", 200<<10)+"\n"), &newlines{[]int{600, 600}}), 1<<20, logline.NewPool())
	for giant := false; !giant; {
		if err := l.Fill(); err != nil {
			t.Fatal(err)
		}
		_, giant = l.Take()
	}
	if l.Size() < 200<<10 {
		t.Errorf("a giant line in %d bytes", l.Size())
	}
	fill(t, l)
	if l.Size() != 1<<10 {
		t.Errorf("%d bytes after a giant line", l.Size())
	}
}

// A CRIScanner gives its buffer back when it is closed.
func TestCRIScannerSharesPool(t *testing.T) {
	pool := logline.NewPool()
	var all []*logline.CRIScanner
	for range 256 {
		c := logline.NewCRIScanner(100, pool)
		c.Open(io.LimitReader(&newlines{}, 200<<10))
		if _, _, _, err := c.Next(); err != io.EOF {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if late := busy(t, pool, &newlines{}); late.Size() != 8<<10 {
		t.Errorf("one more has %d bytes", late.Size())
	}
	all[0].Close()
	if late := busy(t, pool, &newlines{}); late.Size() != 64<<10 {
		t.Errorf("the next has %d bytes after one has closed", late.Size())
	}
}

// failing reads parts, with an error after each.
type failing struct {
	parts []string
	fail  bool
}

var errPart = errors.New("it ends here")

func (f *failing) Read(b []byte) (n int, err error) {
	if f.fail = !f.fail; f.fail {
		n = copy(b, f.parts[0])
		f.parts = f.parts[1:]
		return n, nil
	}
	return 0, errPart
}

// After an error the scanner has the rest of a line, once, and begins with a new line if more comes.
func TestRest(t *testing.T) {
	l := logline.NewScanner(&failing{parts: []string{"a\nbcdef", "\ngh\ni"}}, 3, logline.NewPool())
	var got []string
	for range 2 {
		for {
			if line, ok := l.Take(); ok {
				got = append(got, string(line.Text))
			} else if err := l.Fill(); err != nil {
				break
			}
		}
		for range 2 {
			rest := l.Rest()
			got = append(got, "rest "+string(rest.Text)+strings.Repeat("+", rest.Cut))
		}
	}
	if got, want := strings.Join(got, ", "), "a, rest bcd++, rest , , gh, rest i, rest "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
