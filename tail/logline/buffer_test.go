package logline_test

import (
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
