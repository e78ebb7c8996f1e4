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
	ink, ground, line uint32 // the colours of letters, of what is behind them, and of lines; see stylecolor.go
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

func (s style) has(code int) bool { return s.attributes&attribute(code) != 0 }
func (s *style) clear(codes ...int) {
	for _, code := range codes {
		s.attributes &^= attribute(code)
	}
}

// apply changes the style as the parameters of a colour sequence do; base is what a reset returns to. allowed has those parameters
// that may be passed on: params itself if all may.
func (s *style) apply(params []byte, base style) (allowed []byte) {
	allowed = params
	for at := 0; at <= len(params); {
		n, ok := s.set(params[at:], base)
		end := at + n
		switch all := len(allowed) == len(params); {
		case !ok && all: // the first that is left out
			allowed = append(make([]byte, 0, len(params)), params[:max(0, at-1)]...)
		case ok && !all:
			if len(allowed) > 0 {
				allowed = append(allowed, ';')
			}
			allowed = append(allowed, params[at:end]...)
		}
		at = end + 1
	}
	if s.ink != 0 && shade(s.ink) == shade(s.ground) {
		s.ground = base.ground
		return append(allowed[:len(allowed):len(allowed)], ";49"...)
	}
	return allowed
}

// set applies the first of the parameters, and returns how many bytes belong to it. Not ok: it has no place in a style.
func (s *style) set(params []byte, base style) (n int, ok bool) {
	code := 0
	for ; n < len(params) && params[n] >= '0' && params[n] <= '9'; n++ {
		code = min(code*10+int(params[n]-'0'), 999)
	}
	colon := n < len(params) && params[n] == ':'
	if colon {
		n += fieldLength(params[n:], ';')
	}
	switch {
	case code == 38, code == 48, code == 58:
		color, n, ok := extendedColor(params, n, colon)
		switch {
		case !ok:
		case code == 38:
			s.ink = color
		case code == 48:
			s.ground = color
		default:
			s.line = color
		}
		return n, ok
	case colon:
		if code != 4 || n != 3 || params[2] > '5' {
			return n, false
		}
		if s.clear(4, 21); params[2] != '0' {
			s.attributes |= attribute(4)
		}
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
		return n, s.unset(code, base)
	}
	return n, true
}

// fieldLength returns the length of the first of the fields that sep separates.
func fieldLength(s []byte, sep byte) int {
	if n := bytes.IndexByte(s, sep); n >= 0 {
		return n
	}
	return len(s)
}

// unset applies a parameter that ends an attribute or a colour.
func (s *style) unset(code int, base style) (ok bool) {
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
		return false
	}
	if code >= 22 && code <= 29 || code == 55 {
		s.attributes |= base.attributes
	}
	return true
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
	same := v.now == v.own && v.base == (style{})
	allowed := v.own.apply(params, v.base)
	if len(allowed) == 0 && len(params) > 0 {
		return dst, false
	}
	if same {
		v.now = v.own
	} else {
		allowed = v.now.apply(allowed, style{})
	}
	v.passed = true
	dst = append(append(dst, "\x1b["...), allowed...)
	return append(dst, 'm'), true
}

// restyle gives the terminal the style that the text calls for: its own, and the colour around it, which its own sequences may have
// ended. It is needed only after such a sequence.
func (v *visible) restyle(dst []byte) []byte {
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
		if v.passed {
			out = v.restyle(out)
		}
		out = append(out, text[:at]...)
		text = text[at:]
	}
	return string(append(out, colorReset...))
}
