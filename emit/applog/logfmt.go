package applog

import "bytes"

// logfmt reads a line of key=value pairs: logfmt, and the text of slog and logrus.
func (p *Parser) logfmt(s []byte) bool {
	if i := bytes.IndexByte(s[:min(len(s), 64)], '='); i < 1 || bytes.ContainsAny(s[:i], " \t\"") {
		return false
	}
	if p.pairs(s) && p.choose() {
		return true
	}
	p.entry = Entry{Fields: p.entry.Fields[:0]}
	return false
}

// pairs adds the fields of a text that is nothing but key=value pairs. If it is not, it adds none.
func (p *Parser) pairs(s []byte) bool {
	before := len(p.entry.Fields)
	for s = bytes.TrimLeft(s, " \t"); len(s) > 0; s = bytes.TrimLeft(s, " \t") {
		i := bytes.IndexAny(s, "= \t\"")
		if i < 1 || s[i] != '=' {
			p.entry.Fields = p.entry.Fields[:before]
			return false
		}
		f := Field{Key: s[:i], Text: true}
		if s = s[i+1:]; len(s) > 0 && s[0] == '"' {
			text, rest, ok := quoted(s[1:])
			if !ok || len(rest) > 0 && rest[0] != ' ' {
				p.entry.Fields = p.entry.Fields[:before]
				return false
			}
			f.Value, s = p.unquote(text), rest
		} else {
			end := bytes.IndexByte(s, ' ')
			if end < 0 {
				end = len(s)
			}
			f.Value, s = s[:end], s[end:]
		}
		p.entry.Fields = append(p.entry.Fields, f)
	}
	return true
}

// unquote returns the text of what stands in quotation marks in Go's form, of which only the usual escapes are known. Others stay.
func (p *Parser) unquote(s []byte) []byte {
	if bytes.IndexByte(s, '\\') < 0 {
		return s
	}
	n := len(p.buf)
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			p.buf = append(p.buf, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			p.buf = append(p.buf, '\n')
		case 't':
			p.buf = append(p.buf, '\t')
		case 'r':
			p.buf = append(p.buf, '\r')
		case '"', '\\':
			p.buf = append(p.buf, s[i])
		default:
			p.buf = append(p.buf, '\\', s[i])
		}
	}
	return p.kept(n)
}
