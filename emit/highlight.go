package emit

import (
	"cmp"
	"regexp"
	"slices"
)

// Highlighted text is bold and red. After it comes the default colour, or the application's own.
const (
	highlightOn  = "\x1b[1;31m"
	highlightOff = "\x1b[22;39m"
)

// appendHighlighted is appendVisible with colours, and with all matches highlighted.
func appendHighlighted(dst, line []byte, all []*regexp.Regexp) []byte {
	var colored []byte
	at := 0
	plain := func(to int) {
		var last []byte
		dst, last = appendSafe(dst, line[at:to], true)
		if last != nil {
			colored = last
		}
		at = to
	}
	for _, span := range spansOf(line, func(plain []byte) [][]int { return spans(plain, all) }) {
		plain(span[0])
		dst = append(dst, highlightOn...)
		plain(span[1])
		dst = append(dst, highlightOff...)
		dst = append(dst, colored...)
	}
	plain(len(line))
	if colored != nil {
		dst = append(dst, colorReset...)
	}
	return dst
}

// spans returns the parts of a line that match, in order, without overlaps. None is empty.
func spans(line []byte, all []*regexp.Regexp) [][]int {
	var found [][]int
	for _, re := range all {
		found = append(found, re.FindAllIndex(line, -1)...)
	}
	slices.SortFunc(found, func(a, b []int) int { return cmp.Compare(a[0], b[0]) })
	apart := found[:0]
	for _, s := range found {
		switch last := len(apart) - 1; {
		case s[0] >= s[1]: // empty
		case last >= 0 && s[0] <= apart[last][1]:
			apart[last][1] = max(apart[last][1], s[1])
		default:
			apart = append(apart, s)
		}
	}
	return apart
}
