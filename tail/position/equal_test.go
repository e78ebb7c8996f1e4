package position_test

import (
	"testing"

	"mktail/tail/position"
)

// The end of a log is known by the last line that no other is equal to.
func TestMark(t *testing.T) {
	for name, tt := range map[string]struct {
		lines []step
		n     int
		hash  uint64
	}{
		"none was seen":                     {},
		"the last one":                      {[]step{{hash: 1}, {hash: 1}, {hash: 2}}, 1, 2},
		"one before equal ones":             {[]step{{hash: 1}, {hash: 2}, {hash: 2}}, 3, 1},
		"the last one that has no equal":    {[]step{{hash: 1}, {hash: 2}, {hash: 3}, {hash: 3}}, 3, 2},
		"none":                              {[]step{{hash: 1}, {hash: 2}, {hash: 1}, {hash: 2}}, 0, 0},
		"the last one of another second":    {[]step{{hash: 1}, {hash: 1}, {stamp: second, hash: 2}, {stamp: second, hash: 2}}, 3, 1},
		"the last one of its own second":    {[]step{{hash: 1}, {hash: 1}, {stamp: second, hash: 2}}, 1, 2},
		"the clock was set back to its own": {[]step{{hash: 1}, {stamp: second, hash: 2}, {hash: 3}, {hash: 3}}, 3, 2},
	} {
		t.Run(name, func(t *testing.T) {
			if n, hash := seen(0, tt.lines...).Mark(); n != tt.n || hash != tt.hash {
				t.Errorf("%d and %d, want %d and %d", n, hash, tt.n, tt.hash)
			}
		})
	}
}

// A stream that begins with a line of the last one's stamp goes on after it only if that is one that was seen: no other is equal, and the
// others follow.
func TestBeginsAmid(t *testing.T) {
	const n = 40
	lines := make([]uint64, n+5) // of one stamp; the last five are not seen
	for i := range lines {
		lines[i] = uint64(i) + 1
	}
	for name, tt := range map[string]struct {
		from  int
		equal uint64 // hash of lines 1 and 30 in place of theirs
		swap  bool   // the last two that were seen come in another order
		equals,
		taken bool
	}{
		"with the first line":               {from: 0, taken: true},
		"with enough of them":               {from: n - 16, taken: true},
		"with too few of them":              {from: n - 15, equals: true},
		"with one that was not seen":        {from: n},
		"with one that another is equal to": {from: 1, equal: 99, equals: true},
		"with one before equal ones":        {from: 0, equal: 99, taken: true},
		"with one, but others follow":       {from: 5, swap: true},
	} {
		t.Run(name, func(t *testing.T) {
			c, came := new(position.Cursor), append([]uint64(nil), lines...)
			if tt.equal > 0 {
				came[1], came[30] = tt.equal, tt.equal
			}
			for _, hash := range came[:n] {
				c.Add(at, hash)
			}
			c = reload(t, c)
			c.Reopen(true)
			c.Pass()
			if tt.swap {
				came[n-1], came[n-2] = came[n-2], came[n-1]
			}
			taken := true
			for i, hash := range came[tt.from:] {
				switch v := c.Add(at, hash); {
				case v == position.NoOverlap:
					taken = false
				case taken && (v == position.Repeat) != (tt.from+i < n):
					t.Errorf("line %d: %v", tt.from+i, v)
				}
				if !taken {
					break
				}
			}
			if taken != tt.taken || c.Equal() != tt.equals {
				t.Errorf("taken %v, equal %v", taken, c.Equal())
			}
		})
	}
}

// Where lines can't be told apart, those up to the stamp of the last one are passed over, in the next run, too, and those after it are new. A
// stream that begins with such a line may lack some.
func TestSkipEqual(t *testing.T) {
	c := seen(0, step{hash: 1}, step{hash: 1})
	c.SkipEqual()
	c.Add(at, 1)
	c = reload(t, c)
	c.Reopen(true)
	if !c.ByStamp() || c.LastAt() != at {
		t.Errorf("by stamp %v, at %d", c.ByStamp(), c.LastAt())
	}
	follow(t, c, step{-1, 2, position.Repeat, true}, step{0, 1, position.Repeat, true}, step{0, 1, position.Repeat, true},
		step{1, 1, position.Fresh, true}, step{1, 1, position.Fresh, true})
	if c.ByStamp() {
		t.Error("by stamp after a later one")
	}
	c = seen(0, step{hash: 1})
	c.SkipEqual()
	c.Add(at, 1)
	c.Reopen(true)
	follow(t, c, step{1, 2, position.NoOverlap, false})
}

// A log that held nothing just before need not bring what was seen last.
func TestExpectNone(t *testing.T) {
	c := seen(1, step{hash: 1})
	c.ExpectNone()
	if c.NoOverlap() {
		t.Error("awaits what was seen")
	}
	follow(t, c, step{1, 2, position.Fresh, false}, step{slack + 2, 3, position.Fresh, true})
	c = seen(1, step{hash: 1})
	c.ExpectNone()
	if c.Reopen(false); !c.NoOverlap() {
		t.Error("the next stream need not bring it, either")
	}
}
