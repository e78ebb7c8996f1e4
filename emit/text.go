package emit

import (
	"bytes"
	"regexp"
	"unicode/utf8"
)

// TextOptions are the options of text for people.
type TextOptions struct {
	Color      bool // colour the prefix, and let the application's own colour sequences through
	Namespace  bool // show the namespace
	Timestamps Timestamps
	Highlight  []*regexp.Regexp // with Color: highlight what matches in lines
	Palette    Palette

	Pretty bool // show the JSON objects of loggers as time, level, message and key=value; other lines stay as they are
}

// Text is the format for people: cluster, namespace, pod and container before the line. Control characters of the line are
// escaped, so that a log cannot steer the terminal. A carriage return at the end of the line is left out.
func Text(o TextOptions) Format {
	return func(src Source) Encode {
		head := o.prefix(src)
		return func(dst []byte, r *Record) []byte {
			dst = append(dst, head...)
			if r.Gap != nil {
				return r.Gap.appendText(dst)
			}
			dst = o.Timestamps.append(dst, r.Stamp)
			dst = o.appendLine(dst, bytes.TrimSuffix(r.Line, []byte{'\r'}))
			if r.Truncated {
				dst = append(dst, "…"...)
			}
			return append(dst, '\n')
		}
	}
}

func (o TextOptions) appendLine(dst, line []byte) []byte {
	if o.Pretty {
		if e, ok := readEntry(Plain(line)); ok {
			if o.Color && len(o.Highlight) > 0 { // the entry is escaped already
				return appendHighlighted(dst, e.appendText(nil, o.Color), o.Highlight)
			}
			return e.appendText(dst, o.Color)
		}
	}
	if o.Color && len(o.Highlight) > 0 {
		return appendHighlighted(dst, line, o.Highlight)
	}
	return appendVisible(dst, line, o.Color)
}

func (g *Gap) appendText(dst []byte) []byte {
	dst = append(dst, "··· lines may be missing"...)
	if g.From != "" {
		dst = append(append(dst, " from "...), g.From...)
	}
	if g.To != "" {
		dst = append(append(dst, " to "...), g.To...)
	}
	dst = appendVisible(append(dst, ": "...), []byte(g.Reason), false)
	return append(dst, " ···\n"...)
}

func (o TextOptions) prefix(src Source) []byte {
	var head []byte
	add := func(s, color string) {
		if s == "" {
			return
		}
		head = append(head, paint(color).on(Visible(s), o.Color)...)
		head = append(head, ' ')
	}
	cluster := colorOf(src.Cluster, o.Palette.Clusters)
	add(src.Cluster, cluster)
	if o.Namespace {
		add(src.Namespace, cluster)
	}
	pod, container := o.Palette.ofPod(src)
	add(src.Pod, pod)
	add(src.Container, container)
	return head
}

// appendVisible appends s with invalid UTF-8 as U+FFFD, and with everything that could steer a terminal as \xHH or \uHHHH: C0
// except tab, DEL, C1, bidirectional controls and line separators. With color, complete colour sequences (ESC [ … m) stay, and
// are reset at the end.
func appendVisible(dst, s []byte, color bool) []byte {
	dst, colored := appendSafe(dst, s, color)
	if colored != nil {
		dst = append(dst, colorReset...)
	}
	return dst
}

// appendSafe is appendVisible without the reset at the end. colored is the last colour sequence of s; nil: there was none.
func appendSafe(dst, s []byte, color bool) (out, colored []byte) {
	for len(s) > 0 {
		n := plainPrefix(s)
		dst = append(dst, s[:n]...)
		s = s[n:]
		if len(s) == 0 {
			break
		}
		if n := colorSequence(s); color && n > 0 {
			dst = append(dst, s[:n]...)
			colored = s[:n]
			s = s[n:]
			continue
		}
		r, size := utf8.DecodeRune(s)
		switch {
		case r == '"', r == '\\', r == '\t':
			dst = append(dst, byte(r))
		case r == utf8.RuneError && size == 1:
			dst = append(dst, "\uFFFD"...)
		case r < 0xa0:
			dst = append(dst, '\\', 'x', hexDigits[r>>4], hexDigits[r&15])
		case steering(r):
			dst = append(dst, '\\', 'u', hexDigits[r>>12], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
		default:
			dst = append(dst, s[:size]...)
		}
		s = s[size:]
	}
	return dst, colored
}

// steering reports whether a rune from U+00A0 on moves or reorders text: line separators, and the bidirectional controls, with
// which a log could show other text than it has (CVE-2021-42574).
func steering(r rune) bool {
	return r == 0x2028 || r == 0x2029 || r == 0x61c || r == 0x200e || r == 0x200f ||
		r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// AppendVisible appends s to dst with everything that could steer a terminal made visible as \xHH or \uHHHH, and with invalid
// UTF-8 as U+FFFD. Tabs stay; newlines and colour sequences do not.
func AppendVisible(dst, s []byte) []byte { return appendVisible(dst, s, false) }

// Cut returns the beginning of a text, of limit bytes at most, which does not end within a rune.
func Cut[T string | []byte](text T, limit int) T {
	if len(text) <= limit {
		return text
	}
	for end := limit; end >= max(0, limit-utf8.UTFMax+1); end-- {
		if utf8.RuneStart(text[end]) {
			return text[:end]
		}
	}
	return text[:limit] // there are no runes
}

// Visible is AppendVisible for messages that quote what others wrote.
func Visible(s string) string { return string(AppendVisible(nil, []byte(s))) }
