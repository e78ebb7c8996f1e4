package applog

import (
	"bytes"
	"encoding/json"
	"time"
)

// text reads a line that is not JSON.
func (p *Parser) text(s []byte) bool {
	switch c := s[0]; {
	case p.klog(s), p.access(s):
		return true
	case '0' <= c && c <= '9':
		return p.timeFirst(s)
	case c == '[':
		return p.bracket(s)
	case p.logfmt(s):
		return true
	}
	return p.levelFirst(s)
}

// klog reads a line such as "I0102 15:04:05.123456   12345 file.go:123] message".
func (p *Parser) klog(s []byte) bool {
	i := bytes.IndexByte([]byte("IWEF"), s[0])
	if i < 0 || len(s) < 22 || digits(s[1:]) != 4 || s[5] != ' ' {
		return false
	}
	at := date(s[6:])
	end := bytes.IndexByte(s, ']')
	if at == 0 || end < 6+at {
		return false
	}
	origin := bytes.Fields(s[6+at : end])
	if len(origin) != 2 {
		return false
	}
	p.entry.Time = s[1 : 6+at]
	p.set([...]Level{Info, Warn, Error, Fatal}[i])
	p.entry.Message = bytes.TrimSpace(s[end+1:])
	p.add("pid", origin[0])
	p.add("caller", origin[1])
	if after, ok := bytes.CutPrefix(p.entry.Message, []byte{'"'}); ok { // structured: "message" key="value"
		if text, rest, ok := quoted(after); ok && p.pairs(rest) {
			p.entry.Message = p.unquote(text)
		}
	}
	return true
}

// set takes a level by its usual name.
func (p *Parser) set(l Level) {
	_, short := levelOf([]byte(l.String()))
	p.entry.Level, p.entry.Name = l, []byte(short)
}

// access reads a line of an access log in the common or combined format, with another address or name before it or not.
func (p *Parser) access(s []byte) bool {
	const layout = "02/Jan/2006:15:04:05 -0700"
	open := bytes.IndexByte(s[:min(len(s), 512)], '[')
	if open < 5 || len(s) < open+len(layout)+4 || s[open+3] != '/' {
		return false
	}
	t, err := time.Parse(layout, string(s[open+1:open+1+len(layout)]))
	who := bytes.Fields(s[:open])
	rest, ok := bytes.CutPrefix(s[open+1+len(layout):], []byte(`] "`))
	if err != nil || !ok || len(who) < 3 || len(who) > 4 {
		return false
	}
	request, rest, ok := quoted(rest)
	numbers := bytes.Fields(rest)
	if !ok || len(numbers) == 0 || len(numbers[0]) != 3 || digits(numbers[0]) != 3 {
		return false
	}
	n := len(p.buf)
	p.buf = t.AppendFormat(p.buf, time.RFC3339)
	p.entry.Time, p.entry.Message = p.kept(n), request
	switch status := numbers[0][0]; {
	case status >= '5':
		p.set(Error)
	case status == '4':
		p.set(Warn)
	default:
		p.set(Info)
	}
	p.add("status", numbers[0])
	rest = bytes.TrimSpace(rest)[3:]
	if len(numbers) > 1 && numbers[1][0] != '"' {
		p.addGiven("bytes", numbers[1])
		rest = bytes.TrimSpace(rest)[len(numbers[1]):]
	}
	if len(who) == 4 {
		p.add("host", who[0])
		who = who[1:]
	}
	p.addGiven("client", who[0])
	p.addGiven("ident", who[1])
	p.addGiven("user", who[2])
	for _, key := range []string{"referer", "agent"} {
		after, ok := bytes.CutPrefix(bytes.TrimSpace(rest), []byte{'"'})
		if !ok {
			break
		}
		value, after, ok := quoted(after)
		if !ok {
			break
		}
		p.addGiven(key, value)
		rest = after
	}
	p.add("more", bytes.TrimSpace(rest))
	return true
}

// addGiven is add for what access logs have a dash for if it is not given.
func (p *Parser) addGiven(key string, value []byte) {
	if len(value) != 1 || value[0] != '-' {
		p.add(key, value)
	}
}

// quoted returns what comes before a quotation mark that is not escaped, and what comes after it.
func quoted(s []byte) (text, rest []byte, ok bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[:i], s[i+1:], true
		}
	}
	return nil, nil, false
}

// maxBefore is how many words may stand between the time and the level.
const maxBefore = 6

// timeFirst reads a line that begins with a time: those of zap's and zerolog's consoles, Go's log, nginx' errors, Python, log4j and logback.
func (p *Parser) timeFirst(s []byte) bool {
	n := date(s)
	if n == 0 {
		return false
	}
	rest := bytes.TrimLeft(s[n:], " \t")
	after := rest
	var before [maxBefore]Field
	for i := range maxBefore {
		var token []byte
		var wrapped bool
		if token, wrapped, after = next(after); len(token) == 0 {
			break
		}
		l, short := word(token)
		if l == Unknown || i > 0 && !wrapped && !capitals(token) {
			before[i] = Field{Key: []byte("logger"), Value: bytes.TrimSuffix(token, []byte{':'}), Text: true}
			if wrapped { // logback's
				before[i].Key = []byte("thread")
			}
			continue
		}
		p.entry.Time, p.entry.Level, p.entry.Name = s[:n], l, []byte(short)
		p.entry.Fields = append(p.entry.Fields, before[:i]...)
		if len(after) > 0 && after[0] == '\t' {
			return p.zap(after)
		}
		return p.message(after)
	}
	p.entry.Time, p.entry.Message = s[:n], rest
	return len(rest) > 0
}

