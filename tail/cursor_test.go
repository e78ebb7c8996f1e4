package tail

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// logLine is a line of a file; its stamp is part of what the API sends.
type logLine struct {
	stamp int64
	text  string
}

func (l logLine) line() line { return line{[]byte(fmt.Sprint(l.stamp, " ", l.text)), 0} }

// file is a container's log as a kubelet keeps it.
type file []logLine

// since returns what a kubelet serves: the lines with this stamp or a later one, in the order of the file.
func (f file) since(t time.Time) file {
	var out file
	for _, l := range f {
		if l.stamp >= t.UnixNano() {
			out = append(out, l)
		}
	}
	return out
}

// randomFile makes stamps that mostly grow, with equal ones, steps back of up to slack, and repeated lines.
func randomFile(r *rand.Rand, n int) file {
	f := make(file, n)
	now := int64(1_767_323_045_000_000_000) + r.Int64N(1e9)
	for i := range f {
		if r.IntN(3) > 0 {
			now += r.Int64N(int64(2 * time.Second / 10))
		}
		stamp := now
		if r.IntN(10) == 0 {
			stamp -= r.Int64N(int64(slack))
		}
		f[i].stamp, f[i].text = stamp, fmt.Sprint("line ", r.IntN(5))
	}
	return f
}

// Whatever a log holds and wherever its stream breaks, the cursor lets each line through exactly once, in order.
func TestCursorIsExact(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		f := randomFile(r, 1+r.IntN(400))
		begin := r.IntN(len(f)) // as tailLines says
		for i := range begin {
			if f[i].stamp >= f[begin].stamp { // what was left out is told by its stamp
				begin = 0
				break
			}
		}
		var got file
		c := newCursor()
		for {
			served := f[begin:]
			if c.started() {
				served = f.since(c.since())
				c.reopen(true)
			}
			end := len(served)
			last := r.IntN(6) == 0
			if !last {
				end = r.IntN(len(served) + 1)
			}
			for _, l := range served[:end] {
				if c.add(l.stamp, l.line()) {
					got = append(got, l)
				}
			}
			if last {
				break
			}
		}
		if !slices.Equal(got, f[begin:]) {
			t.Fatalf("seed %d: got %d lines, want %d", seed, len(got), len(f)-begin)
		}
	}
}

// Lines that come while the stream is broken must not be taken for those that were seen.
func TestCursorKeepsMultiplicity(t *testing.T) {
	c := newCursor()
	at := int64(1_767_323_045_000_000_000)
	add := func(n int) (fresh int) {
		for range n {
			if c.add(at, logLine{at, "same"}.line()) {
				fresh++
			}
		}
		return fresh
	}
	if got := add(3); got != 3 {
		t.Errorf("live: %d of 3 let through", got)
	}
	c.reopen(true)
	if got := add(5); got != 2 {
		t.Errorf("reopened: %d of 5 let through, want 2", got)
	}
	c.reopen(true)
	if got := add(5); got != 0 {
		t.Errorf("reopened again: %d let through, want 0", got)
	}
}

// On a stream that was never broken nothing is compared, and what is old is forgotten.
func TestCursorForgets(t *testing.T) {
	c := newCursor()
	at := int64(1_767_323_045_000_000_000)
	const perSecond, seconds = 1000, 600
	same := logLine{0, "same"}.line()
	for i := range int64(perSecond * seconds) {
		if !c.add(at+i*int64(time.Second)/perSecond, same) {
			t.Fatal("a line of a live stream was dropped")
		}
	}
	kept, room := 0, 0
	for _, s := range c.seconds {
		kept += len(s.hashes)
		room += cap(s.hashes)
	}
	if most := int(perSecond * (slack + 2*time.Second) / time.Second); kept > most || room > 2*most {
		t.Errorf("%d lines are remembered in room for %d, want at most %d", kept, room, most)
	}
}

func BenchmarkCursor(b *testing.B) {
	c := newCursor()
	text := []byte("2026-01-02T03:04:05.123456789Z GET /api/v1/items/12345 200 12ms user=alice region=eu-west-1 cache=hit")
	at := int64(1_767_323_045_000_000_000)
	b.ReportAllocs()
	for b.Loop() {
		at += int64(10 * time.Microsecond)
		c.add(at, line{text, 0})
	}
}
