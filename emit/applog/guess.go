package applog

import (
	"bytes"
	"regexp"
)

// Level returns the level of a line, also of one that Parse cannot read as a whole: because it was cut, is not quite in its logger's form, or is
// what a compiler or runtime says. The first line of a crash, of which no logger knows, is Fatal.
func (p *Parser) Level(line []byte) Level {
	if e, ok := p.Parse(line); ok && e.Level != Unknown {
		return e.Level
	} else if ok {
		return Unknown
	}
	if crash.Match(line) {
		return Fatal
	}
	var m [][]byte
	switch i := bytes.IndexAny(line[:min(len(line), maxWord)], "= \t"); {
	case len(line) > 0 && line[0] == '{':
		m = partOfObject.FindSubmatch(line[:min(len(line), maxKeys)])
	case i > 0 && line[i] == '=':
		m = pair.FindSubmatch(line[:min(len(line), maxKeys)])
	}
	for _, form := range firstWords {
		if m == nil {
			m = form.FindSubmatch(line[:min(len(line), maxWord)])
		}
	}
	switch {
	case m == nil:
		return Unknown
	case digits(m[1]) == 2: // bunyan's and pino's
		l, _ := tens.level(int(m[1][0]-'0')*10 + int(m[1][1]-'0'))
		return l
	}
	l, _ := levelOf(m[1])
	return l
}

const (
	maxWord = 64      // how far from a line's beginning its level may end
	maxKeys = 4 << 10 // likewise, if the line has keys
)

// crash matches the first line that a runtime writes of an error that nothing handles.
var crash = regexp.MustCompile(`^(?:panic: |fatal error: |Traceback \(most recent call last\):|Exception in thread |Unhandled exception|Uncaught |thread '.*' panicked at )`)

const (
	names = `trace|debug|info|notice|warn|warning|err|error|fatal|critical|crit|panic|alert|emergency|emerg`
	keys  = `level|lvl|severity|log\.level|loglevel|log_level|levelname|severitytext|@l`
)

// The name or number of the level is the group of these.
var (
	partOfObject = regexp.MustCompile(`(?i)^\s*\{(?:.*?[{,])?\s*"(?:` + keys + `)"\s*:\s*"?([a-z]{1,11}|\d\d)\b`)
	pair         = regexp.MustCompile(`(?i)^(?:[^\s=]+=.*?\s)?(?:` + keys + `)="?([a-z]{1,11})\b`)
	firstWords   = []*regexp.Regexp{
		regexp.MustCompile(`(?i)^(?:npm )?(` + names + `)(?:!|: )`),
		regexp.MustCompile(`(?i)^npm (` + names + `)\s`),
		regexp.MustCompile(`^(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL)\b`),
		regexp.MustCompile(`^\[?\d{4}[-/]\d\d[-/]\d\d\S*\]?\s+\[?(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL)\b`),
	}
)
