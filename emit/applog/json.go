package applog

import (
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// maxDepth is how deep objects are flattened. What lies deeper is a value.
	maxDepth = 8
	// maxJoined bounds what joined keys cost: an object whose key's length times the line's is more stays a value, as each of its members
	// could repeat that key.
	maxJoined = 4 << 20
)

// object adds the members of a line that is one JSON object.
func (p *Parser) object(line []byte) bool {
	if line[len(line)-1] != '}' || !json.Valid(line) {
		return false
	}
	p.members(line, 0, nil, 1)
	return true
}

// members adds the members of the object at s[i], which is valid, and returns the index behind it.
func (p *Parser) members(s []byte, i int, prefix []byte, depth int) int {
	for i++; ; i++ {
		if i = space(s, i); s[i] == '}' { // an empty one
			return i + 1
		}
		var key, value []byte
		key, i = p.str(s, i)
		if depth > 1 {
			n := len(p.buf)
			p.buf = append(append(append(p.buf, prefix...), '.'), key...)
			key = p.kept(n)
		}
		i = space(s, space(s, i)+1)
		switch {
		case s[i] == '"':
			value, i = p.str(s, i)
			p.entry.Fields = append(p.entry.Fields, Field{Key: key, Value: value, Text: true})
		case s[i] == '{' && depth < maxDepth && len(key)*len(s) <= maxJoined && s[space(s, i+1)] != '}':
			i = p.members(s, i, key, depth+1)
		default:
			end := valueEnd(s, i)
			p.entry.Fields = append(p.entry.Fields, Field{Key: key, Value: p.compact(s[i:end])})
			i = end
		}
		if i = space(s, i); s[i] == '}' {
			return i + 1
		}
	}
}

// space returns the index of what comes after the spaces at s[i].
func space(s []byte, i int) int {
	for s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r' {
		i++
	}
	return i
}

// strEnd returns the index behind the string at s[i], and whether it has escapes.
func strEnd(s []byte, i int) (end int, escaped bool) {
	for i++; s[i] != '"'; i++ {
		if s[i] == '\\' {
			escaped = true
			i++
		}
	}
	return i + 1, escaped
}

// str returns the text of the string at s[i], and the index behind it.
func (p *Parser) str(s []byte, i int) (text []byte, end int) {
	end, escaped := strEnd(s, i)
	if text = s[i+1 : end-1]; escaped {
		text = p.unescape(text)
	}
	return text, end
}

// valueEnd returns the index behind the value at s[i].
func valueEnd(s []byte, i int) int {
	if s[i] != '{' && s[i] != '[' {
		for i < len(s) && s[i] != ',' && s[i] != '}' && s[i] != ']' && s[i] > ' ' {
			i++
		}
		return i
	}
	for depth := 0; ; {
		switch s[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			i, _ = strEnd(s, i)
			continue
		}
		i++
	}
}

// compact returns a JSON value without the spaces between its parts.
func (p *Parser) compact(s []byte) []byte {
	n, spaces := len(p.buf), false
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"':
			end, _ := strEnd(s, i)
			p.buf = append(p.buf, s[i:end]...)
			i = end
			continue
		case c > ' ':
			p.buf = append(p.buf, c)
		default:
			spaces = true
		}
		i++
	}
	if !spaces {
		p.buf = p.buf[:n]
		return s
	}
	return p.kept(n)
}

// unescape returns the text of a JSON string, as encoding/json has it: an escape of half a rune is U+FFFD.
func (p *Parser) unescape(s []byte) []byte {
	n := len(p.buf)
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			p.buf = append(p.buf, s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'b':
			p.buf = append(p.buf, '\b')
		case 'f':
			p.buf = append(p.buf, '\f')
		case 'n':
			p.buf = append(p.buf, '\n')
		case 'r':
			p.buf = append(p.buf, '\r')
		case 't':
			p.buf = append(p.buf, '\t')
		case 'u':
			r := hex(s[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if i+6 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
					low = hex(s[i+3:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			p.buf = utf8.AppendRune(p.buf, r)
		default:
			p.buf = append(p.buf, c)
		}
	}
	return p.kept(n)
}

// hex returns the number of the four hexadecimal digits that s begins with.
func hex(s []byte) (r rune) {
	for _, c := range s[:4] {
		switch {
		case c <= '9':
			c -= '0'
		default:
			c = c | 0x20 - 'a' + 10
		}
		r = r<<4 | rune(c)
	}
	return r
}
