package emit

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// plan is what can be said of a program's result on a record without running it. A program is taken for
// select(A and B and …) | select(…) | rest. The conditions at its beginning that compare a key of the record with a
// constant, for which gojq's meaning and ours are provably the same and which never fail, are left out of the program:
// a record for which one is false makes nothing. What is left runs as any program.
type plan struct {
	tests []*test
	rest  *gojq.Query // nil: nothing is left, the program gives what it gets
	proof *proof      // that rest makes nothing of a line; nil: there is none
}

// newPlan reads a program. It keeps no part of the query that it changes.
func newPlan(q *gojq.Query) plan {
	if len(q.Imports) > 0 || q.Meta != nil {
		return plan{rest: q}
	}
	p := plan{rest: q}
	for p.rest != nil {
		first, rest := p.rest, (*gojq.Query)(nil)
		if first.Op == gojq.OpPipe && first.Left != nil && len(first.Patterns) == 0 && len(first.FuncDefs) == 0 {
			first, rest = first.Left, first.Right
		}
		if plain(first) && first.Term.Type == gojq.TermTypeIdentity && len(first.Term.SuffixList) == 0 {
			p.rest = rest
			continue
		}
		condition := call(first, "select", 1)
		if condition == nil {
			break
		}
		left := p.take(condition)
		if left != nil {
			p.rest = &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: "select", Args: []*gojq.Query{left}}}}
			if rest != nil {
				p.rest = &gojq.Query{Left: p.rest, Op: gojq.OpPipe, Right: rest}
			}
			break
		}
		p.rest = rest
	}
	p.proof = newProof(p.rest)
	return p
}

// of gives the conditions that are left for the records of a source; never tells that one of the others is false.
func (p *plan) of(src Source) (left []*test, never bool) {
	for _, t := range p.tests {
		if !t.fixed {
			left = append(left, t)
		} else if !t.holds(&src, new(Record), nil) {
			never = true
		}
	}
	return left, never
}

// take takes the conditions at the beginning of a conjunction, and returns what is left of it.
func (p *plan) take(q *gojq.Query) (left *gojq.Query) {
	q = inner(q)
	if q.Op == gojq.OpAnd && len(q.FuncDefs) == 0 {
		if left = p.take(q.Left); left != nil {
			return &gojq.Query{Left: left, Op: gojq.OpAnd, Right: q.Right}
		}
		return p.take(q.Right)
	}
	if t := newTest(q); t != nil {
		p.tests = append(p.tests, t)
		return nil
	}
	return q
}

// test is a condition on a record.
type test struct {
	key   string            // whose value counts; empty: see both
	is    func([]byte) bool // of its value
	both  [2]*test
	or    bool // one of both is enough
	not   bool
	fixed bool // it is the same for all records of a source
}

// newTest reads a condition; nil if it can't be decided here.
func newTest(q *gojq.Query) *test {
	if len(q.Imports) > 0 || q.Meta != nil { // functions of modules take the place of jq's
		return nil
	}
	q = inner(q)
	if len(q.FuncDefs) > 0 || len(q.Patterns) > 0 {
		return nil
	}
	switch {
	case q.Op == gojq.OpAnd, q.Op == gojq.OpOr:
		a, b := newTest(q.Left), newTest(q.Right)
		if a == nil || b == nil {
			return nil
		}
		return &test{both: [2]*test{a, b}, or: q.Op == gojq.OpOr, fixed: a.fixed && b.fixed}
	case q.Op == gojq.OpEq, q.Op == gojq.OpNe:
		key, text, ok := keyOf(q.Left), "", false
		if text, ok = constant(q.Right); !ok {
			key = keyOf(q.Right)
			text, ok = constant(q.Left)
		}
		if key == "" || !ok {
			return nil
		}
		return keyTest(key, q.Op == gojq.OpNe, func(v []byte) bool { return string(v) == text })
	case q.Op != gojq.OpPipe:
		return nil
	}
	stages := pipe(q)
	t, after := newTest(stages[0]), stages[1:]
	if key, f := keyOf(stages[0]), function(stages[1]); key != "" && f != nil {
		if is := predicate(f); is != nil {
			t, after = keyTest(key, false, is), stages[2:]
		}
	}
	for _, stage := range after {
		if f := function(stage); t == nil || f == nil || f.Name != "not" || len(f.Args) > 0 {
			return nil
		}
		t.not = !t.not
	}
	return t
}

func keyTest(key string, not bool, is func([]byte) bool) *test {
	return &test{key: key, is: is, not: not, fixed: key != "ts" && key != "line"}
}

