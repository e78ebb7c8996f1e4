package emit

import (
	"bytes"
	"regexp"
)

// trace is what a group of lines is, beyond that indented lines belong to the one before them.
type trace int

const (
	noTrace    trace = iota
	jsonTrace        // a JSON value over several lines
	goTrace          // of a Go panic: functions are not indented
	pyTrace          // of Python: the exception comes last, and is not indented
	pyEnd            // after that: another exception may have been raised meanwhile
	nodeTrace        // of an uncaught exception of Node: the place, an empty line, the exception, an empty line, the version
	closedJSON       // a JSON value that is complete: nothing belongs to it
)

// group is what is known of lines that belong together.
type group struct {
	kind     trace
	depth    int  // of brackets that are open, of jsonTrace
	indented bool // the line before was indented
}

// The patterns are those of the runtimes' own messages. A word that only tells of an error may stand in any text: it is looked for only where
// the next line is the beginning of a trace.
var (
	javaClass  = regexp.MustCompile(`^(?:[a-z_]\w*\.)+[A-Z$][\w$.]*(?::|$)`)
	causedBy   = regexp.MustCompile(`^(?:Caused by|Suppressed|Wrapped by): |^\.\.\. \d+ (?:more|common frames omitted)`)
	tellsError = regexp.MustCompile(`(?i)error|exception|fail|fatal|severe|critical|panic|\bwarn`)
	dotNetEnd  = regexp.MustCompile(`^--- End of `)
	goStart    = regexp.MustCompile(`^(?:panic: |fatal error: |runtime: |unexpected fault address |SIG[A-Z]+: |goroutine \d+ (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\[)`)
	goroutine  = regexp.MustCompile(`^goroutine \d+ (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\[`)
	goLine     = regexp.MustCompile(`^(?:$|goroutine (?:\d+|running)|\[signal |\[recovered\]|\[originating from |created by |exit status \d+|panic\(|\.\.\.\d+ frames elided\.\.\.|\.\.\.additional frames elided\.\.\.|(?:r\w{1,5}|cs|fs|gs)\s+0x[0-9a-f]+$|[\w./()*~@%·\[\],{}-]+\(.*\)$)`)
	pyStart    = regexp.MustCompile(`^(?:\+ )?(?:Exception Group )?Traceback \(most recent call last\):$`)
	pyError    = regexp.MustCompile(`^[A-Za-z_][\w.]*(?::.*)?$`)
	pyAgain    = regexp.MustCompile(`^(?:During handling of the above exception, another exception occurred:|The above exception was the direct cause of the following exception:)$`)
	nodeStart  = regexp.MustCompile(`^(?:file://|node:|/|[A-Z]:\\)\S*:\d+$`)
	nodeLine   = regexp.MustCompile(`^(?:$|Node\.js v\d|(?:Uncaught )?(?:[A-Za-z]\w*)?(?:Error|Exception)\b)`)
	rubyFrame  = regexp.MustCompile("^(?:from )?[^\\s:]+\\.rb:\\d+:in [`']")
	rubyRaised = regexp.MustCompile(`\([A-Z][\w:]*\)$`)
)

// begin returns the group that a line begins.
func begin(text []byte) group {
	g := group{}
	if len(text) == 0 {
		return g
	}
	switch c := text[0]; {
	case c == '{' || c == '[':
		if depth, ok := jsonDepth(text, 0); ok {
			if g.kind = jsonTrace; depth == 0 {
				g.kind = closedJSON
			}
			g.depth = depth
		}
	case goStart.Match(text):
		g.kind = goTrace
	case c == 'T' || c == '+':
		if pyStart.Match(text) {
			g.kind = pyTrace
		}
	case nodeStart.Match(text):
		g.kind = nodeTrace
	}
	return g
}

// complete reports whether no further line belongs to the group.
func (g *group) complete() bool { return g.kind == closedJSON }

// next returns the group with another line, after the line last; not ok: the line does not belong to it.
func (g group) next(last, text []byte) (more group, ok bool) {
	more = g
	more.indented = len(text) > 0 && (text[0] == ' ' || text[0] == '\t')
	switch g.kind {
	case closedJSON:
		return g, false
	case jsonTrace:
		more.depth, ok = jsonDepth(text, g.depth)
		if ok && more.depth == 0 {
			more.kind = closedJSON
		}
		return more, ok
	case pyTrace, pyEnd:
		return more.nextPython(g, text)
	case goTrace:
		if goLine.Match(text) {
			return more, true
		}
	case nodeTrace:
		if nodeLine.Match(text) {
			return more, true
		}
	}
	switch {
	case len(text) == 0:
		return g, false
	case more.indented:
		return more, len(last) > 0 || g.kind != noTrace
	case (text[0] == '}' || text[0] == ']' || text[0] == ')') && g.indented: // what was indented is closed
		return more, true
	case causedBy.Match(text), dotNetEnd.Match(text):
		return more, true
	case rubyFrame.Match(text):
		return more, !rubyRaised.Match(text) && (rubyFrame.Match(last) || tellsError.Match(last) || len(bytes.TrimSpace(last)) == 0)
	}
	of := begin(text)
	switch { // a trace after the message that tells of it
	case of.kind == pyTrace, of.kind == goTrace && goroutine.Match(text), javaClass.Match(text):
		if g.kind == noTrace && tellsError.Match(last) && !g.indented {
			more.kind = of.kind
			return more, true
		}
	}
	return g, false
}

// nextPython is next for a traceback of Python.
func (g group) nextPython(was group, text []byte) (more group, ok bool) {
	switch {
	case g.indented:
		return g, was.kind == pyTrace
	case was.kind == pyTrace && was.indented && pyError.Match(text):
		g.kind = pyEnd
		return g, true
	case was.kind == pyTrace:
		return g, false
	case len(text) == 0, pyAgain.Match(text):
		return g, true
	case pyStart.Match(text):
		g.kind = pyTrace
		return g, true
	}
	return g, false
}

// jsonDepth returns how many brackets are open after a line of JSON, if so many were before; not ok: it is not such a line. It
// looks at brackets and strings only.
func jsonDepth(text []byte, depth int) (after int, ok bool) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return depth, depth > 0
	}
	if c := text[0]; depth > 0 && bytes.IndexByte([]byte(`"{}[],-0123456789tfn`), c) < 0 {
		return depth, false
	}
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			end := stringEnd(text[i+1:])
			if end < 0 {
				return depth, false
			}
			i += end + 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				rest := bytes.TrimSpace(text[i+1:])
				return 0, len(rest) == 0
			}
		}
	}
	// A line of JSON that is not the last one ends like this; another text may well begin with a bracket.
	last := text[len(text)-1]
	return depth, bytes.IndexByte([]byte(`{[,:}]"el0123456789`), last) >= 0
}

// stringEnd returns where the quote is that ends a JSON string; -1: nowhere.
func stringEnd(text []byte) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}
