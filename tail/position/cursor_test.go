package position_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mktail/tail/position"
)

// logLine is a line of a file; its stamp is part of what the API sends.
type logLine struct {
	stamp int64
	text  string
}

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

// dice gives the numbers that a test's course depends on: random ones, or those that the fuzzer chooses.
type dice interface{ IntN(n int) int }

// fuzzed takes numbers from a fuzzer's bytes, then zeros.
type fuzzed struct{ data []byte }

func (f *fuzzed) IntN(n int) int {
	var b [2]byte
	f.data = f.data[copy(b[:], f.data):]
	return int(binary.LittleEndian.Uint16(b[:])) % n
}

// randomFile makes stamps that mostly grow, with equal ones, steps back of up to slack, and repeated lines.
func randomFile(d dice, n int) file {
	f := make(file, n)
	now := int64(1_767_323_045_000_000_000) + int64(d.IntN(1000))*1e6
	for i := range f {
		if d.IntN(3) > 0 {
			now += int64(d.IntN(200)) * 1e6
		}
		stamp := now
		if d.IntN(10) == 0 {
			stamp -= int64(d.IntN(int(position.Slack/time.Millisecond))) * 1e6
		}
		f[i].stamp, f[i].text = stamp, fmt.Sprint("line ", d.IntN(5))
	}
	return f
}

// readFile reads a log over streams that break anywhere, while the log grows and, if it may, rotates. It returns the
// whole log, what the cursor let through, and after how many lines of that it saw a gap. If the log rotates, lines are
// different but for those that follow each other: who sees one of two equal lines with equal stamps can't know which.
func readFile(d dice, rotates bool) (all, got file, gaps []int) {
	all = randomFile(d, 1+d.IntN(400))
	for i := range all {
		if rotates {
			all[i].text = fmt.Sprint("line ", i)
			if i > 0 && d.IntN(4) == 0 {
				all[i] = all[i-1]
			}
		}
	}
	there, from := d.IntN(len(all)+1), 0 // what is written, and where the current file begins
	c := new(position.Cursor)
	for last := false; ; {
		served := all[from:there]
		if c.Started() {
			served = served.since(c.Since())
			c.Reopen()
		}
		end := len(served)
		if !last && len(served) > 0 {
			end = d.IntN(len(served) + 1)
		}
		for _, l := range served[:end] {
			v := c.Add(l.stamp, position.Hash(l.stamp, []byte(l.text), 0))
			if v == position.NoOverlap {
				gaps = append(gaps, len(got))
				c.Loosen()
				v = c.Add(l.stamp, position.Hash(l.stamp, []byte(l.text), 0))
			}
			if v == position.Fresh {
				got = append(got, l)
			}
		}
		if last {
			return all, got, gaps
		}
		there += d.IntN(len(all) - there + 1)
		if rotates && c.Started() && d.IntN(3) == 0 { // the last line stays, or nothing would tell of a loss
			from += d.IntN(max(min(there, len(all)-1)-from, 0) + 1)
		}
		if d.IntN(6) == 0 {
			last, there = true, len(all)
		}
	}
}

// exact checks what readFile did: without rotation all is there; with it, lines may be missing only where a gap was
// seen, or of several equal ones all but the first, and never is one repeated or out of order.
func exact(t *testing.T, all, got file, gaps []int, rotates bool) {
	t.Helper()
	if rotates {
		all = slices.Clone(all)
		for i := 0; i < len(all); { // those of which no other came
			same := 1
			for i+same < len(all) && all[i+same] == all[i] {
				same++
			}
			came := 0
			for _, l := range got {
				if l == all[i] {
					came++
				}
			}
			if drop := same - came; came > 0 && drop > 0 {
				all = slices.Delete(all, i, i+drop)
				same -= drop
			}
			i += same
		}
	}
	at := 0 // in all
	for i, l := range got {
		if slices.Contains(gaps, i) {
			for at < len(all) && all[at] != l {
				at++
			}
		}
		if at >= len(all) || all[at] != l {
			t.Fatalf("line %d of %d is %v; %d of %d were due; gaps after %v", i, len(got), l, at, len(all), gaps)
		}
		at++
	}
	if at != len(all) {
		t.Fatalf("%d lines are missing at the end of %d; gaps after %v", len(all)-at, len(all), gaps)
	}
}

// Whatever a log holds and wherever its stream breaks, the cursor lets each line through exactly once, in order.
func TestCursorIsExact(t *testing.T) {
	for seed := range uint64(5000) {
		all, got, gaps := readFile(rand.New(rand.NewPCG(seed, 1)), false)
		if len(gaps) > 0 {
			t.Fatalf("seed %d: a gap where nothing rotated", seed)
		}
		if !slices.Equal(all, got) {
			t.Fatalf("seed %d: got %d lines, want %d", seed, len(got), len(all))
		}
	}
}

func TestCursorSeesGaps(t *testing.T) {
	for seed := range uint64(5000) {
		all, got, gaps := readFile(rand.New(rand.NewPCG(seed, 2)), true)
		t.Run(fmt.Sprint(seed), func(t *testing.T) { exact(t, all, got, gaps, true) })
	}
}

