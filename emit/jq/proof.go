package jq

import (
	"bytes"
	"strings"

	"github.com/itchyny/gojq"
)

// proof shows that a program which reads the line as JSON and compares a value in it with a constant has no output for a line:
// the constant is not in the line.
type proof struct {
	needles  [][]byte // the constants in quotes; none of them may be in the line
	parsed   bool     // the program reads .json, which is parsed without the line's escape sequences
	anything bool     // the program fails on no line; else it may fail on lines that are JSON but not objects
}

// newProof reads a program; nil if it has none of these forms:
//
//	.line | fromjson? [| objects] | select(.key == "constant" [or …]) | …
//	select(.line | fromjson? [| objects] | .key == "constant" [or …]) | …
//	select(.json.key == "constant" [or …]) | …
func newProof(q *gojq.Query) *proof {
	if q == nil {
		return nil
	}
	stages, p, within := pipe(q), new(proof), false
	if condition := call(stages[0], "select", 1); condition != nil {
		if p.needles = needles(inner(condition), true); p.needles != nil {
			p.parsed, p.anything = true, true
			return p
		}
		stages, within = pipe(inner(condition)), true
	}
	if len(stages) < 3 || keyOf(stages[0]) != "line" || !fromJSON(stages[1]) {
		return nil
	}
	stages = stages[2:]
	if f := function(stages[0]); f != nil && f.Name == "objects" && len(f.Args) == 0 {
		p.anything, stages = true, stages[1:]
	}
	if len(stages) == 0 {
		return nil
	}
	if condition := call(stages[0], "select", 1); condition != nil {
		p.needles = needles(inner(condition), false)
	} else if within && len(stages) == 1 {
		p.needles = needles(inner(stages[0]), false)
	}
	if p.needles == nil {
		return nil
	}
	return p
}

// needles returns the texts of which one must be in a line for a condition to be true of the object in that line. The condition
// is .key == "constant", several of these joined by or, or begins with one of these and goes on with and. With json the key is
// one of .json. nil: the condition has another form.
func needles(q *gojq.Query, json bool) [][]byte {
	if len(q.FuncDefs) > 0 || len(q.Patterns) > 0 {
		return nil
	}
	switch q.Op {
	case gojq.OpOr:
		a, b := needles(inner(q.Left), json), needles(inner(q.Right), json)
		if a == nil || b == nil {
			return nil
		}
		return append(a, b...)
	case gojq.OpAnd:
		return needles(inner(q.Left), json)
	case gojq.OpEq:
		text, ok := constant(q.Right)
		at := q.Left
		if !ok {
			text, ok = constant(q.Left)
			at = q.Right
		}
		if !ok || !plain(at) || at.Term.Type != gojq.TermTypeIndex || strings.ContainsFunc(text, func(r rune) bool {
			return r < ' ' || r >= 0x7f || r == '"' || r == '\\' // may be written in several ways
		}) {
			return nil
		}
		suffixes := at.Term.SuffixList
		switch {
		case !json && at.Term.Index.Name != "" && len(suffixes) == 0:
		case json && at.Term.Index.Name == "json" && len(suffixes) == 1 && suffixes[0].Index != nil && suffixes[0].Index.Name != "":
		default:
			return nil
		}
		return [][]byte{[]byte(`"` + text + `"`)}
	}
	return nil
}

// holds reports whether the program has no output and no error for the line.
func (p *proof) holds(line []byte) bool {
	if bytes.IndexByte(line, '\\') >= 0 { // the constant may be written with escapes
		return false
	}
	if p.parsed && bytes.IndexByte(line, 0x1b) >= 0 { // one may stand within the constant
		return false
	}
	for _, needle := range p.needles {
		if bytes.Contains(line, needle) {
			return false
		}
	}
	return p.anything || objectOrText(line)
}

// objectOrText reports whether a line is an object or not JSON at all; false if that takes more than a look at its beginning.
func objectOrText(line []byte) bool {
	line = bytes.TrimLeft(line, " \t\r\n")
	if len(line) == 0 {
		return true
	}
	switch c := line[0]; {
	case c == '{':
		return true
	case c == '[', c == '"', c == 't', c == 'f', c == 'n':
		return false
	case c == '-' || '0' <= c && c <= '9':
		return bytes.IndexFunc(line, func(r rune) bool { return !strings.ContainsRune("0123456789+-.eE \t\r\n", r) }) >= 0
	}
	return true
}
