package emit

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file decides what a terminal may be given of a text: see steers for runes, and style for colours.

// visible writes one line of text such that it cannot steer a terminal: what could is written as an escape. Line breaks are not kept.
// The zero value has no colours.
type visible struct {
	color bool // complete colour sequences pass, see style
	json  bool // escapes are those of JSON: \uHHHH, and \ufffd for invalid UTF-8; else \xHH, \uHHHH and \UHHHHHHHH, and U+FFFD

	base   style // what the text's own reset returns to
	own    style // what the text has asked for
	marked bool  // the text is highlighted, over its own style
	now    style // what the terminal has
	passed bool  // a colour sequence was written
}

// append appends s, which may be a part of the line.
func (v *visible) append(dst, s []byte) []byte {
	for at := 0; at < len(s); {
		if n := plainPrefix(s[at:]); n > 0 {
			if v.passed {
				dst = v.restyle(dst)
			}
			dst = append(dst, s[at:at+n]...)
			if at += n; at == len(s) {
				break
			}
		}
		switch c := s[at]; {
		case c == '"', c == '\\': // plainPrefix is for JSON
			if v.passed {
				dst = v.restyle(dst)
			}
			dst = append(dst, c)
			at++
			continue
		case c == escape && v.color:
			var ok bool
			n := colorSequence(s[at:])
			if n == 0 {
				break
			}
			if dst, ok = v.sequence(dst, s[at+2:at+n-1]); ok {
				at += n
				continue
			}
		}
		if v.passed {
			dst = v.restyle(dst)
		}
		r, size := utf8.DecodeRune(s[at:])
		switch {
		case r == '\t':
			dst = append(dst, '\t')
		case r == utf8.RuneError && size == 1:
			dst = v.invalid(dst)
		case r < 0xa0, steers(r) && !joins(s[:at], r, s[at+size:]):
			dst = v.escape(dst, r)
		default:
			dst = append(dst, s[at:at+size]...)
		}
		at += size
	}
	return dst
}

// end appends the reset that ends the colours of a line, if there were any.
func (v *visible) end(dst []byte) []byte {
	if v.passed {
		dst = append(dst, colorReset...)
	}
	v.own, v.now, v.passed = v.base, style{}, false
	return dst
}

func (v *visible) invalid(dst []byte) []byte {
	if v.json {
		return append(dst, `\ufffd`...)
	}
	return append(dst, "\uFFFD"...)
}

func (v *visible) escape(dst []byte, r rune) []byte {
	switch {
	case r < 0xa0 && !v.json:
		return append(dst, '\\', 'x', hexDigits[r>>4], hexDigits[r&15])
	case r <= 0xffff:
		return append(dst, '\\', 'u', hexDigits[r>>12], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
	case v.json: // a pair of surrogates
		r -= 0x10000
		return v.escape(v.escape(dst, 0xd800+r>>10), 0xdc00+r&0x3ff)
	}
	dst = append(dst, '\\', 'U', '0', '0')
	for shift := 20; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[r>>shift&15])
	}
	return dst
}

// steers reports whether a rune from U+00A0 on moves, reorders or hides text, or is not seen at all: line separators, the
// bidirectional controls with which a log could show other text than it has (CVE-2021-42574), and all else that Unicode calls a format
// character or default ignorable, among them the tags of U+E0000. Those that only stand before digits are seen.
func steers(r rune) bool {
	switch {
	case r < 0x34f:
		return r == 0xad
	case r < 0x200b:
		return r == 0x34f || r == 0x61c || r == 0x115f || r == 0x1160 || r == 0x17b4 || r == 0x17b5 || r >= 0x180b && r <= 0x180f
	case r < 0x2070:
		return r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2060
	case r < 0xfe00:
		return r == 0x3164
	case r < 0x13430:
		return r <= 0xfe0f || r == 0xfeff || r == 0xffa0 || r >= 0xfff0 && r <= 0xfffb
	}
	return r <= 0x1343f || r >= 0x1bca0 && r <= 0x1bca3 || r >= 0x1d173 && r <= 0x1d17a || r >= 0xe0000 && r <= 0xe0fff
}

// joining are the scripts in whose words a joiner or non-joiner chooses how letters look.
var joining = []*unicode.RangeTable{
	unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mongolian, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi,
	unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala,
	unicode.Tibetan, unicode.Myanmar, unicode.Khmer,
}

// joins reports whether a rune that would be shown otherwise is needed where it stands: a joiner within a word of a script that has
// them or within an emoji, or the variation selector of an emoji.
func joins(before []byte, r rune, after []byte) bool {
	if r != 0x200c && r != 0x200d && r != 0xfe0e && r != 0xfe0f {
		return false
	}
	last, _ := utf8.DecodeLastRune(before)
	next, _ := utf8.DecodeRune(after)
	switch {
	case last == utf8.RuneError: // nothing is before it
		return false
	case r >= 0xfe0e:
		keycap := last == '#' || last == '*' || last >= '0' && last <= '9'
		return pictograph(last) || strings.ContainsRune("©®‼⁉™ℹ〰〽", last) || keycap && next == 0x20e3
	case unicode.In(last, joining...):
		return unicode.In(next, joining...)
	}
	skin := last >= 0x1f3fb && last <= 0x1f3ff
	return r == 0x200d && (skin || last == 0xfe0f || pictograph(last)) && pictograph(next)
}

// pictograph reports whether a rune may be an emoji of its own accord or by a variation selector. Signs before U+2190, such as = or ¦,
// are none, and few mathematical symbols are (Unicode's emoji-variation-sequences.txt).
func pictograph(r rune) bool {
	return r >= 0x2190 && r != utf8.RuneError && unicode.Is(unicode.So, r) || r == '↔' || r >= 0x25fb && r <= 0x25fe
}

// appendVisible appends a line as visible does, and ends its colours.
func appendVisible(dst, s []byte, color bool) []byte {
	v := visible{color: color}
	return v.end(v.append(dst, s))
}

// AppendVisible appends s to dst with everything that could steer a terminal made visible as \xHH, \uHHHH or \UHHHHHHHH, and with
// invalid UTF-8 as U+FFFD. Tabs stay; newlines and colour sequences do not.
func AppendVisible(dst, s []byte) []byte { return appendVisible(dst, s, false) }

// AppendVisibleJSON is AppendVisible for JSON on one line, which stays JSON of the same value.
func AppendVisibleJSON(dst, s []byte) []byte {
	v := visible{json: true}
	return v.append(dst, s)
}

// Visible is AppendVisible for messages that quote what others wrote.
func Visible(s string) string { return string(AppendVisible(nil, []byte(s))) }
