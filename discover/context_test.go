package discover

import "testing"

func TestSplitList(t *testing.T) {
	for _, test := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"a", []string{"a"}},
		{" a ,,b,", []string{"a", "b"}},
		{"/a{1,2}/", []string{"/a{1,2}/"}},
		{"/a{1,2}/,b,!/c,d/,e", []string{"/a{1,2}/", "b", "!/c,d/", "e"}},
		{"/a,b", []string{"/a", "b"}},
		{"!a,! /x,y/", []string{"!a", "! /x,y/"}},
		{"/,/", []string{"/,/"}},
		{"//,b/", []string{"//", "b/"}},
		{"//,b/,c", []string{"//", "b/", "c"}},
		{"a/b,c/d", []string{"a/b", "c/d"}},
	} {
		equal(t, test.in, splitList(test.in), test.want)
	}
}

func TestPattern(t *testing.T) {
	for _, test := range []struct {
		pattern, context string
		want             bool
	}{
		{"prod", "prod", true},
		{"prod", "prod2", false},
		{"prod.eu", "prod-eu", false},
		{"*", "a/b\nc", true},
		{"p?d", "pöd", true},
		{"bücher*", "bücher-1", true},
		{"[a-c]x", "bx", true},
		{"[!a-c]x", "bx", false},
		{"[^a-c]x", "dx", true},
		{"[[]x", "[x", true},
		{"[", "[", true},
		{"[]x", "[]x", true},
		{"a[b*", "a[bc", true},
		{"a[b*", "abc", false},
		{"[]*", "[]x", true},
		{"[!]*", "[!]x", true},
		{"[!a-c]x", "!x", true},
		{"[!!]x", "!x", false},
		{"[^^]x", "^x", false},
		{"[a^]x", "^x", true},
		{`[\\]x`, `\x`, true},
		{"?", "", false},
		{"a?*", "a", false},
		{"*a", "ba", true},
		{"*a", "bab", false},
		{"/^p/", "prod", true},
		{"/^P/", "prod", false},
		{"/(?i)^P/", "prod", true},
		{"//", "a", false},
		{"file/prod", "prod", true},
		{"fi*/p*", "prod", true},
	} {
		all, err := contextPatterns([]string{test.pattern})
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %v, %v", test.pattern, all, err)
			continue
		}
		if got := all[0].matches(entry{&file{path: "dir/file.yaml"}, test.context}); got != test.want {
			t.Errorf("%s matches %q: %v", test.pattern, test.context, got)
		}
	}
}
