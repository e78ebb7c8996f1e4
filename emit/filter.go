package emit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/itchyny/gojq"
)

// Filter is a compiled jq program. Many goroutines may use it at once.
type Filter struct {
	options FilterOptions
	values  []any // of its variables
	plan    plan
	whole   *test      // the program is a condition, and nothing else; nil: it is not
	code    *gojq.Code // what plan leaves of the program; nil: nothing
	numbers bool       // it asks for the number of a record
	lends   bool       // the line as JSON is not its own; see outputs
	late    atomic.Bool
}

// FilterOptions are what a jq program may use beside a record.
type FilterOptions struct {
	Variables map[string]any  // by name, without the dollar
	Environ   func() []string // of env and $ENV; nil: there is none
	Modules   []string        // directories where include and import look
	Fields    Fields          // are keys of the record
	Parse     bool            // so is json: the line as the JSON object that it is, else null
	Debug     io.Writer       // of debug, a line at a time; many goroutines write to it. nil: there is no debug

	slow bool // run the whole program on each record, for comparison
}

// Shape says how the outputs of a program look: JSON, one a line. An output that is a record, which is an object in which
// the six keys are strings, keeps their order.
type Shape struct {
	Raw    bool   // strings stand as they are
	Sort   bool   // all keys are sorted
	Seq    bool   // a record separator, U+001E, comes before each output
	Indent string // of each level, over several lines; empty: none
	Text   Format // of outputs that are records; then whatever could steer a terminal is escaped in others. nil: JSON
}

// HaltError says that a program has ended the run, by halt or halt_error.
type HaltError struct {
	Code    int    // 0 to 255, as a process has it
	Message string // for stderr, as it is
}

func (e *HaltError) Error() string { return "the program halts" }

func haltError(err *gojq.HaltError) *HaltError {
	h := &HaltError{Code: err.ExitCode() & 0xff}
	switch v := err.Value().(type) {
	case nil:
	case string:
		h.Message = v
	default:
		if b, err := gojq.Marshal(v); err == nil {
			h.Message = string(b) + "\n"
		}
	}
	return h
}

// CompileFilter compiles a jq program. The error is a *FilterError.
func CompileFilter(program string, o FilterOptions) (*Filter, error) {
	query, err := gojq.Parse(program)
	if err != nil {
		return nil, &FilterError{program, parseOffset(program, err), err}
	}
	f := &Filter{options: o, plan: plan{rest: query}}
	f.lends = o.Parse && !builds(reflect.ValueOf(query), keyParsed)
	modular := len(query.Imports) > 0 || len(o.Modules) > 0
	f.numbers = modular || strings.Contains(program, inputLineNumber)
	if !o.slow && len(o.Modules) == 0 { // a module ~/.jq may define functions anew
		f.plan, f.whole = newPlan(query), newTest(query)
	}
	var names []string
	if modular || strings.Contains(program, "$ARGS") {
		named := maps.Clone(o.Variables)
		names, f.values = append(names, "$ARGS"), append(f.values, map[string]any{"named": named, "positional": []any{}})
	}
	for _, name := range slices.Sorted(maps.Keys(o.Variables)) {
		names, f.values = append(names, "$"+name), append(f.values, o.Variables[name])
	}
	if f.numbers {
		names = append(names, "$"+numberVariable)
	}
	c := &compiling{program: program, numbers: f.numbers, modules: newModules(o.Modules)}
	c.options = []gojq.CompilerOption{
		gojq.WithVariables(names), gojq.WithModuleLoader(c.modules),
		gojq.WithFunction("input_filename", 0, 0, func(any, []any) any { return nil }),
	}
	if o.Environ != nil {
		c.options = append(c.options, gojq.WithEnvironLoader(o.Environ))
	}
	if o.Debug != nil {
		c.options = append(c.options, gojq.WithFunction("debug", 0, 0, o.debug))
	}
	whole, err := c.compile(query)
	if err != nil {
		return nil, c.explain(err)
	}
	switch rest := f.plan.rest; rest {
	case query:
		f.code = whole
	case nil:
	default:
		if f.code, err = c.compile(rest); err != nil {
			return nil, c.explain(err)
		}
	}
	return f, nil
}

// compiling is what a program is compiled with.
type compiling struct {
	program string
	numbers bool // the function for the number of a record is wanted
	modules *modules
	options []gojq.CompilerOption
}

func (c *compiling) compile(q *gojq.Query) (*gojq.Code, error) {
	if c.numbers {
		with := *q
		with.FuncDefs = append(numberDefinition(), q.FuncDefs...)
		q = &with
	}
	return gojq.Compile(q, c.options...)
}

// debug is jq's function of that name.
func (o *FilterOptions) debug(v any, _ []any) any {
	line, err := appendValue([]byte(`["DEBUG:",`), v)
	if err == nil {
		_, err = o.Debug.Write(append(line, "]\n"...))
	}
	if err != nil {
		return err
	}
	return v
}

// jq's function for the number of an input, which gojq leaves to those who use it, and the variable that has it here.
const (
	inputLineNumber = "input_line_number"
	numberVariable  = "__input_line_number__"
)

func numberDefinition() []*gojq.FuncDef {
	body := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: "$" + numberVariable}}}
	return []*gojq.FuncDef{{Name: inputLineNumber, Body: body}}
}

