package position_test

import (
	"testing"

	"mktail/tail/position"
)

// step is a line for a cursor, and what must hold after it.
type step struct {
	stamp    int64 // after at
	hash     uint64
	want     position.Verdict
	caughtUp bool
}

// follow adds lines to a cursor.
func follow(t *testing.T, c *position.Cursor, steps ...step) {
	t.Helper()
	for i, s := range steps {
		if got := c.Add(at+s.stamp, s.hash); got != s.want {
			t.Errorf("step %d: %v, want %v", i, got, s.want)
		}
		if got := c.CaughtUp(); got != s.caughtUp {
			t.Errorf("after step %d: caught up %v, want %v", i, got, s.caughtUp)
		}
	}
}

// seen returns a cursor that has seen lines, of which only the stamps and hashes count, and is reopened so many times.
func seen(reopened int, lines ...step) *position.Cursor {
	c := new(position.Cursor)
	for _, l := range lines {
		c.Add(at+l.stamp, l.hash)
	}
	for range reopened {
		c.Reopen(false)
	}
	return c
}

// A reopened stream has caught up once it has repeated the line seen last as often as it was seen, or is beyond what it
// can repeat.
func TestCaughtUp(t *testing.T) {
	const repeat, fresh, noOverlap = position.Repeat, position.Fresh, position.NoOverlap
	c := new(position.Cursor)
	if c.CaughtUp() {
		t.Error("a cursor that saw nothing has caught up")
	}
	follow(t, c, step{0, 1, fresh, true})
	for _, tt := range []struct {
		name string
		c    *position.Cursor
		then []step
	}{
		{"the last of three lines", seen(1, step{hash: 1}, step{hash: 2}, step{hash: 3}),
			[]step{{0, 1, repeat, false}, {0, 2, repeat, false}, {0, 3, repeat, true}}},
		{"the last line has the smallest hash", seen(1, step{hash: 2}, step{hash: 3}, step{hash: 1}),
			[]step{{0, 2, repeat, false}, {0, 3, repeat, false}, {0, 1, repeat, true}}},
		{"the last line was seen thrice", seen(1, step{hash: 1}, step{hash: 2}, step{hash: 1}, step{hash: 1}),
			[]step{{0, 1, repeat, false}, {0, 2, repeat, false}, {0, 1, repeat, false}, {0, 1, repeat, true}, {0, 1, fresh, true}}},
		{"reopened twice", seen(2, step{hash: 1}, step{hash: 2}),
			[]step{{0, 1, repeat, false}, {0, 2, repeat, true}}},
		{"what came before the last line is new once it has come again", seen(1, step{hash: 1}, step{hash: 2}),
			[]step{{0, 2, repeat, true}, {0, 1, fresh, true}}},
		{"new lines between repeated ones", seen(1, step{hash: 1}, step{hash: 2}),
			[]step{{0, 1, repeat, false}, {0, 3, fresh, false}, {slack, 4, fresh, false}, {slack + 1, 5, fresh, true}}},
		{"beyond the slack what was seen is new", seen(1, step{hash: 1}, step{hash: 2}),
			[]step{{0, 1, repeat, false}, {slack + 1, 3, fresh, true}, {0, 2, fresh, true}}},
		{"within the slack what was seen is no news", seen(1, step{hash: 1}, step{hash: 2}),
			[]step{{0, 1, repeat, false}, {slack, 3, fresh, false}, {0, 2, repeat, false}}},
		{"nothing is repeated", seen(1, step{hash: 1}), []step{{0, 2, noOverlap, false}, {slack + 1, 3, noOverlap, false}}},
	} {
		t.Run(tt.name, func(t *testing.T) { follow(t, tt.c, tt.then...) })
	}
}

// The slack is two seconds: so far may stamps step back, and the clock was set back where they step further.
func TestSlack(t *testing.T) {
	for _, tt := range []struct {
		name           string
		reopened       bool
		stamp          int64 // of a second line, after the first line's
		newest, opened int64 // after the first line's
	}{
		{"forward", false, 1, 1, -2 * second},
		{"back within the slack", false, -2 * second, 0, -2 * second},
		{"back beyond the slack", false, -2*second - 1, -2*second - 1, -5 * second},
		{"back beyond the slack, on a reopened stream", true, -2*second - 1, 0, -2 * second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := seen(0, step{0, 1, 0, false})
			if tt.reopened {
				c.Reopen(false)
				c.Loosen()
			}
			c.Add(at+tt.stamp, 2)
			if got := c.Newest() - at; got != tt.newest {
				t.Errorf("newest %d, want %d", got, tt.newest)
			}
			if got := c.Since().UnixNano() - at; got != tt.opened {
				t.Errorf("reopened at %d, want %d", got, tt.opened)
			}
			first := min(0, tt.newest) // of the lines since the clock was set back
			if c.First() != at+first || c.Last() != 2 {
				t.Errorf("first %d, last %d", c.First()-at, c.Last())
			}
		})
	}
	if got := seen(0, step{second - 1, 1, 0, false}).Since().UnixNano() - at; got != -2*second {
		t.Errorf("reopened at %d, not at a whole second", got)
	}
}

