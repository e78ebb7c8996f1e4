package position_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"mktail/tail/position"
)

// reload returns a cursor as the next run gets it.
func reload(t *testing.T, c *position.Cursor) *position.Cursor {
	t.Helper()
	data, err := json.Marshal(c.Save())
	if err != nil {
		t.Fatal(err)
	}
	var s position.Saved
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s.Cursor()
}

// What is saved of a cursor is all that it remembers, whatever the present stream has repeated of it.
func TestSave(t *testing.T) {
	c := new(position.Cursor)
	c.Clip()
	for i := range uint64(5) {
		c.Add(at+int64(i)*second, 10+i)
	}
	c.Add(at+4*second, 20)
	c.Loosen()
	hashes := func(all ...uint64) (b []byte) {
		for _, h := range all {
			b = binary.LittleEndian.AppendUint64(b, h)
		}
		return b
	}
	want := position.Saved{First: at, Newest: at + 4*second, Last: 20, LastAt: at + 4*second, Part: true, Clipped: true, Loose: true, Seconds: []position.SavedSecond{
		{Unix: at / second, Hashes: hashes(10)}, {Unix: at/second + 1, Hashes: hashes(11)}, {Unix: at/second + 2, Hashes: hashes(12)}, {Unix: at/second + 3, Hashes: hashes(13)}, {Unix: at/second + 4, Hashes: hashes(14, 20)}}}
	if got := c.Save(); !reflect.DeepEqual(got, want) {
		t.Errorf("saved %+v, want %+v", got, want)
	}
	if got := want.Cursor().Save(); !reflect.DeepEqual(got, want) {
		t.Errorf("loaded and saved %+v, want %+v", got, want)
	}
	if got := c.SavePending(); !reflect.DeepEqual(got, want) {
		t.Errorf("pending before it is reopened %+v, want %+v", got, want)
	}
	c.Reopen(true)
	c.Add(at, 10)
	if got := c.Save(); !reflect.DeepEqual(got, want) {
		t.Errorf("after a repeated line %+v, want %+v", got, want)
	}
	for i, hash := range []uint64{11, 12, 13, 14, 20} {
		c.Add(at+int64(min(1+i, 4))*second, hash)
	}
	want.Loose = false // the log holds the line seen last
	if got := c.SavePending(); !c.CaughtUp() || !reflect.DeepEqual(got, want) {
		t.Errorf("pending once it has caught up %+v, want %+v", got, want)
	}
	if empty := new(position.Cursor).Save(); !reflect.DeepEqual(empty, position.Saved{}) || empty.Cursor().Started() {
		t.Errorf("an empty cursor is saved as %+v", empty)
	}
}

// A piece of a hash at the end of what was saved is left out.
func TestSavedTorn(t *testing.T) {
	for _, n := range []int{0, 7, 8, 15} {
		s := position.Saved{First: at, Newest: at, Seconds: []position.SavedSecond{{Unix: at / second, Hashes: make([]byte, n)}}}
		if lines, _ := s.Cursor().Kept(); lines != n/8 {
			t.Errorf("%d lines of %d bytes", lines, n)
		}
	}
}

// Of many lines of one second that were seen as another instance's, those that came again, and only those, are new when
// they come once more in the next run.
func TestSavedKeepsEachPendingLine(t *testing.T) {
	const lines = 200
	marks := []uint64{0, 63, 64, 65, 127, 128, lines - 1} // around the ends of words of 64 bits
	for _, mark := range marks {
		for _, alone := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d came again: %v", mark, alone), func(t *testing.T) {
				ahead := new(position.Cursor)
				for i := range uint64(lines) {
					ahead.Add(at, i)
				}
				c := ahead.Next()
				var came []uint64
				for i := range uint64(lines) {
					if (i == mark) == alone {
						came = append(came, i)
						if v := c.Add(at, i); v != position.Repeat {
							t.Fatalf("line %d: %v, want repeat", i, v)
						}
					}
				}
				c = reload(t, c)
				c.Reopen(false)
				for _, i := range came { // the stream repeats them
					if v := c.Add(at, i); v != position.Repeat {
						t.Errorf("line %d of the reopened stream: %v, want repeat", i, v)
					}
				}
				for i := range uint64(lines) {
					want := position.Repeat
					if slices.Contains(came, i) {
						want = position.Fresh
					}
					if v := c.Add(at, i); v != want {
						t.Errorf("line %d: %v, want %v", i, v, want)
					}
				}
			})
		}
	}
}

// What was read as another instance's log is known as a repeat in the next run, too, as far as it has not come again.
func TestSavedKeepsOlder(t *testing.T) {
	lines := make([]uint64, 20)
	ahead := new(position.Cursor)
	stamp := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano()
	for i := range lines {
		lines[i] = position.Hash(stamp, fmt.Appendf(nil, "line %d", i), 0)
		ahead.Add(stamp, lines[i])
	}
	c := ahead.Next()
	for _, hash := range lines[:10] {
		c.Add(stamp, hash)
	}
	again := reload(t, c)
	again.Reopen(false)
	for i, hash := range lines {
		if v := again.Add(stamp, hash); v != position.Repeat {
			t.Errorf("line %d: verdict %d", i, v)
		}
	}
	if v := again.Add(stamp, lines[0]); v != position.Fresh {
		t.Errorf("a line like one that came again before: verdict %d", v)
	}
	if v := again.Add(stamp, position.Hash(stamp, []byte("new"), 0)); v != position.Fresh {
		t.Errorf("a new line: verdict %d", v)
	}
}

// A log that begins with an end of the line seen last goes on after that line, and only if the stream has the log's first line. In the next
// run, too; and files that hold the line as a whole go on there as well.
func TestTorn(t *testing.T) {
	rest := position.Hash(at+second, []byte("rest"), 0)
	for name, tt := range map[string]struct {
		cut   bool
		stamp int64
		hash  uint64
		want  position.Verdict
	}{
		"the rest":                {false, at + second, rest, position.Repeat},
		"perhaps a later line":    {true, at + second, rest, position.NoOverlap},
		"another line":            {false, at + second, position.Hash(at+second, []byte("other"), 0), position.NoOverlap},
		"the rest, cut elsewhere": {false, at + second, position.Hash(at+second, []byte("rest"), 1), position.NoOverlap},
		"another line's rest":     {false, at + 3*second, position.Hash(at+3*second, []byte("rest"), 0), position.NoOverlap},
	} {
		t.Run(name, func(t *testing.T) {
			c := seen(0, step{hash: 1}, step{hash: 2})
			c.Torn([]position.Rest{{Hash: position.Hash(0, []byte("st"), 0), At: at + second}, {Hash: position.Hash(0, []byte("rest"), 0), At: at + second + second/2}})
			c = reload(t, c)
			c.Reopen(tt.cut)
			if got := c.Add(tt.stamp, tt.hash); got != tt.want || c.CaughtUp() != (got == position.Repeat) {
				t.Fatalf("%v, caught up %v", got, c.CaughtUp())
			}
			if tt.want != position.Repeat {
				return
			}
			for _, whole := range []bool{false, true} {
				c := reload(t, c)
				c.Reopen(false)
				if whole {
					follow(t, c, step{0, 1, position.Repeat, false}, step{0, 2, position.Repeat, true}, step{0, 2, position.Fresh, true})
				} else {
					follow(t, c, step{second, rest, position.Repeat, true}, step{second, rest, position.Fresh, true})
				}
			}
		})
	}
}
