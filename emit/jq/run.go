package jq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/itchyny/gojq"

	"mktail/emit"
)

// Shape says how the outputs of a program look: JSON, one output a line. An output that is a record, that is an object in
// which the six keys are strings, keeps the order of its keys.
type Shape struct {
	Raw    bool        // write strings without quotes
	Sort   bool        // sort all keys
	Seq    bool        // write a record separator, U+001E, before each output
	Indent string      // of each level, over several lines; empty: one line
	Text   emit.Format // writes outputs that are records; what could steer a terminal is escaped in other outputs. nil: all is JSON
}

// HaltError is the error of a program that ends the run, by halt or halt_error.
type HaltError struct {
	Code    int    // the exit code, 0 to 255
	Message string // for stderr, with its newline if it has one; may be empty
}

// Error returns a fixed text; Message is what the program says.
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

// overtime is how long a program may run on a record after the end of the run: records that were read are still written.
const overtime = time.Second / 2

// ErrLate is the error of a program that was still running on a record when the run had ended and the time allowed for one
// record, half a second, was over. Later records get no time at all.
var ErrLate = errors.New("it does not end, and the run has")

// Format returns the format that writes the program's outputs for each record. An error of the program is given to onError,
// which many goroutines may call at once, and nothing is written for that record, except what came before a *HaltError.
// After a *HaltError, or if onError returns over, nothing is written for later records of the source. After the end of ctx,
// the program has half a second for each record, until it exceeds that once; see ErrLate.
func (p *Program) Format(ctx context.Context, shape Shape, onError func(emit.Source, *emit.Record, error) (over bool)) emit.Format {
	return func(src emit.Source) emit.Encode {
		tests, over := p.plan.of(src)
		in := newInput(src, p.options)
		out := newOutputs(src, p.options, shape, p.lends)
		return func(dst []byte, r *emit.Record) []byte {
			if over {
				return dst
			}
			line := in.line(r)
			for _, t := range tests {
				if !t.holds(&src, r, line) {
					return dst
				}
			}
			switch {
			case p.code == nil && out.self != nil:
				return out.self(dst, r)
			case p.plan.proof != nil && p.plan.proof.holds(line):
				return dst
			}
			written, err := p.run(ctx, dst, in, r, line, out)
			if ended(ctx, err) {
				late, done := p.overtime(ctx)
				written, err = p.run(late, dst, in, r, line, out)
				err = p.inTime(late, err)
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

// Matcher returns a function for the records of a source that reports whether any output of the program is neither false nor
// null. One goroutine at a time may use it. Its error is the program's; the end of ctx is treated as by Format.
func (p *Program) Matcher(ctx context.Context, src emit.Source) func(*emit.Record) (bool, error) {
	tests, never := p.plan.of(src)
	in := newInput(src, p.options)
	return func(r *emit.Record) (bool, error) {
		if never {
			return false, nil
		}
		line := in.line(r)
		if p.condition != nil {
			return p.condition.holds(&src, r, line), nil
		}
		for _, t := range tests {
			if !t.holds(&src, r, line) {
				return false, nil
			}
		}
		if p.code == nil {
			return true, nil
		}
		if p.plan.proof != nil && p.plan.proof.holds(line) {
			return false, nil
		}
		matches, err := p.match(ctx, in, r, line)
		if ended(ctx, err) {
			late, done := p.overtime(ctx)
			defer done()
			matches, err = p.match(late, in, r, line)
			err = p.inTime(late, err)
		}
		return matches, err
	}
}

// ended reports whether err is the end of ctx while the program ran.
func ended(ctx context.Context, err error) bool { return err != nil && err == ctx.Err() }

// overtime returns the context for a record after the end of ctx.
func (p *Program) overtime(ctx context.Context) (context.Context, context.CancelFunc) {
	if p.late.Load() {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), overtime)
}

// inTime returns the error of running the program on a record with a context of overtime.
func (p *Program) inTime(late context.Context, err error) error {
	if !ended(late, err) {
		return err
	}
	p.late.Store(true)
	return ErrLate
}

// start runs what is left of the program on a record.
func (p *Program) start(ctx context.Context, in *input, r *emit.Record, line []byte) gojq.Iter {
	values := p.variables
	if p.numbers {
		values = append(slices.Clone(values), r.Number)
	}
	return p.code.RunWithContext(ctx, in.set(r, line), values...)
}

// match reports whether any output of the program for a record is neither false nor null.
func (p *Program) match(ctx context.Context, in *input, r *emit.Record, line []byte) (bool, error) {
	iter := p.start(ctx, in, r, line)
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

// run appends the outputs of the program for a record. With a *HaltError, those before it are in the result; with any other
// error there is no result.
func (p *Program) run(ctx context.Context, dst []byte, in *input, r *emit.Record, line []byte, out *outputs) ([]byte, error) {
	if p.code == nil {
		return out.append(dst, in.set(r, line), in, r)
	}
	iter := p.start(ctx, in, r, line)
	for before := len(dst); ; {
		if len(dst)-before > emit.MaxOutput {
			return nil, fmt.Errorf("more than %d MiB of output from one record", emit.MaxOutput>>20)
		}
		v, ok := iter.Next()
		if !ok {
			return dst, nil
		}
		if halt, ok := v.(*gojq.HaltError); ok {
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
