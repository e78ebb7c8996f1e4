package emit

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// entry is a line of a logger that writes JSON objects: zap, zerolog, logrus, slog, bunyan, pino, logstash and such.
type entry struct {
	time, level, message string
	rest                 []member // in the order of the line
}

type member struct {
	key   string
	value json.RawMessage
}

// kindOf returns what loggers write under a key: 't' for the time, 'l' for the level, 'm' for the message, 0 for anything else.
func kindOf(key string) byte {
	switch key {
	case "time", "ts", "timestamp", "@timestamp":
		return 't'
	case "level", "lvl", "severity", "log.level":
		return 'l'
	case "msg", "message":
		return 'm'
	}
	return 0
}

// readEntry reads a line. The line is an entry if it is an object and has at least two of time, level and message. If it has
// several of a kind, the first one counts.
func readEntry(line []byte) (e entry, ok bool) {
	line = bytes.TrimSpace(line)
	if len(line) < 2 || line[0] != '{' || line[len(line)-1] != '}' {
		return e, false
	}
	d := json.NewDecoder(bytes.NewReader(line))
	if _, err := d.Token(); err != nil {
		return e, false
	}
	var hasTime, hasLevel, hasMessage bool
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return e, false
		}
		key, _ := name.(string)
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return e, false
		}
		switch kind := kindOf(key); {
		case !hasTime && kind == 't':
			e.time, hasTime = entryTime(value)
			if hasTime {
				continue
			}
		case !hasLevel && kind == 'l':
			e.level, hasLevel = entryLevel(value)
			if hasLevel {
				continue
			}
		case !hasMessage && kind == 'm':
			e.message, hasMessage = textOf(value)
			if hasMessage {
				continue
			}
		}
		e.rest = append(e.rest, member{key, value})
	}
	if _, err := d.Token(); err != nil {
		return e, false
	}
	if _, err := d.Token(); err != io.EOF {
		return e, false
	}
	two := hasTime && hasLevel || hasTime && hasMessage || hasLevel && hasMessage
	return e, two
}

// textOf returns the text of a JSON string.
func textOf(value []byte) (text string, ok bool) {
	return text, value[0] == '"' && json.Unmarshal(value, &text) == nil
}

// entryTime returns a time as it is written, and a number since 1970 in RFC 3339. A number that would be before 1973 is not a
// time: it must count from another beginning.
func entryTime(value []byte) (text string, ok bool) {
	if text, ok := textOf(value); ok {
		return text, text != ""
	}
	t, err := epoch(string(value))
	if err != nil || t.Unix() < 1e8 {
		return "", false
	}
	return t.UTC().Format(time.RFC3339Nano), true
}

// entryLevel returns a level in capitals. Numbers are bunyan's and pino's.
func entryLevel(value []byte) (level string, ok bool) {
	if text, ok := textOf(value); ok {
		if plain := plainText(text); plain != "" { // zap colours it
			text = plain
		}
		return strings.ToUpper(text), text != ""
	}
	n, err := strconv.Atoi(string(value))
	if err != nil {
		return "", false
	}
	names := []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}
	if n >= 10 && n < 70 {
		return names[n/10-1], true
	}
	return strconv.Itoa(n), true
}

// appendText appends the entry as text for people: time, level and message, then the rest as key=value. Nothing in it
// can steer a terminal.
func (e entry) appendText(dst []byte, color bool) []byte {
	begin := len(dst)
	space := func() {
		if len(dst) > begin {
			dst = append(dst, ' ')
		}
	}
	if e.time != "" {
		dst = appendVisible(dst, []byte(e.time), false)
	}
	if e.level != "" {
		space()
		level := string(appendVisible(nil, []byte(e.level), false))
		dst = append(dst, prettyPaint(e.level).on(level, color)...)
	}
	if e.message != "" {
		space()
		dst = appendVisible(dst, []byte(e.message), color)
	}
	for _, m := range e.rest {
		space()
		dst = appendWord(dst, m.key)
		dst = append(dst, '=')
		if text, ok := textOf(m.value); ok {
			dst = appendWord(dst, text)
			continue
		}
		var b bytes.Buffer
		if json.Compact(&b, m.value) == nil {
			dst = appendVisible(dst, b.Bytes(), false)
		}
	}
	return dst
}

// appendWord appends text as one word: in quotes if it is empty or has spaces, quotes, = or backslashes.
func appendWord(dst []byte, text string) []byte {
	odd := func(r rune) bool { return r <= ' ' || r == '"' || r == '=' || r == '\\' }
	if text == "" || strings.ContainsFunc(text, odd) {
		return appendVisible(dst, AppendQuoted(nil, []byte(text)), false)
	}
	return appendVisible(dst, []byte(text), false)
}

// prettyPaint returns the colour of a level, for more levels than levelPaint.
func prettyPaint(level string) paint {
	level = strings.ToLower(strings.TrimRight(level, "+-0123456789")) // slog's INFO+2
	if p := levelPaint(level); p != "" {
		return p
	}
	switch {
	case level == "trace":
		return magenta
	case level == "notice", level == "information":
		return blue
	case level == "err":
		return red
	case slices.Contains([]string{"emergency", "emerg", "alert", "crit"}, level):
		return cyan
	}
	return ""
}