// next returns the next word of a text, or what is in the next brackets, and what comes after it. Dashes and bars between words are passed over.
func next(s []byte) (token []byte, wrapped bool, rest []byte) {
	for {
		s = bytes.TrimLeft(s, " \t|")
		if len(s) > 1 && s[0] == '-' && (s[1] == ' ' || s[1] == '-') {
			s = bytes.TrimLeft(s, "-")
			continue
		}
		break
	}
	if len(s) > 0 && (s[0] == '[' || s[0] == '(' || s[0] == '<') {
		if end := bytes.IndexAny(s[:min(len(s), 128)], "])>"); end > 0 {
			return bytes.TrimSpace(s[1:end]), true, s[end+1:]
		}
	}
	end := bytes.IndexAny(s, " \t|")
	if end < 0 {
		end = len(s)
	}
	return bytes.TrimRight(s[:end], ":,"), false, s[end:]
}

// capitals reports whether a word is written in capitals.
func capitals(s []byte) bool {
	for _, c := range s {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(s) > 0
}

// message takes what comes after the level: perhaps a number and a thread, or the name of a logger before a dash or colon, and the message.
func (p *Parser) message(s []byte) bool {
	s = bytes.TrimLeft(bytes.TrimPrefix(s, []byte{':'}), " \t|")
	if after := bytes.TrimPrefix(s, []byte{':'}); len(after) < len(s) && bytes.IndexAny(after, " \t") == 0 {
		s = bytes.TrimLeft(after, " \t|") // else the colon is that of a port, such as :8080
	}
	if n := digits(s); n > 0 {
		if rest, ok := bytes.CutPrefix(s[n:], []byte(" --- ")); ok { // Spring Boot's process
			p.add("pid", s[:n])
			s = bytes.TrimLeft(rest, " ")
		} else if rest, ok := bytes.CutPrefix(s[n:], []byte("#")); ok { // nginx' process and thread
			if m := digits(rest); m > 0 && m < len(rest) && rest[m] == ':' {
				p.add("pid", s[:n+1+m])
				s = bytes.TrimLeft(rest[m+1:], " ")
			}
		}
	}
	s = bytes.TrimPrefix(s, []byte("- "))
	if len(s) > 0 && s[0] == '[' {
		if end := bytes.IndexByte(s[:min(len(s), 128)], ']'); end > 0 && end+1 < len(s) && s[end+1] == ' ' {
			p.add("thread", bytes.TrimSpace(s[1:end]))
			s = bytes.TrimLeft(s[end+1:], " ")
		}
	}
	if i := bytes.IndexByte(s, ' '); i > 0 {
		after := bytes.TrimLeft(s[i:], " ")
		if len(after) > 1 && (after[0] == '-' || after[0] == ':') && after[1] == ' ' {
			p.add("logger", s[:i])
			s = after[2:]
		}
	}
	p.entry.Message = bytes.TrimSpace(s)
	return true
}

// zap takes what comes after the level of zap's console, between tabs: perhaps a logger and the place in the source, the message, and an object.
func (p *Parser) zap(s []byte) bool {
	parts := bytes.Split(s[1:], []byte{'\t'})
	var object []byte
	if last := parts[len(parts)-1]; len(parts) > 1 && len(last) > 1 && last[0] == '{' && json.Valid(last) {
		object, parts = last, parts[:len(parts)-1]
	}
	for i := range parts[:min(2, len(parts)-1)] {
		if at := bytes.LastIndexByte(parts[i], ':'); at > 0 && at < len(parts[i])-1 && digits(parts[i][at+1:]) == len(parts[i])-at-1 {
			if i > 0 {
				p.add("logger", parts[0])
			}
			p.add("caller", parts[i])
			parts = parts[i+1:]
			break
		}
	}
	if len(parts) > 1 && len(p.entry.Fields) == 0 && bytes.IndexByte(parts[0], ' ') < 0 { // a logger without the place
		p.add("logger", parts[0])
		parts = parts[1:]
	}
	p.entry.Message = bytes.TrimSpace(bytes.Join(parts, []byte{'\t'}))
	if object != nil {
		p.members(object, 0, nil, 1)
	}
	return true
}

// bracket reads a line that begins with a time, a level or both in brackets.
func (p *Parser) bracket(s []byte) bool {
	token, _, rest := next(s)
	if n := date(token); n > 0 {
		return p.bracketTime(token, n, rest)
	}
	l, short := word(token)
	if l == Unknown {
		return false
	}
	rest = afterSeparator(bytes.TrimLeft(rest, ":"))
	if inner, wrapped, after := next(rest); wrapped {
		if n := date(inner); n > 0 && n == len(inner) {
			p.entry.Time, rest = inner, bytes.TrimSpace(after)
		}
	} else if n := date(rest); n > 0 {
		p.entry.Time, rest = rest[:n], afterSeparator(rest[n:])
	}
	p.entry.Level, p.entry.Name, p.entry.Message = l, []byte(short), rest
	return len(rest) > 0
}

// bracketTime reads a line whose first brackets have a time of n bytes, and perhaps the level and module as those of Rust's env_logger.
func (p *Parser) bracketTime(token []byte, n int, rest []byte) bool {
	if n < len(token) {
		name, _, module := next(token[n:])
		l, short := word(name)
		if l == Unknown {
			return false
		}
		p.entry.Time, p.entry.Level, p.entry.Name = token[:n], l, []byte(short)
		p.add("logger", bytes.TrimSpace(module))
		p.entry.Message = bytes.TrimSpace(rest)
		return true
	}
	if name, wrapped, after := next(rest); wrapped || capitals(name) {
		if l, short := word(name); l != Unknown {
			p.entry.Time, p.entry.Level, p.entry.Name = token, l, []byte(short)
			return p.message(after)
		}
	}
	p.entry.Time, p.entry.Message = token, bytes.TrimSpace(rest)
	return len(p.entry.Message) > 0
}
