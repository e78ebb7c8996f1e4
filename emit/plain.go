package emit

import (
	"bytes"
	"slices"
	"strings"
)

const escape = 0x1b

// Plain returns text without its escape sequences (ECMA-48: colours, moves of the cursor, titles, links): what patterns and parsers
// look at. Without any it is text itself, for the cost of looking for one byte.
func Plain(text []byte) []byte {
	if bytes.IndexByte(text, escape) < 0 {
		return text
	}
	plain := make([]byte, 0, len(text))
	for _, p := range pieces(text) {
		plain = append(plain, text[p.from:p.to]...)
	}
	return plain
}

// plainText is Plain for a string.
func plainText(text string) string {
	if strings.IndexByte(text, escape) < 0 {
		return text
	}
	return string(Plain([]byte(text)))
}

// piece is a part of a text between escape sequences.
type piece struct {
	from, to int
	plain    int // where it begins in the text without sequences
}

// pieces returns the parts of a text between its escape sequences, in order. None is empty.
func pieces(text []byte) (all []piece) {
	from, plain := 0, 0
	end := func(to int) {
		if to > from {
			all = append(all, piece{from, to, plain})
			plain += to - from
		}
	}
	for at := 0; ; {
		next := bytes.IndexByte(text[at:], escape)
		if next < 0 {
			break
		}
		at += next
		n := escapeSequence(text[at:])
		if n == 0 { // it stays
			at++
			continue
		}
		end(at)
		at += n
		from = at
	}
	end(len(text))
	return all
}

// escapeSequence returns the length of the escape sequence at the start of s, which begins with ESC; 0 if there is none, or not all of it.
func escapeSequence(s []byte) int {
	within := func(at int, low, high byte) int {
		for at < len(s) && s[at] >= low && s[at] <= high {
			at++
		}
		return at
	}
	final := func(at int, low byte) int {
		if at < len(s) && s[at] >= low && s[at] <= '~' {
			return at + 1
		}
		return 0
	}
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '[':
		return final(within(within(2, '0', '?'), ' ', '/'), '@')
	case ']', 'P', 'X', '^', '_': // a text, up to BEL or ESC \
		end := bytes.IndexAny(s[2:], "\a\x1b")
		switch at := end + 2; {
		case end < 0:
			return 0
		case s[at] == '\a':
			return at + 1
		case at+1 < len(s) && s[at+1] == '\\':
			return at + 2
		}
		return 0
	}
	return final(within(1, ' ', '/'), '0')
}

// spansOf returns the parts of a text that match, in order, without overlaps. The patterns see it without its escape sequences; no part
// begins or ends within one.
func spansOf(text []byte, find func(plain []byte) [][]int) [][]int {
	if bytes.IndexByte(text, escape) < 0 {
		return find(text)
	}
	parts := pieces(text)
	var plain []byte
	for _, p := range parts {
		plain = append(plain, text[p.from:p.to]...)
	}
	found := find(plain)
	// at returns where a byte of plain is in text.
	at := func(i int) int {
		n, exact := slices.BinarySearchFunc(parts, i, func(p piece, i int) int { return p.plain - i })
		if !exact {
			n--
		}
		return parts[n].from + i - parts[n].plain
	}
	for _, s := range found {
		s[0], s[1] = at(s[0]), at(s[1]-1)+1
	}
	return found
}
