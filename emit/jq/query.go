package jq

import (
	"slices"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// inner returns a query without the parentheses around it.
func inner(q *gojq.Query) *gojq.Query {
	for plain(q) && q.Term.Type == gojq.TermTypeQuery && len(q.Term.SuffixList) == 0 {
		q = q.Term.Query
	}
	return q
}

// plain reports whether a query is a single term.
func plain(q *gojq.Query) bool { return q.Term != nil && len(q.FuncDefs) == 0 }

// pipe returns the stages of a query. The last one may be any query.
func pipe(q *gojq.Query) (stages []*gojq.Query) {
	for q.Op == gojq.OpPipe && q.Left != nil && len(q.Patterns) == 0 && len(q.FuncDefs) == 0 {
		stages, q = append(stages, q.Left), q.Right
	}
	return append(stages, q)
}

// function returns the function call that a query is; nil if it is not one.
func function(q *gojq.Query) *gojq.Func {
	if !plain(q) || q.Term.Type != gojq.TermTypeFunc || len(q.Term.SuffixList) > 0 {
		return nil
	}
	return q.Term.Func
}

// call returns the last argument of a call of the named function with so many arguments; nil if the query is not one.
func call(q *gojq.Query, name string, args int) *gojq.Query {
	f := function(q)
	if f == nil || f.Name != name || len(f.Args) != args {
		return nil
	}
	return f.Args[args-1]
}

// fromJSON reports whether a query is fromjson?.
func fromJSON(q *gojq.Query) bool {
	return plain(q) && q.Term.Type == gojq.TermTypeFunc && q.Term.Func.Name == "fromjson" && len(q.Term.Func.Args) == 0 &&
		len(q.Term.SuffixList) == 1 && q.Term.SuffixList[0].Optional
}

// recordKeys are the keys of every record. Their values are always strings.
var recordKeys = []string{"cluster", "ns", "pod", "container", "ts", "line"}

// keyOf returns the key of a record that a query asks for: .key; empty if it is another query.
func keyOf(q *gojq.Query) string {
	if q = inner(q); !plain(q) || q.Term.Type != gojq.TermTypeIndex || len(q.Term.SuffixList) > 0 || !slices.Contains(recordKeys, q.Term.Index.Name) {
		return ""
	}
	return q.Term.Index.Name
}

// constant returns the string that a query is; not ok: it is another query.
func constant(q *gojq.Query) (string, bool) {
	if q = inner(q); !plain(q) || q.Term.Type != gojq.TermTypeString || len(q.Term.SuffixList) > 0 || q.Term.Str == nil || len(q.Term.Str.Queries) > 0 {
		return "", false
	}
	return q.Term.Str.Str, utf8.ValidString(q.Term.Str.Str)
}
