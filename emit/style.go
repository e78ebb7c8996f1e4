package emit

import (
	"bytes"
	"strconv"
	"strings"
)

// style is what colour sequences (SGR) have set on a terminal, as far as they may: colours, bold, faint, italic, underlined, inverse,
// struck out and overlined. What hides text (conceal, or letters in the colour of their ground), blinks, or chooses another font, which
// on some consoles is another set of characters, has no place here.
type style struct {
	ink, ground, line uint32 // the colours of letters, of what is behind them, and of lines; see paletteColor and rgbColor
	attributes        uint16 // 1 << the index in attributeCodes
}

// attributeCodes are the parameters that set an attribute.
var attributeCodes = [...]int{1, 2, 3, 4, 7, 9, 21, 53}

func attribute(code int) uint16 {
	for i, c := range attributeCodes {
		if c == code {
			return 1 << i
		}
	}
	return 0
}

func paletteColor(n int) uint32   { return 1<<24 | uint32(n) }
func rgbColor(r, g, b int) uint32 { return 2<<24 | uint32(r)<<16 | uint32(g)<<8 | uint32(b) }
func (s style) has(code int) bool { return s.attributes&attribute(code) != 0 }
func (s *style) clear(codes ...int) {
	for _, code := range codes {
		s.attributes &^= attribute(code)
	}
}

// apply changes the style as the parameters of a colour sequence do; base is what a reset returns to. allowed has those parameters
// that may be passed on: params itself if all may.
func (s *style) apply(params []byte, base style) (allowed []byte) {
	fields := bytes.Split(params, []byte{';'})
	kept := 0
	for at := 0; at < len(fields); {
		n := s.set(fields[at:], base)
		if n < 0 { // what follows may belong to it
			break
		}
		if n == 0 {
			at++
			continue
		}
		kept += copy(fields[kept:], fields[at:at+n])
		at += n
	}
	if s.ink != 0 && s.ink == s.ground {
		s.ground = base.ground
		return append(bytes.Join(fields[:kept], []byte{';'}), ";49"...)
	}
	if kept == len(fields) {
		return params
	}
	return bytes.Join(fields[:kept], []byte{';'})
}

// set applies the first of the parameters, and returns how many belong to it; 0: it has no place in a style, less than 0: nor has
// anything after it.
func (s *style) set(fields [][]byte, base style) (n int) {
	first, sub, colon := bytes.Cut(fields[0], []byte{':'})
	code := parameter(first)
	switch {
	case code == 38, code == 48, code == 58:
		color, n := extendedColor(fields, sub, colon)
		if n > 0 {
			*map[int]*uint32{38: &s.ink, 48: &s.ground, 58: &s.line}[code] = color
		}
		return n
	case colon && (code != 4 || len(sub) != 1 || sub[0] > '5'):
		return 0
	case colon && sub[0] == '0':
		s.clear(4, 21)
	case code == 0:
		*s = base
	case attribute(code) != 0:
		s.attributes |= attribute(code)
	case code >= 30 && code <= 37:
		s.ink = paletteColor(code - 30)
	case code >= 40 && code <= 47:
		s.ground = paletteColor(code - 40)
	case code >= 90 && code <= 97:
		s.ink = paletteColor(code - 90 + 8)
	case code >= 100 && code <= 107:
		s.ground = paletteColor(code - 100 + 8)
	default:
		return s.unset(code, base)
	}
	return 1
}

// unset applies a parameter that ends an attribute or a colour.
func (s *style) unset(code int, base style) (n int) {
	switch code {
	case 22:
		s.clear(1, 2)
	case 23:
		s.clear(3)
	case 24:
		s.clear(4, 21)
	case 27:
		s.clear(7)
	case 29:
		s.clear(9)
	case 55:
		s.clear(53)
	case 39:
		s.ink = base.ink
	case 49:
		s.ground = base.ground
	case 59:
		s.line = base.line
	case 10, 25, 28: // the usual font, no blinking, not concealed: so it is
	default:
		return 0
	}
	if code >= 22 && code <= 29 || code == 55 {
		s.attributes |= base.attributes
	}
	return 1
}

