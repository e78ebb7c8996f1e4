package jq

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/itchyny/gojq"

	"mktail/emit"
)

// plan is what is known of a program's result on a record without running it. A program is read as
// select(A and B and …) | select(…) | rest. Conditions at the beginning that compare a key of the record with a constant never
// fail, and mean the same here as to gojq. They are taken out of the program: a record for which one of them is false has no
// output. The rest runs as any program.
type plan struct {
	tests []*test
	rest  *gojq.Query // nil: nothing is left, the program returns its input
	proof *proof      // that rest has no output for a line; nil: there is none
}

// newPlan reads a program. It does not change the query.
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

// of returns the conditions that are left for the records of a source; never: one of the others is false.
func (p *plan) of(src emit.Source) (left []*test, never bool) {
	for _, t := range p.tests {
		if !t.fixed {
			left = append(left, t)
		} else if !t.holds(&src, new(emit.Record), nil) {
			never = true
		}
	}
	return left, never
}

// take moves the conditions at the beginning of a conjunction to p.tests, and returns what is left of the conjunction.
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
	key   string            // the key whose value is tested; empty: see both
	is    func([]byte) bool // the test of that value
	both  [2]*test          // joined by and, or with or by or
	or    bool
	not   bool // the result is negated
	fixed bool // the result is the same for all records of a source
}

// newTest reads a condition; nil if it cannot be decided without running it.
func newTest(q *gojq.Query) *test {
	if len(q.Imports) > 0 || q.Meta != nil { // functions of modules replace jq's
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

// predicate reads the call of a function that tests a string; nil if f is not one of those known here.
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

// holds reports whether the condition is true of a record of a source. line is the record's line as the program sees it.
func (t *test) holds(src *emit.Source, r *emit.Record, line []byte) bool {
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
