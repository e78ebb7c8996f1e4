package position_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"mktail/tail/position"
)

// stream passes lines to a cursor without stamps and returns those that are new, up to the first that does not overlap.
func stream(u *position.Unstamped, lines []string) (fresh []string, overlaps bool) {
	for _, l := range lines {
		switch u.Add(7, position.Hash(0, []byte(l), 0)) {
		case position.Fresh:
			fresh = append(fresh, l)
		case position.NoOverlap:
			return fresh, false
		}
	}
	return fresh, true
}

func numbered(from, to int) (lines []string) {
	for i := from; i < to; i++ {
		lines = append(lines, fmt.Sprint("line ", i))
	}
	return lines
}

// restored returns a cursor as the next run has it.
func restored(t *testing.T, u *position.Unstamped) *position.Unstamped {
	t.Helper()
	text, err := json.Marshal(u.Save())
	if err != nil {
		t.Fatal(err)
	}
	var s position.SavedUnstamped
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s.Unstamped()
}

func TestUnstamped(t *testing.T) {
	same := slices.Repeat([]string{"tick"}, 100)
	for name, tt := range map[string]struct {
		first, then []string
		search      bool
		fresh       []string
		overlaps    bool
		caughtUp    bool
	}{
		"nothing new":                   {first: numbered(0, 50), then: numbered(0, 50), overlaps: true, caughtUp: true},
		"new lines":                     {first: numbered(0, 50), then: numbered(0, 60), fresh: numbered(50, 60), overlaps: true, caughtUp: true},
		"few lines":                     {first: numbered(0, 2), then: numbered(0, 4), fresh: numbered(2, 4), overlaps: true, caughtUp: true},
		"the same line":                 {first: same[:40], then: same, fresh: same[40:], overlaps: true, caughtUp: true},
		"cut short":                     {first: numbered(0, 50), then: numbered(0, 49), overlaps: true},
		"another log":                   {first: numbered(0, 50), then: numbered(100, 200)},
		"another log that begins alike": {first: numbered(0, 50), then: append(numbered(0, 45), "other"), overlaps: false},
		"another first line":            {first: numbered(0, 50), then: append([]string{"other"}, numbered(1, 50)...)},
		"another among the last":        {first: numbered(0, 50), then: slices.Concat(numbered(0, 50-position.MaxLast), []string{"other"}, numbered(35, 50))},
		"rotated, looked for":           {first: numbered(0, 50), then: numbered(20, 60), search: true, fresh: numbered(50, 60), overlaps: true, caughtUp: true},
		"rotated away, looked for":      {first: numbered(0, 50), then: numbered(50, 60), search: true, overlaps: true},
		"the last lines, looked for":    {first: numbered(0, 50), then: numbered(50-position.MaxLast, 51), search: true, fresh: numbered(50, 51), overlaps: true, caughtUp: true},
	} {
		t.Run(name, func(t *testing.T) {
			u := new(position.Unstamped)
			if u.Started() || u.Newest() != 0 || !u.CaughtUp() {
				t.Error("begun before the first line")
			}
			if fresh, ok := stream(u, tt.first); !ok || !slices.Equal(fresh, tt.first) || !u.Started() || u.Newest() != 7 {
				t.Errorf("first stream: %q, %v, newest %d", fresh, ok, u.Newest())
			}
			for name, u := range map[string]*position.Unstamped{"kept": u.Clone(), "restored": restored(t, u)} {
				if tt.search {
					u.Search()
				} else {
					u.Reopen()
				}
				fresh, overlaps := stream(u, tt.then)
				if !slices.Equal(fresh, tt.fresh) || overlaps != tt.overlaps || u.CaughtUp() != tt.caughtUp {
					t.Errorf("%s: %q, overlaps %v, caught up %v", name, fresh, overlaps, u.CaughtUp())
				}
				u.Reopen() // the next stream finds what this one did
				if fresh, overlaps := stream(u, tt.then); tt.caughtUp && (len(fresh) > 0 || !overlaps) {
					t.Errorf("%s, once more: %q, overlaps %v", name, fresh, overlaps)
				}
			}
		})
	}
	u := new(position.Unstamped)
	if stream(u, numbered(0, 1)); !u.Started() {
		t.Error("not started with one line")
	}
	stream(u, numbered(1, 50))
	if n := len(u.Save().Last); n != 8*16 {
		t.Errorf("%d bytes are kept of the last lines", n)
	}
	stream(u.Clone(), numbered(50, 60))
	u.Reopen()
	if _, overlaps := stream(u, numbered(0, 50)); !overlaps {
		t.Error("changed by its clone")
	}
	if u.Forget(); u.Started() {
		t.Error("not forgotten")
	}
	if (position.SavedUnstamped{Count: 1, Last: make([]byte, 15)}).Unstamped() == nil { // of a damaged file
		t.Error("none")
	}
}