// parameter returns the number of a parameter, which is 0 if it is left out; -1: it is too large.
func parameter(digits []byte) int {
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' || n > 255 {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// extendedColor reads a colour of the palette of 256 or of red, green and blue, in either form (38;5;N or 38:5:N). n is as in set.
func extendedColor(fields [][]byte, sub []byte, colon bool) (color uint32, n int) {
	values := fields[1:]
	if n = 1; colon {
		values = bytes.Split(sub, []byte{':'})
		if len(values) == 5 { // 2, a colour space, red, green, blue
			values = append(values[:1:1], values[2:]...)
		}
	}
	var v [4]int
	count := min(len(values), len(v))
	for i := range count {
		if v[i] = parameter(values[i]); v[i] < 0 || v[i] > 255 || len(values[i]) == 0 {
			count = i
			break
		}
	}
	used := 0
	switch {
	case count >= 2 && v[0] == 5:
		color, used = paletteColor(v[1]), 2
	case count >= 4 && v[0] == 2:
		color, used = rgbColor(v[1], v[2], v[3]), 4
	}
	switch {
	case colon && used != len(values):
		return 0, 0
	case used == 0:
		return 0, -1
	case !colon:
		n += used
	}
	return color, n
}

// append appends the colour sequence that sets a terminal, whose style is from, to this one.
func (s style) append(dst []byte, from style) []byte {
	dst = append(dst, "\x1b["...)
	begin := len(dst)
	if from != (style{}) {
		dst = append(dst, "0;"...)
	}
	for _, code := range attributeCodes {
		if s.has(code) {
			dst = append(strconv.AppendInt(dst, int64(code), 10), ';')
		}
	}
	for i, color := range []uint32{s.ink, s.ground, s.line} {
		kind := int64(38 + 10*i)
		switch n := int64(color & 0xffffff); {
		case color == 0:
		case color>>24 == 2:
			for _, p := range []int64{kind, 2, n >> 16, n >> 8 & 255, n & 255} {
				dst = append(strconv.AppendInt(dst, p, 10), ';')
			}
		case n < 8 && i < 2:
			dst = append(strconv.AppendInt(dst, kind-8+n, 10), ';')
		default:
			for _, p := range []int64{kind, 5, n} {
				dst = append(strconv.AppendInt(dst, p, 10), ';')
			}
		}
	}
	return append(dst[:max(begin, len(dst)-1)], 'm')
}

// sequence passes on what is allowed of a colour sequence; not ok: nothing of it is.
func (v *visible) sequence(dst, params []byte) (out []byte, ok bool) {
	allowed := v.own.apply(params, v.base)
	if len(allowed) == 0 && len(params) > 0 {
		return dst, false
	}
	v.now.apply(allowed, style{})
	v.passed = true
	dst = append(append(dst, "\x1b["...), allowed...)
	return append(dst, 'm'), true
}

// restyle gives the terminal the style that the text before it calls for: its own, which a colour around it may have changed.
func (v *visible) restyle(dst []byte) []byte {
	if !v.color {
		return dst
	}
	want := v.own
	if v.marked {
		want = highlighted(want)
	}
	if v.now == want {
		return dst
	}
	dst = want.append(dst, v.now)
	v.now, v.passed = want, true
	return dst
}

// nest returns text in a colour, which is restored after each colour of the text's own.
func nest(p paint, text string) string {
	v := visible{color: true}
	v.base.apply([]byte(p), style{})
	v.own, v.now = v.base, v.base
	out := append(append(append([]byte("\x1b["), p...), 'm'), text[:0]...)
	for len(text) > 0 {
		at := strings.IndexByte(text, escape)
		switch n := colorSequence([]byte(text[max(0, at):min(len(text), max(0, at)+64)])); {
		case at == 0 && n > 0:
			next, ok := v.sequence(out, []byte(text[2:n-1]))
			if !ok {
				next = append(out, text[:n]...)
			}
			out, text = next, text[n:]
			continue
		case at < 0:
			at = len(text)
		case at == 0: // another sequence, or none
			at = 1
		}
		out = append(v.restyle(out), text[:at]...)
		text = text[at:]
	}
	return string(append(out, colorReset...))
}
