package emit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// Filter is a compiled jq program. Many goroutines may use it at once.
type Filter struct {
	code   *gojq.Code
	values []any // of its variables
	indent string
}

// FilterOptions are what a jq program may use beside a record, and how its output looks.
type FilterOptions struct {
	Variables map[string]any  // by name, without the dollar
	Environ   func() []string // of env and $ENV; nil: there is none
	Modules   []string        // directories where include and import look
	Indent    string          // of each level; empty: an output is one line
}

// HaltError says that a program has ended the run, by halt or halt_error.
type HaltError struct {
	Code    int
	Message string // for stderr, as it is
}

func (e *HaltError) Error() string { return "the program halts" }

func haltError(err *gojq.HaltError) *HaltError {
	h := &HaltError{Code: err.ExitCode()}
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

// FilterError is a jq program that does not compile. Its message shows the place with a caret where it is known.
type FilterError struct {
	Program string
	Offset  int // of the offending byte in Program; negative: unknown
	Err     error
}

func (e *FilterError) Unwrap() error { return e.Err }

func (e *FilterError) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("%v\n    %s", e.Err, strings.ReplaceAll(e.Program, "\n", "\n    "))
	}
	before := e.Program[:e.Offset]
	start := strings.LastIndexByte(before, '\n') + 1
	line, _, _ := strings.Cut(e.Program[start:], "\n")
	column := utf8.RuneCountInString(before[start:])
	return fmt.Sprintf("%v\n    %s\n    %s^", e.Err, line, strings.Repeat(" ", column))
}

// CompileFilter compiles a jq program. The error is a *FilterError.
func CompileFilter(program string, o FilterOptions) (*Filter, error) {
	query, err := gojq.Parse(program)
	if err != nil {
		return nil, &FilterError{program, parseOffset(program, err), err}
	}
	f := &Filter{indent: o.Indent}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(o.Variables)) {
		names, f.values = append(names, "$"+name), append(f.values, o.Variables[name])
	}
	options := []gojq.CompilerOption{gojq.WithVariables(names), gojq.WithModuleLoader(gojq.NewModuleLoader(o.Modules))}
	if o.Environ != nil {
		options = append(options, gojq.WithEnvironLoader(o.Environ))
	}
	if f.code, err = gojq.Compile(query, options...); err != nil {
		return nil, &FilterError{program, nameOffset(program, err), err}
	}
	return f, nil
}

func parseOffset(program string, err error) int {
	var parse *gojq.ParseError
	if !errors.As(err, &parse) {
		return -1
	}
	return min(max(parse.Offset-len(parse.Token), 0), len(program))
}

// undefinedName finds the name in gojq's compile errors, which carry no offset: "function not defined: foo/0".
var undefinedName = regexp.MustCompile(`not defined: (\$?[\w:]+)`)

func nameOffset(program string, err error) int {
	m := undefinedName.FindStringSubmatch(err.Error())
	if m == nil {
		return -1
	}
	word := regexp.MustCompile(`(?:^|[^\w:$.])(` + regexp.QuoteMeta(m[1]) + `)(?:[^\w:]|$)`)
	if at := word.FindStringSubmatchIndex(program); at != nil {
		return at[2]
	}
	return strings.Index(program, m[1])
}

// mostOutput is how much a program may make of one record.
const mostOutput = 64 << 20

// Format is the format of the filter's outputs for each record as compact JSON, one a line; with raw, an output
// that is a string stands as it is. An error of the program on a record is given to onError, which many goroutines
// may call at once, and nothing is written for that record. When ctx ends, so does a program that runs for ever.
// The program sees the fields, too.
func (f *Filter) Format(ctx context.Context, fields Fields, raw bool, onError func(Source, error)) Format {
	return func(src Source) Encode {
		more := fields.values(src)
		return func(dst []byte, r Record) []byte {
			in := input(src, r)
			maps.Copy(in, more)
			if fields.Has(FieldRestarts) {
				in["restarts"] = r.Restarts
			}
			out, err := f.run(ctx, dst, in, raw)
			switch {
			case err == nil:
				return out
			case ctx.Err() == nil:
				onError(src, err)
			}
			if errors.As(err, new(*HaltError)) {
				return out
			}
			return dst
		}
	}
}

// Matches tells whether the program makes anything of a record that is neither false nor null.
func (f *Filter) Matches(ctx context.Context, src Source, r Record) (bool, error) {
	iter := f.code.RunWithContext(ctx, input(src, r), f.values...)
	for {
		v, ok := iter.Next()
		if !ok {
			return false, nil
		}
		if err, ok := v.(error); ok {
			return false, err
		}
		if v != nil && v != false {
			return true, nil
		}
	}
}

func input(src Source, r Record) map[string]any {
	in := map[string]any{
		"cluster":   src.Cluster,
		"ns":        src.Namespace,
		"pod":       src.Pod,
		"container": src.Container,
		"ts":        string(r.Stamp),
		"line":      strings.ToValidUTF8(string(r.Line), "\uFFFD"),
	}
	if r.Truncated {
		in["truncated"] = true
	}
	if r.Gap != nil {
		in["gap"] = map[string]any{"from": r.Gap.From, "to": r.Gap.To, "reason": r.Gap.Reason}
	}
	return in
}

func (f *Filter) run(ctx context.Context, dst []byte, in map[string]any, raw bool) ([]byte, error) {
	iter := f.code.RunWithContext(ctx, in, f.values...)
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
		if s, ok := v.(string); ok && raw {
			dst = append(dst, s...)
		} else {
			b, err := gojq.Marshal(v)
			if err != nil {
				return nil, err
			}
			if f.indent != "" {
				var wide bytes.Buffer
				if err := json.Indent(&wide, b, "", f.indent); err != nil {
					return nil, err
				}
				b = wide.Bytes()
			}
			dst = append(dst, b...)
		}
		dst = append(dst, '\n')
	}
}