// What the accessors report while a reopened stream comes as far as the one before.
func TestOverlap(t *testing.T) {
	c := new(position.Cursor)
	check := func(when string, noOverlap, overlap bool) {
		t.Helper()
		if c.NoOverlap() != noOverlap || c.Overlap() != overlap {
			t.Errorf("%s: no overlap %v, want %v; overlap %v, want %v", when, c.NoOverlap(), noOverlap, c.Overlap(), overlap)
		}
	}
	check("at first", false, false)
	c.Add(at, 1)
	c.Add(at, 2)
	check("on the first stream", false, false)
	c.Reopen(false)
	check("reopened", true, false)
	c.Add(at, 1)
	check("after a repeated line", false, true)
	c.Add(at, 2)
	check("caught up", false, true)
	c.Reopen(false)
	check("reopened again", true, false)
	c.Loosen()
	check("loosened", false, false)
	c.Add(at, 3)
	check("after a new line", false, false)
	c.Reopen(false)
	check("reopened after a new line", true, false)
}

// What was seen last need not come again after Loosen, on this stream and on later ones, in later runs, too, until a
// line is seen.
func TestLoosen(t *testing.T) {
	for name, again := range map[string]func(*position.Cursor) *position.Cursor{
		"the same stream": func(c *position.Cursor) *position.Cursor { c.Reopen(false); c.Loosen(); return c },
		"a later stream":  func(c *position.Cursor) *position.Cursor { c.Loosen(); c.Reopen(false); return c },
		"a later run":     func(c *position.Cursor) *position.Cursor { c.Loosen(); c = reload(t, c); c.Reopen(false); return c },
	} {
		t.Run(name, func(t *testing.T) {
			c := again(seen(0, step{hash: 1}))
			if v := c.Add(at, 2); v != position.Fresh {
				t.Errorf("%v, want fresh", v)
			}
			if v := c.Add(at, 1); v != position.Repeat {
				t.Errorf("a line that comes again after all: %v, want repeat", v)
			}
			c.Reopen(false)
			if v := c.Add(at, 3); v != position.NoOverlap {
				t.Errorf("after a line was seen: %v, want no overlap", v)
			}
		})
	}
}

// A line that came on a stream that was loosened makes the next stream begin with it.
func TestLoosenEndsWithLine(t *testing.T) {
	c := seen(0, step{hash: 1})
	c.Loosen()
	c.Add(at, 2)
	c.Reopen(false)
	if v := c.Add(at, 3); v != position.NoOverlap {
		t.Errorf("%v, want no overlap", v)
	}
}

// The next instance's log may begin with lines that were seen as the one before's.
func TestNext(t *testing.T) {
	c := seen(0, step{hash: 1}, step{hash: 2}, step{hash: 1}).Next()
	if c.Started() || c.Shared() || c.CaughtUp() {
		t.Errorf("started %v, shared %v, caught up %v", c.Started(), c.Shared(), c.CaughtUp())
	}
	follow(t, c, step{0, 1, position.Repeat, true})
	if !c.Started() || !c.Shared() {
		t.Errorf("after a shared line: started %v, shared %v", c.Started(), c.Shared())
	}
	follow(t, c, step{0, 1, position.Repeat, true}, step{0, 1, position.Fresh, true}, step{slack, 3, position.Fresh, true},
		step{0, 2, position.Repeat, true})

	c = seen(0, step{hash: 1}, step{hash: 2}).Next()
	follow(t, c, step{0, 3, position.Fresh, true})
	if c.Shared() {
		t.Error("shared without a shared line")
	}
	follow(t, c, step{slack + 1, 4, position.Fresh, true}, step{0, 1, position.Fresh, true})

	// The instance after that has to do with the last one only.
	c = seen(0, step{hash: 1}).Next()
	c.Add(at, 2)
	c = c.Next()
	follow(t, c, step{0, 2, position.Repeat, true}, step{0, 1, position.Fresh, true})
}

// A log that was read from a given time on has a first line.
func TestAt(t *testing.T) {
	c := position.At(at)
	if !c.Started() || c.First() != at || c.Newest() != at || c.Last() != 0 {
		t.Errorf("started %v, first %d, newest %d, last %d", c.Started(), c.First(), c.Newest(), c.Last())
	}
}

// Lines are told apart by their stamps, texts, and by how much was cut from them.
func TestHash(t *testing.T) {
	hashes := map[uint64]bool{}
	for _, h := range []uint64{position.Hash(at, []byte("a"), 0), position.Hash(at+1, []byte("a"), 0), position.Hash(at, []byte("b"), 0),
		position.Hash(at, []byte("a"), 1), position.Hash(at, nil, 0)} {
		hashes[h] = true
	}
	if len(hashes) != 5 {
		t.Errorf("%d different hashes of 5", len(hashes))
	}
	if got := position.Hash(1_767_323_045_000_000_001, []byte("line"), 3); got != 0x862d9db9fa82d263 { // it is kept between runs
		t.Errorf("hash %#x", got)
	}
}
