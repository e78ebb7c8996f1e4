package emit

import (
	"reflect"
	"regexp"
	"testing"
)

// FuzzMatches compares what stands out for a pattern with the matches of package regexp.
func FuzzMatches(f *testing.F) {
	for _, pattern := range []string{"e", "aa", "", "a|b", "(?i)e", "\ufffd", "^e", "e$", "\\.", "\u00e9", "(e)", "\\bee", "\\xff"} {
		for _, line := range []string{"", "eee", "aaaaa", "\xff\xc3e\ufffd.", "\u00e9e", "\xc3\xc3\xa9"} {
			f.Add(pattern, []byte(line))
		}
	}
	f.Fuzz(func(t *testing.T, pattern string, line []byte) {
		re, err := regexp.Compile(pattern)
		if err != nil {
			t.Skip()
		}
		got := spans(line, []*regexp.Regexp{re})
		var want [][]int
		for _, m := range re.FindAllIndex(line, -1) {
			if last := len(want) - 1; last >= 0 && m[0] < m[1] && want[last][1] == m[0] {
				want[last][1] = m[1]
			} else if m[0] < m[1] {
				want = append(want, m)
			}
		}
		if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%q in %q: %v, want %v", pattern, line, got, want)
		}
	})
}
