package main

import (
	"strings"
	"testing"
)

func TestParseList(t *testing.T) {
	for _, test := range []struct{ text, fails string }{
		{"# a comment\n\nx f: a < b\n    speed: it looks twice\n", ""},
		{"x\ny\n  hole: z\n", "line 2: x has no reason"},
		{"x\n", "x has no reason"},
		{"  hole: z\n", "line 1: a reason without a mutant"},
		{"x\n  hole: z\n  hole: z\n", "line 3: a reason without a mutant"},
		{"x\n  hole\n", "line 2: write equivalent, speed or hole"},
		{"x\n  why: z\n", "line 2: write equivalent, speed or hole"},
		{"x\n  hole: z\nx\n", "line 3: x is listed twice"},
	} {
		all, err := parseList(test.text)
		switch {
		case test.fails == "" && (err != nil || all["x f: a < b"] != listed{"speed", "it looks twice"}):
			t.Errorf("%q: %v, %v", test.text, all, err)
		case test.fails != "" && (err == nil || !strings.HasPrefix(err.Error(), test.fails)):
			t.Errorf("%q: error %v, want %s", test.text, err, test.fails)
		}
	}
}
