package position_test

import (
	"testing"

	"mktail/tail/position"
)

// The end of a log is known by the line seen last, not by an earlier one that is remembered.
func TestEndsWith(t *testing.T) {
	c := seen(0, step{hash: 1}, step{hash: 2}, step{hash: 1}, step{hash: 3})
	for hash, want := range []bool{1: false, 2: false, 3: true, 4: false} {
		if got := c.EndsWith(at, uint64(hash)); got != want {
			t.Errorf("ends with line %d: %v", hash, got)
		}
	}
	for hash, want := range []bool{1: true, 2: false, 3: false, 4: false} {
		if got := c.Twice(uint64(hash)); got != want {
			t.Errorf("line %d was seen twice: %v", hash, got)
		}
	}
	c.AddRest(at, 4)
	for hash, want := range []bool{1: false, 3: true, 4: true} {
		if got := c.EndsWith(at, uint64(hash)); got != want {
			t.Errorf("ends with line %d, of which the rest was seen: %v", hash, got)
		}
	}
}

// A stream that begins with a line of the stamp of the line seen last tells nothing, if the log may have other lines before it.
func TestAmid(t *testing.T) {
	for cut, want := range map[bool]bool{false: false, true: true} {
		c := seen(0, step{hash: 1}, step{hash: 2})
		c.Reopen(cut)
		if c.Add(at, 1); c.Amid() != want {
			t.Errorf("may have lines before it %v: %v", cut, c.Amid())
		}
		if c.Reopen(cut); c.Amid() {
			t.Errorf("may have lines before it %v: before one has come", cut)
		}
	}
}

// If the stream is known to begin with the first line of that stamp, its lines are told apart by their number.
func TestBeginStamp(t *testing.T) {
	c := seen(0, step{hash: 1}, step{hash: 2}, step{hash: 2})
	c.Reopen(true)
	if v := c.Add(at, 1); v != position.NoOverlap || !c.Amid() {
		t.Fatalf("%v, amid %v", v, c.Amid())
	}
	c.BeginStamp()
	for i, want := range []position.Verdict{position.Repeat, position.Repeat, position.Repeat, position.Fresh} {
		if v := c.Add(at, []uint64{1, 2, 2, 2}[i]); v != want || c.Amid() {
			t.Errorf("line %d: %v, amid %v", i, v, c.Amid())
		}
	}
}

// Lines of a stamp that was given up are passed over, in the next run, too, and those after it are new, once.
func TestGiveUpStamp(t *testing.T) {
	const repeat, fresh, noOverlap = position.Repeat, position.Fresh, position.NoOverlap
	givenUp := func() *position.Cursor {
		c := seen(0, step{hash: 1}, step{hash: 1})
		c.GiveUpStamp()
		c.Fasten()
		c = reload(t, c)
		c.Reopen(true)
		return c
	}
	for name, steps := range map[string][]step{
		"a line after it":             {{-1, 2, noOverlap, false}, {0, 9, repeat, true}, {0, 1, repeat, true}, {1, 1, fresh, true}, {1, 1, fresh, true}},
		"a little earlier":            {{0, 1, repeat, true}, {-1, 2, repeat, true}, {1, 1, fresh, true}},
		"the node's clock was set":    {{0, 1, repeat, true}, {-2 * slack, 2, fresh, true}, {-2 * slack, 1, fresh, true}},
		"none of it is in the log":    {{1, 1, noOverlap, false}},
		"none, though others were":    {{-1, 2, noOverlap, false}, {1, 1, noOverlap, false}},
		"the end of what was read":    {{0, 1, repeat, true}},
		"another than the last of it": {{0, 3, repeat, true}},
	} {
		t.Run(name, func(t *testing.T) { follow(t, givenUp(), steps...) })
	}
	c := givenUp()
	if !c.EndsWith(at, 7) || c.EndsWith(at+1, 7) {
		t.Error("the log's end is not known by its stamp")
	}
	follow(t, c, step{0, 1, repeat, true}, step{1, 2, fresh, true})
	if c = reload(t, c); c.EndsWith(at+1, 7) || !c.EndsWith(at+1, 2) {
		t.Error("the log's end is known by its stamp after a later line")
	}
	c.Reopen(true)
	follow(t, c, step{1, 2, noOverlap, false})
	c.Reopen(true)
	c.Pass()
	follow(t, c, step{0, 1, repeat, false}, step{1, 2, repeat, true}, step{1, 2, fresh, true})
}