func FuzzCursor(f *testing.F) {
	f.Add([]byte("some numbers"), false)
	f.Add([]byte{200, 1, 7, 0, 1, 0, 50, 0, 1, 0, 9, 0}, true)
	f.Fuzz(func(t *testing.T, data []byte, rotates bool) {
		all, got, gaps := readFile(&fuzzed{data}, rotates)
		exact(t, all, got, gaps, rotates)
	})
}

// Lines that come while the stream is broken must not be taken for those that were seen.
func TestCursorKeepsMultiplicity(t *testing.T) {
	c := new(position.Cursor)
	at := int64(1_767_323_045_000_000_000)
	add := func(n int) (new int) {
		for range n {
			if c.Add(at, position.Hash(at, []byte("same"), 0)) == position.Fresh {
				new++
			}
		}
		return new
	}
	if got := add(3); got != 3 {
		t.Errorf("live: %d of 3 let through", got)
	}
	c.Reopen()
	if got := add(5); got != 2 {
		t.Errorf("reopened: %d of 5 let through, want 2", got)
	}
	c.Reopen()
	if got := add(5); got != 0 {
		t.Errorf("reopened again: %d let through, want 0", got)
	}
}

// On a stream that was never broken nothing is compared, and what is old is forgotten.
func TestCursorForgets(t *testing.T) {
	c := new(position.Cursor)
	at := int64(1_767_323_045_000_000_000)
	const perSecond, seconds = 1000, 600
	for i := range int64(perSecond * seconds) {
		if c.Add(at+i*int64(time.Second)/perSecond, uint64(i)) != position.Fresh {
			t.Fatal("a line of a live stream was dropped")
		}
	}
	kept, room := c.Kept()
	if most := int(perSecond * (position.Slack + 2*time.Second) / time.Second); kept > most || room > 2*most {
		t.Errorf("%d lines are remembered in room for %d, want at most %d", kept, room, most)
	}
}

// However many lines a second has, what is kept of them is bounded, and the place is exact to the line.
func TestCursorIsBounded(t *testing.T) {
	c := new(position.Cursor)
	const perSecond = 2*position.MaxHashes + 12345
	at := int64(1_767_323_045_000_000_000)
	stamp := func(i int64) int64 { return at + i*int64(time.Second)/perSecond }
	const lines = 6 * perSecond
	for i := range int64(lines) {
		c.Add(stamp(i), uint64(i))
	}
	_, room := c.Kept()
	if most := 5 << 20; 8*room > most {
		t.Errorf("%d bytes are kept, want at most %d", 8*room, most)
	}
	c.Reopen()
	since := c.Since().UnixNano()
	for i := int64(0); i < lines+1000; i++ {
		if stamp(i) < since {
			continue
		}
		if got, want := c.Add(stamp(i), uint64(i)), map[bool]position.Verdict{true: position.Repeat, false: position.Fresh}[i < lines]; got != want {
			t.Fatalf("line %d of %d: %v, want %v", i, lines, got, want)
		}
	}
}

// A second of which not all lines are remembered doesn't hide that the log has rotated after it, or within what is
// remembered of it.
func TestCursorIsBoundedWhileRotating(t *testing.T) {
	const at = int64(1_767_323_045_000_000_000)
	const full, after = position.MaxHashes + 1000, 10 // lines of the first second, and of the next
	stamp := func(i int) int64 {
		if i < full {
			return at + int64(i)
		}
		return at + int64(time.Second) + int64(i-full)*int64(100*time.Millisecond)
	}
	for _, tt := range []struct {
		name string
		from int // the first line that the log still has
		gap  bool
	}{
		{"not at all", 0, false},
		{"within what is remembered", position.MaxHashes / 2, false},
		{"before the next second", full, false},
		{"before the last line", full + after - 1, false},
		{"after the last line", full + after, true},
		{"later", full + after + 3, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := new(position.Cursor)
			for i := range full + after {
				c.Add(stamp(i), uint64(i))
			}
			c.Reopen()
			for i := tt.from; i < full+after+20; i++ {
				want := position.Fresh
				switch {
				case i < full+after:
					want = position.Repeat
				case i == tt.from:
					want = position.NoOverlap
				}
				got := c.Add(stamp(i), uint64(i))
				if got != want {
					t.Fatalf("line %d: %v, want %v", i, got, want)
				}
				if got == position.NoOverlap {
					c.Loosen()
					c.Add(stamp(i), uint64(i))
				}
			}
		})
	}
}

func BenchmarkCursor(b *testing.B) {
	c := new(position.Cursor)
	text := []byte("GET /api/v1/items/12345 200 12ms user=alice region=eu-west-1 cache=hit")
	at := int64(1_767_323_045_000_000_000)
	b.ReportAllocs()
	for b.Loop() {
		at += int64(10 * time.Microsecond)
		c.Add(at, position.Hash(at, text, 0))
	}
}

// An instance that was missed altogether hides no line of an earlier one that the kubelet serves in place of a later one's.
func TestCursorAfterMissedInstance(t *testing.T) {
	c := new(position.Cursor)
	at := int64(1_767_323_045_000_000_000)
	c.Add(at, 1)
	c = c.Next().Next()
	if got := c.Add(at, 1); got != position.Repeat {
		t.Errorf("%v, want repeat", got)
	}
	if got := c.Add(at+1, 2); got != position.Fresh {
		t.Errorf("%v, want fresh", got)
	}
}
