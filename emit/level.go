package emit

import (
	"bytes"
	"regexp"

	"mktail/emit/applog"
)

// LevelOptions chooses lines by the levels that their loggers gave them.
type LevelOptions struct {
	Least       applog.Level // less severe lines are left out
	KeepUnknown bool         // lines without a level are not, unless they go on with one that is
}

// Levels returns f for the chosen lines. Those that go on with a line before, as stack traces do, are treated as that line is. Gaps are
// never left out.
func Levels(o LevelOptions, f Format) Format {
	return func(src Source) Encode {
		l := &levels{o: o, encode: f(src), kept: o.KeepUnknown}
		return l.next
	}
}

// levels chooses the lines of one source.
type levels struct {
	o      LevelOptions
	encode Encode
	parser applog.Parser
	kept   bool // the last line that did not go on with another was
	severe bool // that line was an error: a stack trace may follow it
}

func (l *levels) next(dst []byte, r *Record) []byte {
	if r.Gap == nil && !l.keeps(r) {
		return dst
	}
	return l.encode(dst, r)
}

// keeps reports whether a line is chosen. One that was cut before its level is: it may be a severe one.
func (l *levels) keeps(r *Record) bool {
	line := r.Text()
	switch level := l.parser.Level(line); {
	case level != applog.Unknown:
		l.kept, l.severe = level >= l.o.Least, level >= applog.Error
	case continues(line, l.severe):
	default:
		l.kept, l.severe = l.o.KeepUnknown || r.Truncated, false
	}
	return l.kept
}

// inTrace matches lines of stack traces that are not indented: Java's causes, Go's goroutines and functions, and the error that ends Python's.
var inTrace = regexp.MustCompile(`^(?:Caused by: |Suppressed: |--- End of |goroutine \d+ \[|created by |\[signal |exit status \d|[\w./*()\-\[\]{}]+\(.*\)$|During handling of |The above exception |[\w.]*(?:Error|Exception|Interrupt|Exit|Warning)\b|Node\.js v)`)

// continues reports whether a line without a level goes on with the line before: it is indented, blank, or closes what was opened; or, after an
// error, it is of a stack trace.
func continues(line []byte, severe bool) bool {
	if len(line) == 0 || line[0] == ' ' || line[0] == '\t' {
		return true
	}
	if trimmed := bytes.TrimSpace(line); len(trimmed) <= 2 && bytes.Trim(trimmed, "}]),;") == nil {
		return true
	}
	return severe && inTrace.Match(line)
}
