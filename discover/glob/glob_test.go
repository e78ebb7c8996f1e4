package glob_test

import (
	"testing"

	"mktail/discover/glob"
)

func TestIs(t *testing.T) {
	for word, want := range map[string]bool{
		"": false, "shop": false, `domain\user`: false, "a{b,c}": false, "!shop": false, "*": true, "sho?": true, "[ab]": true, "[": true,
	} {
		if got := glob.Is(word); got != want {
			t.Errorf("%q: %v", word, got)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"shop-*", "shop-1", true}, {"shop-*", "shop", false}, {"shop", "shop", true}, {"shop", "shops", false},
		{"sho?", "shop", true}, {"[a-c]", "b", true}, {`\*`, "*", true}, {"[", "[", false},
	} {
		if got := glob.Match(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q and %q: %v", tt.pattern, tt.name, got)
		}
	}
}

func TestCheck(t *testing.T) {
	for pattern, valid := range map[string]bool{"": true, "shop-*": true, "[a": false, `\`: false} {
		if err := glob.Check(pattern); (err == nil) != valid {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}
