package position_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"mktail/tail/position"
)

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
	data, err := json.Marshal(c.Save())
	if err != nil {
		t.Fatal(err)
	}
	var s position.Saved
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	again := s.Cursor()
	again.Reopen()
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
