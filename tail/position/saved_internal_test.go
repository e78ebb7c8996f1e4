package position

import (
	"testing"
	"time"
)

// Of lines that were only counted, too, those that have come again are no repeats in the next run.
func TestSavedKeepsOlderCount(t *testing.T) {
	ahead := new(Cursor)
	stamp := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano()
	for i := range uint64(MaxHashes + 10) {
		ahead.Add(stamp, i)
	}
	older := ahead.Next().older
	for i := range uint64(MaxHashes + 4) {
		older.overlap = true // as a stream has it that came again
		if !older.again(stamp, i) {
			t.Fatalf("line %d is no repeat", i)
		}
	}
	saved := older.SavePending()
	restored := saved.Cursor()
	restored.Reopen()
	restored.overlap, older.overlap = true, true
	for i := range uint64(10) {
		if was, is := older.again(stamp, MaxHashes+4+i), restored.again(stamp, MaxHashes+4+i); was != is {
			t.Errorf("line %d: a repeat %v, restored %v", MaxHashes+4+i, was, is)
		}
	}
}
