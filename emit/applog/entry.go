// Package applog understands the lines that the loggers of applications write: when, how severe, what, and the rest as keys and values. It
// knows JSON objects, logfmt and the usual forms of text, those of some thirty loggers; see emit/testdata/loggers.txt.
package applog

import "bytes"

// Entry is what a line says. Its slices are valid until the parser's next call: they are parts of the line, or of the parser's memory.
type Entry struct {
	Time    []byte  // as it is written, or in RFC 3339 if it is a number; empty: the line has none
	Level   Level   // Unknown: it has none, or a word or number that is not known
	Name    []byte  // of the level, in capitals and short; empty: the line has none
	Message []byte  // may be of several lines
	Fields  []Field // the rest, in the order of the line. Objects are flattened: their keys are joined by dots
}

// Field is a key and its value.
type Field struct {
	Key   []byte
	Value []byte
	Text  bool // Value is text; else JSON without spaces: a number, true, false, null, an array or an empty or deep object

	used bool // it is the entry's time, level or message
}

// Parser reads lines. Its memory is used again for each. One goroutine at a time uses it. The zero value is ready.
type Parser struct {
	entry Entry
	buf   []byte // of texts that are not parts of the line
}

// Parse reads a line without its newline and escape sequences. Not ok: it is not known how to read it, or it has fewer than two of time,
// level and message. An access log's line has the level of its status: Error from 500 on, Warn from 400 on, else Info.
func (p *Parser) Parse(line []byte) (e *Entry, ok bool) {
	line = bytes.TrimSpace(line)
	if len(line) < 2 {
		return nil, false
	}
	p.buf = p.buf[:0]
	if cap(p.buf) > maxKept { // one giant line must not hold its memory
		p.buf = nil
	}
	if cap(p.entry.Fields) > maxKept/64 {
		p.entry.Fields = nil
	}
	p.entry = Entry{Fields: p.entry.Fields[:0]}
	if line[0] == '{' {
		ok = p.object(line) && p.choose()
	} else {
		ok = p.text(line)
	}
	return &p.entry, ok
}

// maxKept is how many bytes a parser keeps for the next line.
const maxKept = 64 << 10

// add adds a field of text, unless it is empty.
func (p *Parser) add(key string, value []byte) {
	if len(value) > 0 {
		p.entry.Fields = append(p.entry.Fields, Field{Key: []byte(key), Value: value, Text: true})
	}
}

// kept returns what was added to buf since it had n bytes.
func (p *Parser) kept(n int) []byte { return p.buf[n:len(p.buf):len(p.buf)] }