// predicate reads a call of a function that tells something of a string; nil if it is none.
func predicate(f *gojq.Func) func([]byte) bool {
	var args []string
	for _, arg := range f.Args {
		text, ok := constant(arg)
		if !ok {
			return nil
		}
		args = append(args, text)
	}
	switch {
	case f.Name == "test" && (len(args) == 1 || len(args) == 2):
		pattern := args[0]
		if len(args) == 2 { // as gojq's compileRegexp has it
			if strings.Trim(args[1], "gim") != "" {
				return nil
			}
			if strings.Contains(args[1], "i") {
				pattern = "(?i)" + pattern
			}
			if strings.Contains(args[1], "m") {
				pattern = "(?s)" + pattern
			}
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil
		}
		return re.Match
	case len(args) != 1:
		return nil
	}
	text := []byte(args[0])
	switch f.Name {
	case "contains":
		return func(v []byte) bool { return bytes.Contains(v, text) }
	case "startswith":
		return func(v []byte) bool { return bytes.HasPrefix(v, text) }
	case "endswith":
		return func(v []byte) bool { return bytes.HasSuffix(v, text) }
	}
	return nil
}

// holds decides a condition. line is r's as the program sees it.
func (t *test) holds(src *Source, r *Record, line []byte) bool {
	if t.key == "" {
		if a := t.both[0].holds(src, r, line); a == t.or {
			return a != t.not
		}
		return t.both[1].holds(src, r, line) != t.not
	}
	var v []byte
	switch t.key {
	case "cluster":
		v = []byte(src.Cluster)
	case "ns":
		v = []byte(src.Namespace)
	case "pod":
		v = []byte(src.Pod)
	case "container":
		v = []byte(src.Container)
	case "ts":
		v = r.Stamp
	case "line":
		v = line
	}
	return t.is(v) != t.not
}

// proof shows of lines that are read as JSON that nothing can come of them: a value that is compared with a constant can't
// be that, because the constant isn't in the line.
type proof struct {
	needles  [][]byte // of which none may be in the line: the constants in quotes
	anything bool     // no value fails, whatever the line holds; else only objects and what is no JSON are sure not to
}

// newProof reads a program; nil if it is no such one. These are:
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
			p.anything = true
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

// needles are what must be in a line for a condition to hold of the object in it: .key == "constant", several joined by or,
// or one of several joined by and, the first. With json the key is one of .json. nil: the condition is another.
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

// holds tells whether nothing can come of the line, and nothing can fail.
func (p *proof) holds(line []byte) bool {
	if bytes.IndexByte(line, '\\') >= 0 { // the constant may be written with escapes
		return false
	}
	for _, needle := range p.needles {
		if bytes.Contains(line, needle) {
			return false
		}
	}
	return p.anything || objectOrText(line)
}

// objectOrText tells that a line is an object or no JSON at all; false also if that isn't plain to see.
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

// inner is a query without the parentheses around it.
func inner(q *gojq.Query) *gojq.Query {
	for plain(q) && q.Term.Type == gojq.TermTypeQuery && len(q.Term.SuffixList) == 0 {
		q = q.Term.Query
	}
	return q
}

// plain tells that a query is a single term.
func plain(q *gojq.Query) bool { return q.Term != nil && len(q.FuncDefs) == 0 }

// pipe are the stages of a query. The last one may be anything.
func pipe(q *gojq.Query) (stages []*gojq.Query) {
	for q.Op == gojq.OpPipe && q.Left != nil && len(q.Patterns) == 0 && len(q.FuncDefs) == 0 {
		stages, q = append(stages, q.Left), q.Right
	}
	return append(stages, q)
}

// function is the call of a function that a query is; nil if it is none.
func function(q *gojq.Query) *gojq.Func {
	if !plain(q) || q.Term.Type != gojq.TermTypeFunc || len(q.Term.SuffixList) > 0 {
		return nil
	}
	return q.Term.Func
}

// call gives the last argument of a call of a function with so many; nil if the query is none.
func call(q *gojq.Query, name string, args int) *gojq.Query {
	f := function(q)
	if f == nil || f.Name != name || len(f.Args) != args {
		return nil
	}
	return f.Args[args-1]
}

// fromJSON tells whether a query is fromjson?.
func fromJSON(q *gojq.Query) bool {
	return plain(q) && q.Term.Type == gojq.TermTypeFunc && q.Term.Func.Name == "fromjson" && len(q.Term.Func.Args) == 0 &&
		len(q.Term.SuffixList) == 1 && q.Term.SuffixList[0].Optional
}

// keys are those of each record, whose values are always strings.
var keys = []string{"cluster", "ns", "pod", "container", "ts", "line"}

// keyOf is the key that a query takes of a record: .key; empty if it is another query.
func keyOf(q *gojq.Query) string {
	if q = inner(q); !plain(q) || q.Term.Type != gojq.TermTypeIndex || len(q.Term.SuffixList) > 0 || !slices.Contains(keys, q.Term.Index.Name) {
		return ""
	}
	return q.Term.Index.Name
}

// constant is the string that a query is.
func constant(q *gojq.Query) (string, bool) {
	if q = inner(q); !plain(q) || q.Term.Type != gojq.TermTypeString || len(q.Term.SuffixList) > 0 || q.Term.Str == nil || len(q.Term.Str.Queries) > 0 {
		return "", false
	}
	return q.Term.Str.Str, utf8.ValidString(q.Term.Str.Str)
}
