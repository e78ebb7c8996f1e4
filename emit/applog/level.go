package applog

import (
	"bytes"
	"slices"
	"strconv"
)

// Level is how severe a line is.
type Level int8

// The levels, the least severe first.
const (
	Unknown Level = iota
	Trace
	Debug
	Info
	Warn
	Error
	Fatal
)

var levelNames = [...]string{"", "trace", "debug", "info", "warn", "error", "fatal"}

// String returns the level's name, in small letters; empty for Unknown.
func (l Level) String() string { return levelNames[l] }

// ParseLevel reads the name of a level, as any logger writes it.
func ParseLevel(name string) (Level, bool) {
	l, _ := levelOf([]byte(name))
	return l, l != Unknown
}

// maxLevelName is the length of the longest name.
const maxLevelName = 11

// levelOf returns the level of a name, and its short form in capitals; Unknown if it is not known. slog's INFO+2 is Info.
func levelOf(name []byte) (l Level, short string) {
	if i := bytes.LastIndexAny(name, "+-"); i > 0 && i < len(name)-1 && digits(name[i+1:]) == len(name)-i-1 {
		name = name[:i]
	}
	if len(name) == 0 || len(name) > maxLevelName {
		return Unknown, ""
	}
	var lower [maxLevelName]byte
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		lower[i] = c
	}
	switch string(lower[:len(name)]) {
	case "trace", "trc", "trce", "tracing", "finest", "finer", "silly":
		return Trace, "TRACE"
	case "verbose", "vrb":
		return Trace, "VERB"
	case "debug", "dbg", "dbug", "fine", "d":
		return Debug, "DEBUG"
	case "info", "inf", "information", "informational", "i", "http", "config", "success":
		return Info, "INFO"
	case "notice", "note":
		return Info, "NOTE"
	case "warn", "warning", "wrn", "w":
		return Warn, "WARN"
	case "error", "err", "eror", "fail", "severe", "e":
		return Error, "ERROR"
	case "fatal", "ftl", "f":
		return Fatal, "FATAL"
	case "critical", "crit":
		return Fatal, "CRIT"
	case "panic", "pnc", "dpanic":
		return Fatal, "PANIC"
	case "alert":
		return Fatal, "ALERT"
	case "emergency", "emerg":
		return Fatal, "EMERG"
	}
	return Unknown, ""
}

// notLevels are names of levels that are also words of texts.
var notLevels = [][]byte{[]byte("http"), []byte("note"), []byte("fine"), []byte("config"), []byte("success")}

// word returns the level of a word that stands in text: a letter alone, a word with a number, or one that has other meanings is none.
func word(name []byte) (l Level, short string) {
	if len(name) < 3 || digits(name[len(name)-1:]) > 0 || slices.ContainsFunc(notLevels, func(n []byte) bool { return bytes.EqualFold(n, name) }) {
		return Unknown, ""
	}
	return levelOf(name)
}

// setLevel takes the level that a key has. ok is false if it is not one.
func (p *Parser) setLevel(f *Field, scale numbers) (ok bool) {
	value := f.Value
	switch {
	case len(value) > 0 && len(value) < 10 && digits(value) == len(value):
		n, _ := strconv.Atoi(string(value))
		l, short := scale.level(n)
		if p.entry.Level = l; l == Unknown {
			p.entry.Name = value
		} else {
			p.entry.Name = []byte(short)
		}
		return true
	case !f.Text:
		return false
	}
	value = bytes.TrimSpace(p.uncoloured(value))
	l, short := levelOf(value)
	if p.entry.Level = l; l == Unknown {
		p.entry.Name = p.upper(value)
		return len(value) > 0
	}
	p.entry.Name = []byte(short)
	if i := bytes.IndexAny(value, "+-"); i > 0 {
		n := len(p.buf)
		p.buf = append(append(p.buf, short...), value[i:]...)
		p.entry.Name = p.kept(n)
	}
	return true
}

// numbers says what numbers stand for levels.
type numbers byte

const (
	tens   numbers = iota // bunyan's and pino's
	syslog                // 0 is the most severe
	otel                  // 1 to 24
)

func (s numbers) level(n int) (Level, string) {
	l := Unknown
	switch {
	case s == tens && n >= 10 && n < 70:
		l = Level(n / 10)
	case s == otel && n >= 1 && n <= 24:
		l = Level((n + 3) / 4)
	case s == syslog && n >= 0 && n <= 7:
		return levelOf([]byte([...]string{"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"}[n]))
	}
	return levelOf([]byte(l.String()))
}

// upper returns ASCII text in capitals.
func (p *Parser) upper(s []byte) []byte {
	n := len(p.buf)
	for _, c := range s {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		p.buf = append(p.buf, c)
	}
	return p.kept(n)
}

// uncoloured returns text without colour sequences: zap colours the levels in its JSON.
func (p *Parser) uncoloured(s []byte) []byte {
	const escape = 0x1b
	if bytes.IndexByte(s, escape) < 0 {
		return s
	}
	n := len(p.buf)
	for len(s) > 0 {
		if end := bytes.IndexByte(s, 'm'); s[0] == escape && end > 1 && s[1] == '[' {
			s = s[end+1:]
			continue
		}
		p.buf = append(p.buf, s[0])
		s = s[1:]
	}
	return p.kept(n)
}

// digits returns how many ASCII digits s begins with.
func digits(s []byte) (n int) {
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}
