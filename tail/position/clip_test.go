package position_test

import (
	"testing"
	"time"

	"mktail/tail/position"
)

// at is a whole second, in Unix nanoseconds.
var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano()

const (
	ms     = int64(time.Millisecond)
	second = int64(time.Second)
	slack  = int64(position.Slack)
	skew   = int64(position.Skew)
)

// What the first stream left out is not new when a reopened stream brings it. What was left out is known only by about
// the node's clock: a first line up to Skew after the cutoff may be the first one that was served, or the log's first.
func TestClip(t *testing.T) {
	const unseen, seen = 1, 2
	for _, tt := range []struct {
		name   string
		tail   bool
		cutoff int64 // before the first line; 0: none
		stamp  int64 // of an unseen line, after the first line's
		want   position.Verdict
	}{
		{name: "nothing was left out", stamp: -1, want: position.NoOverlap},
		{name: "a line with the first one's stamp, nothing left out", stamp: 0, want: position.NoOverlap},
		{name: "before the last lines", tail: true, stamp: -1, want: position.Repeat},
		{name: "before the last lines, with the same stamp", tail: true, stamp: 0, want: position.Repeat},
		{name: "after the last lines", tail: true, stamp: 1, want: position.Fresh},
		{name: "after the last lines, just within the slack", tail: true, stamp: slack, want: position.Fresh},
		{name: "after the last lines, beyond the slack", tail: true, stamp: slack + 1, want: position.NoOverlap},
		{name: "before the cutoff", cutoff: 1, stamp: -2, want: position.Repeat},
		{name: "between the cutoff and the first line", cutoff: 2, stamp: -1, want: position.Repeat},
		{name: "with the first line's stamp", cutoff: 1, stamp: 0, want: position.Repeat},
		{name: "after the first line", cutoff: 1, stamp: 1, want: position.Fresh},
		{name: "the node's clock behind", cutoff: -skew, stamp: -1, want: position.Repeat},
		{name: "the node's clock ahead", cutoff: skew - 1, stamp: -1, want: position.Repeat},
		{name: "the node's clock ahead, a line with the same stamp", cutoff: skew - 1, stamp: 0, want: position.Repeat},
		{name: "the log begins after the cutoff", cutoff: skew, stamp: -1, want: position.NoOverlap},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first := at + second/2
			c := new(position.Cursor)
			cutoff := int64(0)
			if tt.cutoff != 0 {
				cutoff = first - tt.cutoff
			}
			c.Clip(tt.tail, cutoff)
			c.Add(first, seen)
			saved := c.Save()
			for name, c := range map[string]*position.Cursor{"as it was": c, "saved": saved.Cursor()} {
				c.Reopen()
				if got := c.Add(first+tt.stamp, unseen); got != tt.want {
					t.Errorf("%s: %v, want %v", name, got, tt.want)
				}
			}
		})
	}
}

// Once the stream has come to the first line, what is left out lies behind it.
func TestClipEndsAtFirstLine(t *testing.T) {
	c := new(position.Cursor)
	c.Clip(true, 0)
	c.Add(at, 1)
	c.Add(at, 2)
	c.Reopen()
	if got := c.Add(at, 1); got != position.Repeat {
		t.Errorf("the first line: %v, want repeat", got)
	}
	if got := c.Add(at, 3); got != position.Fresh {
		t.Errorf("an unseen line after the first: %v, want fresh", got)
	}
}

// A reopened stream that begins after the first line can't bring what was left out: a gap is seen.
func TestClipFarBehind(t *testing.T) {
	for _, tt := range []struct {
		name   string
		newest int64 // after the first line
		want   position.Verdict
	}{
		{"the stream begins at the first line", slack, position.Fresh},
		{"the stream begins after the first line", slack + second, position.NoOverlap},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := new(position.Cursor)
			c.Clip(true, 0)
			c.Add(at, 1)
			c.Add(at+tt.newest, 2)
			c.Reopen()
			if got := c.Add(at+tt.newest+1, 3); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