// TestUnstampedHead: lines were removed in the midst of those that were seen last.
func TestUnstampedHead(t *testing.T) {
	for _, left := range []int{1, 3, 4, 15} {
		u := new(position.Unstamped)
		stream(u, numbered(0, 50))
		u.Search()
		then := numbered(50-left, 60)
		stream(u, then)
		if ok := u.TakeHead(); ok != (left > 3) {
			t.Errorf("%d lines left: %v", left, ok)
		} else if fresh, overlaps := stream(u, then); ok && (!slices.Equal(fresh, numbered(50, 60)) || !overlaps || !u.CaughtUp()) {
			t.Errorf("%d lines left: got %q, overlaps %v", left, fresh, overlaps)
		}
	}
}

func TestUnstampedDoubt(t *testing.T) {
	for _, n := range []int{0, 1, 3, 50} {
		u := new(position.Unstamped)
		stream(u, append(numbered(0, n), "failed"))
		u.Doubt()
		doubted := u.Clone()
		u.Reopen()
		if fresh, overlaps := stream(u, numbered(0, n+5)); !overlaps || !slices.Equal(fresh, numbered(n, n+5)) || !u.CaughtUp() {
			t.Errorf("after %d lines another one: got %q, overlaps %v", n, fresh, overlaps)
		}
		doubted.Reopen()
		if fresh, overlaps := stream(doubted, append(numbered(0, n), "failed", "next")); !overlaps || !slices.Equal(fresh, []string{"next"}) {
			t.Errorf("after %d lines the same one: got %q, overlaps %v", n, fresh, overlaps)
		}
		doubted.Reopen()
		if _, overlaps := stream(doubted, append(numbered(0, n), "another")); overlaps {
			t.Errorf("after %d lines the doubt remains", n)
		}
	}
}

func TestUnstampedEnds(t *testing.T) {
	const n = position.MaxLast
	blocks := slices.Repeat(numbered(0, 4), 20)
	for name, tt := range map[string]struct {
		seen, log []string
		all       bool // the log is sent whole, however many lines are asked for
		ends      bool
		near      bool
	}{
		"at the end":                 {seen: numbered(0, 50), log: numbered(0, 50), ends: true, near: true},
		"one more line":              {seen: numbered(0, 50), log: numbered(0, 51), near: true},
		"many more lines":            {seen: numbered(0, 50), log: numbered(0, 51+n)},
		"a short log":                {seen: numbered(0, 3), log: numbered(0, 3), ends: true, near: true},
		"a short log, one more line": {seen: []string{"tick"}, log: []string{"tick", "tick"}, near: true},
		"the same lines":             {seen: blocks[:40], log: blocks[:44], near: true},
		"all of the same lines":      {seen: blocks[:40], log: blocks[:40], all: true, ends: true, near: true},
		"all of more lines":          {seen: blocks[:40], log: blocks[:44], all: true, near: true},
		"behind a part of a line":    {seen: numbered(0, 50), log: append([]string{"ne 33"}, numbered(34, 50)...), ends: true, near: true},
		"nothing":                    {log: numbered(0, 3)},
		"nothing, of nothing":        {ends: true},
	} {
		u := new(position.Unstamped)
		stream(u, tt.seen)
		sent := tt.log
		if !tt.all {
			sent = sent[max(0, len(sent)-n-1):]
		}
		var tail []uint64
		for _, l := range sent {
			tail = position.Tail(tail, position.Hash(0, []byte(l), 0))
		}
		if ends, near := u.Ends(tail, len(sent)), u.Near(tail); ends != tt.ends || near != tt.near {
			t.Errorf("%s: ends %v, near %v", name, ends, near)
		}
	}
}
