package applog

import "bytes"

// levelFirst reads a line that begins with a level: those of logrus' console, .NET's console, Python and Ruby.
func (p *Parser) levelFirst(s []byte) bool {
	n := 0
	for n < len(s) && n <= maxLevelName && (s[n]|0x20) >= 'a' && (s[n]|0x20) <= 'z' {
		n++
	}
	if n == len(s) {
		return false
	}
	name, rest := s[:n], s[n:]
	if after, ok := bytes.CutPrefix(rest, []byte(", [")); ok && n == 1 {
		return p.ruby(after)
	}
	l, short := word(name)
	if l == Unknown {
		return false
	}
	big := capitals(name)
	switch mark := rest[0]; {
	case mark == '[' && big:
		rest, big = p.elapsed(rest)
	case mark == ':' && !big:
		return p.dotNet(l, rest)
	case mark == ':' && len(rest) > 1 && rest[1] != ' ': // Python's WARNING:name:message
		end := bytes.IndexByte(rest[1:], ':')
		if end < 1 || bytes.IndexByte(rest[1:1+end], ' ') >= 0 {
			return false
		}
		p.add("logger", rest[1:1+end])
		rest = rest[end+2:]
	case mark != ' ' && mark != '\t' && mark != ':' && mark != ',':
		return false
	}
	p.entry.Level, p.entry.Name, p.entry.Message = l, []byte(short), afterSeparator(bytes.TrimPrefix(rest, []byte{','}))
	return big && len(p.entry.Message) > 0
}

// afterSeparator returns what follows blanks, and the colon or dashes between blanks that may come then. A sign, an option or a port that
// begins the message is part of it.
func afterSeparator(s []byte) []byte {
	s = bytes.TrimLeft(s, " \t")
	rest := bytes.TrimLeft(s, ":,-")
	if len(rest) > 0 && rest[0] != ' ' && rest[0] != '\t' {
		return s
	}
	return bytes.TrimLeft(rest, " \t")
}

// elapsed takes the time in brackets of a line of logrus' console, such as "INFO[0007] message": it counts seconds from the program's start.
func (p *Parser) elapsed(s []byte) (rest []byte, ok bool) {
	end := bytes.IndexByte(s, ']')
	if end < 2 {
		return nil, false
	}
	switch inner := s[1:end]; {
	case date(inner) == len(inner):
		p.entry.Time = inner
	case digits(inner) == len(inner):
		p.add("elapsed", inner)
	default:
		return nil, false
	}
	return s[end+1:], true
}

// dotNet takes what comes after the level of a line of .NET's console, such as "info: Category[0] message". The message may be on the next line:
// then the category stands in its place.
func (p *Parser) dotNet(l Level, s []byte) bool {
	category, ok := bytes.CutPrefix(s, []byte(": "))
	open := bytes.IndexByte(category, '[')
	if !ok || open < 1 || bytes.IndexByte(category[:open], ' ') >= 0 {
		return false
	}
	end := open + 1 + digits(category[open+1:])
	if end == open+1 || end == len(category) || category[end] != ']' {
		return false
	}
	if p.entry.Message = bytes.TrimSpace(category[end+1:]); len(p.entry.Message) == 0 {
		p.entry.Message = category
	} else {
		p.add("logger", category[:end+1])
	}
	p.set(l)
	return true
}

// ruby takes what comes after "I, [" in a line of Ruby's logger, such as "I, [2026-01-02T15:04:05.123456 #123]  INFO -- program: message".
func (p *Parser) ruby(s []byte) bool {
	n := date(s)
	end := bytes.IndexByte(s, ']')
	if n == 0 || end < n {
		return false
	}
	name, _, rest := next(s[end+1:])
	l, short := word(name)
	if l == Unknown {
		return false
	}
	p.entry.Time, p.entry.Level, p.entry.Name = s[:n], l, []byte(short)
	p.add("pid", bytes.Trim(s[n:end], " #"))
	rest = bytes.TrimPrefix(bytes.TrimLeft(rest, " "), []byte("-- "))
	if program, message, ok := bytes.Cut(rest, []byte(": ")); ok && bytes.IndexByte(program, ' ') < 0 {
		p.add("logger", program)
		rest = message
	}
	p.entry.Message = bytes.TrimPrefix(bytes.TrimSpace(rest), []byte(": "))
	return true
}