// mostOutput is how much a program may make of one record.
const mostOutput = 64 << 20

// overtime is how long a program may run on a record after the end of a run: what was read is still to be written.
const overtime = time.Second

// ErrLate says that the run has ended and a program does not end on a record. It gets no time for later ones then.
var ErrLate = errors.New("it does not end, and the run has")

// Late tells whether there was an ErrLate.
func (f *Filter) Late() bool { return f.late.Load() }

// Never tells that the program makes nothing of the records of a source, whatever they are.
func (f *Filter) Never(src Source) bool {
	_, never := f.plan.of(src)
	return never
}

// Format is the format of the filter's outputs for each record. An error of the program on a record is given to onError,
// which many goroutines may call at once, and nothing is written for that record, but for what came before a HaltError.
// After that, or where onError says so, nothing is made of later records of the source. When ctx has ended, each record has a
// second of its own; see ErrLate.
func (f *Filter) Format(ctx context.Context, shape Shape, onError func(Source, Record, error) (over bool)) Format {
	return func(src Source) Encode {
		tests, over := f.plan.of(src)
		in := newInput(src, f.options)
		out := newOutputs(src, f.options, shape, f.lends)
		return func(dst []byte, r Record) []byte {
			if over {
				return dst
			}
			line := in.line(&r)
			for _, t := range tests {
				if !t.holds(&src, &r, line) {
					return dst
				}
			}
			switch {
			case f.code == nil && out.self != nil:
				return out.self(dst, r)
			case f.plan.proof != nil && f.plan.proof.holds(line):
				return dst
			}
			written, err := f.run(ctx, dst, in, &r, line, out)
			if ended(ctx, err) {
				late, done := f.overtime(ctx)
				written, err = f.run(late, dst, in, &r, line, out)
				err = f.inTime(late, err)
				done()
			}
			if err == nil {
				return written
			}
			over = onError(src, r, err)
			if errors.As(err, new(*HaltError)) {
				over = true
				return written
			}
			return dst
		}
	}
}

// Matcher makes what tells of the records of a source whether the program makes anything of them that is neither false nor
// null. One goroutine at a time may use it. When ctx has ended, it is as with Format.
func (f *Filter) Matcher(ctx context.Context, src Source) func(Record) (bool, error) {
	tests, never := f.plan.of(src)
	in := newInput(src, f.options)
	return func(r Record) (bool, error) {
		if never {
			return false, nil
		}
		line := in.line(&r)
		if f.whole != nil {
			return f.whole.holds(&src, &r, line), nil
		}
		for _, t := range tests {
			if !t.holds(&src, &r, line) {
				return false, nil
			}
		}
		if f.code == nil {
			return true, nil
		}
		if f.plan.proof != nil && f.plan.proof.holds(line) {
			return false, nil
		}
		made, err := f.match(ctx, in, &r, line)
		if ended(ctx, err) {
			late, done := f.overtime(ctx)
			defer done()
			made, err = f.match(late, in, &r, line)
			err = f.inTime(late, err)
		}
		return made, err
	}
}

// ended tells whether err is that ctx has ended while a program ran.
func ended(ctx context.Context, err error) bool { return err != nil && err == ctx.Err() }

// overtime is the context for a record after the end of ctx.
func (f *Filter) overtime(ctx context.Context) (context.Context, context.CancelFunc) {
	if f.late.Load() {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), overtime)
}

// inTime is the error of a run of the program on a record with that context of overtime.
func (f *Filter) inTime(late context.Context, err error) error {
	if !ended(late, err) {
		return err
	}
	f.late.Store(true)
	return ErrLate
}

// match tells whether the program makes anything of a record that is neither false nor null.
func (f *Filter) match(ctx context.Context, in *input, r *Record, line []byte) (bool, error) {
	iter := f.start(ctx, in, r, line)
	for {
		v, ok := iter.Next()
		if !ok {
			return false, nil
		}
		if halt, ok := v.(*gojq.HaltError); ok {
			return false, haltError(halt)
		}
		if err, ok := v.(error); ok {
			return false, err
		}
		if v != nil && v != false {
			return true, nil
		}
	}
}

// start runs what is left of the program on a record.
func (f *Filter) start(ctx context.Context, in *input, r *Record, line []byte) gojq.Iter {
	values := f.values
	if f.numbers {
		values = append(slices.Clone(values), r.Number)
	}
	return f.code.RunWithContext(ctx, in.set(r, line), values...)
}

func (f *Filter) run(ctx context.Context, dst []byte, in *input, r *Record, line []byte, out *outputs) ([]byte, error) {
	if f.code == nil {
		return out.append(dst, in.set(r, line), in, r)
	}
	iter := f.start(ctx, in, r, line)
	for before := len(dst); ; {
		if len(dst)-before > mostOutput {
			return nil, fmt.Errorf("more than %d MiB of output from one record", mostOutput>>20)
		}
		v, ok := iter.Next()
		if !ok {
			return dst, nil
		}
		if halt, ok := v.(*gojq.HaltError); ok { // what came before it is written
			return dst, haltError(halt)
		}
		if err, ok := v.(error); ok {
			return nil, err
		}
		var err error
		if dst, err = out.append(dst, v, in, r); err != nil {
			return nil, err
		}
	}
}
