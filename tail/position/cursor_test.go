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

// at is a whole second, in Unix nanoseconds.
var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano()

const (
	second = int64(time.Second)
	slack  = int64(position.Slack)
)

// logLine is a line of a file; its stamp is part of what the API sends.
type logLine struct {
	stamp int64
	text  string
}

// file is a container's log as a kubelet keeps it.
type file []logLine

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

// server serves a log as a kubelet does, whose clock may step.
type server struct {
	all       file // that was written or will be
	from, end int  // what the current file holds
}

func (s *server) there() file { return s.all[s.from:s.end] }

// last returns the last n lines.
func (s *server) last(n int) file {
	there := s.there()
	return there[max(0, len(there)-n):]
}

// readFile reads a log over streams that break anywhere, while the log grows and, if it may, rotates and the node's clock steps. It
// returns the whole log, what the cursor let through, and after how many lines of that it saw a gap. If the log rotates, lines are
// different but for those that follow each other: who sees one of two equal lines with equal stamps can't know which.
func readFile(d dice, rotates, steps bool) (all, got file, gaps []int) {
	all = randomFile(d, 1+d.IntN(400))
	offset := int64(0)
	for i := range all {
		if steps && d.IntN(40) == 0 {
			offset = int64(d.IntN(7200)-3600) * int64(time.Second) / int64(1+d.IntN(1000))
		}
		all[i].stamp += offset
		if rotates || steps {
			all[i].text = fmt.Sprint("line ", i)
			if i > 0 && d.IntN(4) == 0 {
				all[i] = all[i-1]
			}
		}
	}
	log := &server{all: all, end: d.IntN(len(all) + 1)}
	c := new(position.Cursor)
	add := func(l logLine) position.Verdict {
		v := c.Add(l.stamp, position.Hash(l.stamp, []byte(l.text), 0))
		if v == position.Fresh {
			got = append(got, l)
		}
		return v
	}
	// read reads the last n lines, until the stream breaks or there are no more, and reports whether it brought something new, and
	// whether it came to their end.
	read := func(n int, breaks bool) (fresh, whole bool) {
		served := log.last(n)
		if c.Started() {
			c.Reopen(n < len(all))
			c.Pass()
		}
		there := len(served)
		if breaks && len(served) > 0 {
			served = served[:d.IntN(len(served)+1)]
		}
		for _, l := range served {
			switch add(l) {
			case position.Fresh:
				fresh = true
			case position.NoOverlap:
				return fresh, true
			}
		}
		return fresh, len(served) == there
	}
	for done := false; ; {
		n := len(all)
		if seen, whole := c.Lines(); !whole {
			n = seen + 1
		}
		for breaks := !done; ; breaks = !done && d.IntN(4) == 0 {
			_, whole := read(n, breaks)
			if !whole || !c.NoOverlap() || len(log.there()) == 0 {
				break
			}
			if n >= len(all) { // else these are too few
				gaps = append(gaps, len(got))
				c.Loosen()
			}
			n *= 4
		}
		if done {
			return all, got, gaps
		}
		log.end += d.IntN(len(all) - log.end + 1)
		if rotates && c.Started() && d.IntN(3) == 0 { // the last line stays, or nothing would tell of a loss
			log.from += d.IntN(max(min(log.end, len(all)-1)-log.from, 0) + 1)
		}
		if d.IntN(6) == 0 {
			done, log.end = true, len(all)
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
		all, got, gaps := readFile(rand.New(rand.NewPCG(seed, 1)), false, seed%2 == 0)
		if len(gaps) > 0 {
			t.Fatalf("seed %d: a gap where nothing rotated", seed)
		}
		if !slices.Equal(all, got) {
			i := 0
			for i < min(len(got), len(all)) && got[i] == all[i] {
				i++
			}
			t.Fatalf("seed %d: got %d lines, want %d; line %d is %v, want %v", seed, len(got), len(all), i, got[min(i, len(got)-1)], all[min(i, len(all)-1)])
		}
	}
}

func TestCursorSeesGaps(t *testing.T) {
	for seed := range uint64(5000) {
		all, got, gaps := readFile(rand.New(rand.NewPCG(seed, 2)), true, seed%2 == 0)
		t.Run(fmt.Sprint(seed), func(t *testing.T) { exact(t, all, got, gaps, true) })
	}
}

func FuzzCursor(f *testing.F) {
	f.Add([]byte("some numbers"), false, true)
	f.Add([]byte{200, 1, 7, 0, 1, 0, 50, 0, 1, 0, 9, 0}, true, false)
	f.Fuzz(func(t *testing.T, data []byte, rotates, steps bool) {
		all, got, gaps := readFile(&fuzzed{data}, rotates, steps)
		exact(t, all, got, gaps, rotates)
	})
}

// Of lines that were given up nothing need come again, not even where what is merely loose is taken back.
func TestCursorSkips(t *testing.T) {
	c := new(position.Cursor)
	c.Add(1, 1)
	if c.Loosen(); !c.Loose() {
		t.Error("not loose")
	}
	if c.Fasten(); c.Loose() {
		t.Error("loose")
	}
	c.Skip()
	if c.Fasten(); !c.Loose() {
		t.Error("not loose after lines were given up")
	}
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
	c.Reopen(false)
	if got := add(5); got != 2 {
		t.Errorf("reopened: %d of 5 let through, want 2", got)
	}
	c.Reopen(false)
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

// However many lines a second has, what is kept of them is bounded, and the place is exact to the line: what comes before the lines
// that are remembered is passed over.
func TestCursorIsBounded(t *testing.T) {
	const perSecond = 4*position.MaxHashes + 12345
	stamp := func(i int64) int64 { return at + i*int64(time.Second)/perSecond }
	const lines = 6 * perSecond
	seen := new(position.Cursor)
	for i := range int64(lines) {
		seen.Add(stamp(i), uint64(i))
	}
	if kept, room := seen.Kept(); kept > position.MaxHashes || kept < position.MaxHashes/8*7 || 8*room > 2<<20 {
		t.Errorf("%d lines and %d bytes are kept", kept, 8*room)
	}
	for _, tt := range []struct {
		name string
		from int64 // the first line that comes again
	}{
		{"from the second that is asked for on", lines - 3*perSecond},
		{"rotated within what is only passed over", lines - position.MaxHashes - 10},
		{"rotated within what is remembered", lines - 10},
		{"rotated before the last line", lines - 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := reload(t, seen)
			c.Reopen(false)
			c.Pass()
			for i := tt.from; i < lines+1000; i++ {
				if got, want := c.Add(stamp(i), uint64(i)), map[bool]position.Verdict{true: position.Repeat, false: position.Fresh}[i < lines]; got != want {
					t.Fatalf("line %d of %d: %v, want %v", i, lines, got, want)
				}
			}
		})
	}
	t.Run("rotated after the last line", func(t *testing.T) {
		c := reload(t, seen)
		c.Reopen(false)
		c.Pass()
		for i := range int64(10) {
			c.Add(stamp(lines+i), uint64(lines+i))
		}
		if !c.NoOverlap() || c.CaughtUp() {
			t.Errorf("no overlap %v, caught up %v", c.NoOverlap(), c.CaughtUp())
		}
	})
}

// A clock that was set back far does not make the cursor remember what came before.
func TestCursorForgetsBeforeStep(t *testing.T) {
	c := new(position.Cursor)
	const perSecond = 1000
	for i := range int64(600 * perSecond) {
		stamp := at + i*second/perSecond
		if i > 10*perSecond {
			stamp -= 3600 * second
		}
		c.Add(stamp, uint64(i))
	}
	if kept, _ := c.Kept(); kept > 4*perSecond {
		t.Errorf("%d lines are remembered", kept)
	}
}

// Lines cost no memory of their own, however many or few a second has.
func TestCursorDoesNotAllocate(t *testing.T) {
	for _, step := range []time.Duration{10 * time.Microsecond, 10 * time.Millisecond, time.Second, time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			c, stamp := new(position.Cursor), at
			add := func() {
				stamp += int64(step)
				c.Add(stamp, uint64(stamp))
			}
			for range 2 * position.MaxHashes {
				add()
			}
			if n := testing.AllocsPerRun(10_000, add); n != 0 {
				t.Errorf("%v allocations a line", n)
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
