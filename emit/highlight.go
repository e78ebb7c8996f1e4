package emit

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Highlighted text is bold and red. After it comes the default colour, or the application's own.
const (
	highlightOn  = "\x1b[1;31m"
	highlightOff = "\x1b[22;39m"
)

// highlighted returns a style with highlightOn, and without a ground that is red as well.
func highlighted(s style) style {
	s.attributes |= attribute(1)
	if s.ink = paletteColor(1); s.ground == s.ink {
		s.ground = 0
	}
	return s
}

// appendHighlighted is appendVisible with colours, and with all matches highlighted. After a match the line's own style is restored.
func appendHighlighted(dst, line []byte, all []*regexp.Regexp) []byte {
	v := visible{color: true}
	at := 0
	for _, span := range spansOf(line, func(plain []byte) [][]int { return spans(plain, all) }) {
		dst = v.append(dst, line[at:span[0]])
		ground := v.now.ground
		dst = append(dst, highlightOn...)
		if v.marked, v.now = true, highlighted(v.now); v.now.ground != ground {
			dst = append(dst, "\x1b[49m"...)
		}
		dst = v.append(dst, line[span[0]:span[1]])
		dst = append(dst, highlightOff...)
		v.marked = false
		v.now.clear(1, 2)
		v.now.ink = 0
		at = span[1]
	}
	dst = v.append(dst, line[at:])
	return v.end(dst)
}

// appendMatches appends re.FindAllIndex(line, -1). Matches of a pattern that is only text are found without the engine, and are joined
// where they touch.
func appendMatches(found [][]int, line []byte, re *regexp.Regexp) [][]int {
	text, only := re.LiteralPrefix()
	if !only || text == "" || strings.ContainsRune(text, utf8.RuneError) { // which the engine also finds in invalid UTF-8
		return append(found, re.FindAllIndex(line, -1)...)
	}
	sought, before := []byte(text), len(found)
	for at := 0; ; {
		n := bytes.Index(line[at:], sought)
		if n < 0 {
			return found
		}
		begin := at + n
		if at = begin + len(sought); n == 0 && begin > 0 && len(found) > before {
			found[len(found)-1][1] = at
			continue
		}
		found = append(found, []int{begin, at})
	}
}

// spans returns the parts of a line that match, in order, without overlaps. None is empty.
func spans(line []byte, all []*regexp.Regexp) [][]int {
	var found [][]int
	for _, re := range all {
		found = appendMatches(found, line, re)
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
