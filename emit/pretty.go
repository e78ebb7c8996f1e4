package emit

import (
	"bytes"

	"mktail/emit/applog"
)

// pretty shows the lines of one source's loggers for people.
type pretty struct {
	o      *TextOptions
	parser applog.Parser
	word   []byte // of a value that is quoted
	shown  []byte // an entry, before it is highlighted
}

// append appends a line that a logger has written as text for people. Not ok: the line is not one.
func (p *pretty) append(dst, line []byte) (out []byte, ok bool) {
	e, ok := p.parser.Parse(Plain(line))
	if !ok {
		return dst, false
	}
	if !p.o.Color || len(p.o.Highlight) == 0 {
		return p.entry(dst, e), true
	}
	p.shown = p.entry(p.shown[:0], e)
	for i, line := range bytes.Split(p.shown, []byte{'\n'}) {
		if i > 0 {
			dst = append(dst, '\n')
		}
		dst = appendHighlighted(dst, line, p.o.Highlight)
	}
	return dst, true
}

// nameWidth is the width of levels: shorter ones are padded.
const nameWidth = 5

// entry appends the time, level and message, then the rest as key=value. Texts of several lines come below that, indented. The time is left
// out if records have one anyway. Nothing in it can steer a terminal.
func (p *pretty) entry(dst []byte, e *applog.Entry) []byte {
	begin := len(dst)
	space := func() {
		if len(dst) > begin {
			dst = append(dst, ' ')
		}
	}
	if len(e.Time) > 0 && p.o.Timestamps == (Timestamps{}) {
		dst = appendVisible(dst, e.Time, false)
	}
	pad := 0 // after the level, if anything follows
	if len(e.Name) > 0 {
		space()
		if color := levelColor(e.Level); p.o.Color && color != "" {
			dst = append(append(append(dst, "\x1b["...), color...), 'm')
			dst = append(appendVisible(dst, e.Name, false), colorReset...)
		} else {
			dst = appendVisible(dst, e.Name, false)
		}
		pad = nameWidth - len(e.Name)
	}
	next := func() {
		for ; pad > 0; pad-- {
			dst = append(dst, ' ')
		}
		space()
	}
	first, below, folded := bytes.Cut(e.Message, []byte{'\n'})
	if len(first) > 0 {
		next()
		dst = appendVisible(dst, bytes.TrimSuffix(first, []byte{'\r'}), p.o.Color)
	}
	for i := range e.Fields {
		f := &e.Fields[i]
		if f.Text && bytes.IndexByte(f.Value, '\n') >= 0 {
			folded = true
			continue
		}
		next()
		dst = append(p.appendWord(dst, f.Key), '=')
		if f.Text {
			dst = p.appendWord(dst, f.Value)
		} else {
			dst = appendVisible(dst, f.Value, false)
		}
	}
	if folded {
		dst = p.below(dst, e, below)
	}
	return dst
}

// below appends the rest of a message, and the fields that have several lines.
func (p *pretty) below(dst []byte, e *applog.Entry, message []byte) []byte {
	const indent = "\n    "
	lines := func(text []byte, indent string) {
		for line := range bytes.Lines(bytes.TrimRight(text, "\r\n")) {
			dst = appendVisible(append(dst, indent...), bytes.TrimRight(line, "\r\n"), p.o.Color)
		}
	}
	lines(message, indent)
	for i := range e.Fields {
		if f := &e.Fields[i]; f.Text && bytes.IndexByte(f.Value, '\n') >= 0 {
			dst = append(p.appendWord(append(dst, indent...), f.Key), ':')
			lines(f.Value, indent+"  ")
		}
	}
	return dst
}

// appendWord appends text as one word: in quotes if it is empty or has spaces, control characters, quotes, = or backslashes.
func (p *pretty) appendWord(dst, text []byte) []byte {
	for _, c := range text {
		if c <= ' ' || c == '"' || c == '=' || c == '\\' {
			p.word = AppendQuoted(p.word[:0], text)
			return appendVisible(dst, p.word, false)
		}
	}
	if len(text) == 0 {
		return append(dst, `""`...)
	}
	return appendVisible(dst, text, false)
}

// levelColor returns the colour of a level, that of stern's function levelColor.
func levelColor(l applog.Level) paint {
	return [...]paint{applog.Trace: magenta, applog.Debug: magenta, applog.Info: blue, applog.Warn: yellow, applog.Error: red, applog.Fatal: cyan, applog.Unknown: ""}[l]
}
