package applog

import "regexp"

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
	for _, form := range guesses {
		m := form.FindSubmatch(line)
		if m == nil {
			continue
		}
		name := m[1]
		if digits(name) == len(name) { // bunyan's and pino's
			if len(name) == 2 {
				l, _ := tens.level(int(name[0]-'0')*10 + int(name[1]-'0'))
				return l
			}
			return Unknown
		}
		l, _ := levelOf(name)
		return l
	}
	return Unknown
}

// crash matches the first line that a runtime writes of an error that nothing handles.
var crash = regexp.MustCompile(`^(?:panic: |fatal error: |Traceback \(most recent call last\):|Exception in thread |Unhandled exception|Uncaught |thread '.*' panicked at )`)

const (
	names = `trace|debug|info|notice|warn|warning|err|error|fatal|critical|crit|panic|alert|emergency|emerg`
	keys  = `level|lvl|severity|log\.level|loglevel|log_level|levelname|severitytext|@l`
)

// guesses have the name of the level as their group.
var guesses = []*regexp.Regexp{
	regexp.MustCompile(`(?i)^\s*\{(?:.*?[{,])?\s*"(?:` + keys + `)"\s*:\s*"?([a-z]{1,11}|\d\d)\b`), // JSON that is not complete, or has something behind it
	regexp.MustCompile(`(?i)^(?:[^\s=]+=.*?\s)?(?:` + keys + `)="?([a-z]{1,11})\b`),                // pairs that are not quoted in full
	regexp.MustCompile(`(?i)^(?:npm )?(` + names + `)(?:!|: )`),                                    // error: x
	regexp.MustCompile(`(?i)^npm (?:(` + names + `)(?:!|\s))`),
	regexp.MustCompile(`^(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL)\b`),
	regexp.MustCompile(`^\[?\d{4}[-/]\d\d[-/]\d\d\S*\]?\s+\[?(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL)\b`),
}
