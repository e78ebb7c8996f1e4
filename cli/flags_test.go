package cli

import (
	"math"
	"testing"
)

func TestOwnStreams(t *testing.T) {
	for value, want := range map[string]int{"auto": 32, "always": 0, "never": math.MaxInt32} {
		if got := (&flags{HTTP2: value}).ownStreams(); got != want {
			t.Errorf("%s: %d streams have a connection each, want %d", value, got, want)
		}
	}
}
