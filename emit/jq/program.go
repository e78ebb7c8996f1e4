// Package jq runs jq programs on records: as the format of an output (Program.Format), or as a condition on each record
// (Program.Matcher). It depends on gojq and on the records of package emit, and knows nothing of Kubernetes.
//
// A program sees a record as an object with the keys cluster, ns, pod, container, ts and line, those of Options.Fields, json
// and level with Options.Parse, and truncated and gap where they apply. The conditions at the beginning of a program that compare these
// keys with constants are decided without running it, which changes nothing but the cost; see plan.
//
// A Program is shared by all goroutines. What Format and Matcher make of it for one source belongs to one goroutine at a time.
// A program may fail on a record: the error goes to the caller, nothing is written for that record, and the next record is a
// new start. It may end the run (*HaltError). One that does not end by itself is stopped when the run's context ends (ErrLate).
package jq

import (
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/itchyny/gojq"

	"mktail/emit"
)

// Program is a compiled jq program. Many goroutines may use it at once.
type Program struct {
	options   Options
	variables []any // the values of the program's variables
	plan      plan
	condition *test      // the whole program, if it is nothing but a condition; else nil
	code      *gojq.Code // what plan leaves of the program; nil: nothing
	numbers   bool       // the program asks for the number of a record
	lends     []string   // the keys of Options.Parse that are not part of records that are let through; see outputs
	late      atomic.Bool
}

// Options are what a jq program may use beside a record.
type Options struct {
	Variables map[string]any  // by name, without the dollar
	Environ   func() []string // of env and $ENV; nil: both are empty
	Modules   []string        // directories where include and import look
	Fields    emit.Fields     // further keys of the record
	Parse     bool            // add the keys json, the line as a JSON object or null if it is not one, and level, its level or null if it has none
	Debug     io.Writer       // gets the messages of debug, a line each, from many goroutines; nil: debug prints nothing
}

// Compile compiles a jq program. The error is a *CompileError.
func Compile(program string, o Options) (*Program, error) {
	query, err := gojq.Parse(program)
	if err != nil {
		return nil, &CompileError{program, parseOffset(program, err), err}
	}
	p := &Program{options: o, plan: plan{rest: query}}
	if o.Parse {
		p.lends = slices.DeleteFunc([]string{keyParsed, keyLevel}, func(key string) bool { return builds(reflect.ValueOf(query), key) })
	}
	modular := len(query.Imports) > 0 || len(o.Modules) > 0
	p.numbers = modular || strings.Contains(program, inputLineNumber)
	if len(o.Modules) == 0 { // the module ~/.jq may define jq's functions differently
		p.plan, p.condition = newPlan(query), newTest(query)
	}
	var names []string
	if modular || strings.Contains(program, "$ARGS") {
		named := maps.Clone(o.Variables)
		names, p.variables = append(names, "$ARGS"), append(p.variables, map[string]any{"named": named, "positional": []any{}})
	}
	for _, name := range slices.Sorted(maps.Keys(o.Variables)) {
		names, p.variables = append(names, "$"+name), append(p.variables, o.Variables[name])
	}
	if p.numbers {
		names = append(names, "$"+numberVariable)
	}
	c := newCompiler(program, o, names, p.numbers)
	whole, err := c.compile(query)
	if err != nil {
		return nil, c.explain(err)
	}
	switch rest := p.plan.rest; rest {
	case query:
		p.code = whole
	case nil:
	default:
		if p.code, err = c.compile(rest); err != nil {
			return nil, c.explain(err)
		}
	}
	return p, nil
}

// Late reports whether there was an ErrLate: then not all records that were read have their output.
func (p *Program) Late() bool { return p.late.Load() }

// Never reports whether the program makes nothing of any record of a source.
func (p *Program) Never(src emit.Source) bool {
	_, never := p.plan.of(src)
	return never
}

// compiler compiles the queries of one program.
type compiler struct {
	program string
	numbers bool // the function for the number of a record is defined
	modules *modules
	options []gojq.CompilerOption
}

// newCompiler makes the compiler of a program that has the named variables, with their dollars.
func newCompiler(program string, o Options, variables []string, numbers bool) *compiler {
	c := &compiler{program: program, numbers: numbers, modules: newModules(o.Modules)}
	c.options = []gojq.CompilerOption{
		gojq.WithVariables(variables), gojq.WithModuleLoader(c.modules),
		gojq.WithFunction("input_filename", 0, 0, func(any, []any) any { return nil }),
		gojq.WithFunction("debug", 0, 0, o.debug),
	}
	if o.Environ != nil {
		c.options = append(c.options, gojq.WithEnvironLoader(o.Environ))
	}
	return c
}

func (c *compiler) compile(q *gojq.Query) (*gojq.Code, error) {
	if c.numbers {
		with := *q
		with.FuncDefs = append(numberDefinition(), q.FuncDefs...)
		q = &with
	}
	return gojq.Compile(q, c.options...)
}

// debug is jq's function of that name.
func (o *Options) debug(v any, _ []any) any {
	if o.Debug == nil {
		return v
	}
	line, err := appendValue([]byte(`["DEBUG:",`), v)
	if err == nil {
		_, err = o.Debug.Write(append(line, "]\n"...))
	}
	if err != nil {
		return err
	}
	return v
}

// jq's function for the number of an input, which gojq leaves to its users, and the variable that holds the number here.
const (
	inputLineNumber = "input_line_number"
	numberVariable  = "__input_line_number__"
)

func numberDefinition() []*gojq.FuncDef {
	body := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: "$" + numberVariable}}}
	return []*gojq.FuncDef{{Name: inputLineNumber, Body: body}}
}
