package verdict

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"mktail/emit"
	"mktail/emit/jq"
)

// Judge looks at the records of one source. One goroutine at a time uses it.
type Judge struct {
	c      *Conditions
	src    emit.Source
	encode emit.Encode

	untilJQ, failOnJQ func(*emit.Record) (bool, error)
	matched           bool // no other record of the source counts for --until
	full              bool // the current record is the last of those that --max-count allows

	// How the current record ends the run, if it does.
	decision decision
	say      func() // called if that is the decision of the run; may be nil
}

// Format returns the format that build makes, for records that decide: the conditions see each record before the format may
// leave it out. build is called once for each source, and the format that it returns once.
func (c *Conditions) Format(ctx context.Context, build func(*Judge) emit.Format) emit.Format {
	return func(src emit.Source) emit.Encode {
		j := &Judge{c: c, src: src}
		j.encode = build(j)(src)
		switch {
		case c.SeesEveryLine() || c.o.MaxCount > 0 || c.o.Quiet:
		case c.o.Halts:
			return j.output
		default:
			return j.encode
		}
		if c.o.UntilJQ != nil {
			j.untilJQ = c.o.UntilJQ.Matcher(ctx, src)
		}
		if c.o.FailOnJQ != nil {
			j.failOnJQ = c.o.FailOnJQ.Matcher(ctx, src)
		}
		return j.next
	}
}

// Limit returns f for as many records as --max-count allows. It is applied before formats that leave records out or add others.
func (j *Judge) Limit(f emit.Format) emit.Format {
	limit := j.c.o.MaxCount
	if limit == 0 {
		return f
	}
	return func(src emit.Source) emit.Encode {
		encode := f(src)
		return func(dst []byte, r *emit.Record) []byte {
			out := encode(dst, r)
			if len(out) > len(dst) {
				switch n := j.c.records.Add(1); {
				case n > limit:
					return dst
				case n == limit:
					j.full = true
				}
			}
			return out
		}
	}
}

// Failed takes an error of the program or template of the output on a record, and reports whether the records of the source
// are over: a program that halts ends the run, and so does any error with --jq-strict or --template-strict. Other errors are counted.
func (j *Judge) Failed(_ emit.Source, r *emit.Record, err error) (over bool) {
	return j.failedOn(j.c.o.Output, r, err)
}

// failedOn takes an error of the program that a flag gives. jq.ErrLate comes after the end of the run, and never ends it.
func (j *Judge) failedOn(flag string, r *emit.Record, err error) (over bool) {
	halt, halts := err.(*jq.HaltError)
	switch {
	case j.decision.outcome != undecided: // by another record beside this one
	case halts:
		j.decision, j.say = decision{outcome: halted, code: halt.Code}, func() { fmt.Fprint(j.c.o.Stderr, halt.Message) }
	case j.strict(flag) && err != jq.ErrLate:
		stamp := string(r.Stamp)
		j.decision = decision{outcome: failed}
		j.say = func() { j.c.o.Log.Error().Msgf("%s: %s: %s: %s", nameOf(j.src), stamp, flag, err) }
	default:
		j.c.failures.add(flag, j.src, err)
		return false
	}
	return true
}

// strict reports whether an error of the program or template that a flag gives ends the run.
func (j *Judge) strict(flag string) bool {
	if isTemplate(flag) {
		return j.c.o.TemplateStrict
	}
	return j.c.o.JQStrict
}

// output writes a record that can decide only by the program of the output.
func (j *Judge) output(dst []byte, r *emit.Record) []byte {
	return j.settle(dst, j.encode(dst, r))
}

// settle makes the decision of the current record, if there is one. out is dst with what is written for the record. The record
// that decides is the last one that is written.
func (j *Judge) settle(dst, out []byte) []byte {
	d := j.decision
	if d.outcome == undecided {
		return out
	}
	if j.decision = (decision{}); !j.c.decide(d, out[len(dst):]) {
		return out
	}
	if j.say != nil {
		j.say()
	}
	return dst
}

// next looks whether a record decides, and writes it. The conditions come first: no filter hides a record from them, nor what a
// program of the output makes of it.
func (j *Judge) next(dst []byte, r *emit.Record) []byte {
	c := j.c
	if r.Gap == nil && c.o.IdleTimeout > 0 {
		c.lastLine.Store(time.Now().UnixNano())
	}
	hidden := r.Gap != nil && c.o.HideGaps
	failOn := j.matches("--fail-on", c.o.FailOn, j.failOnJQ, r, hidden)
	until := ""
	if failOn == "" && !j.matched {
		until = j.matches("--until", c.o.Until, j.untilJQ, r, hidden)
	}
	out := dst
	if !hidden && (!c.o.Quiet || c.o.Halts) {
		if out = j.encode(dst, r); c.o.Quiet {
			out = dst
		}
	}
	last := out[len(dst):]
	switch {
	case failOn != "":
		if c.decide(decision{outcome: failedOn, cause: matchOf(failOn, j.src, r)}, last) {
			c.onMatch(failOn, j.src, r)
			return dst
		}
	case until != "":
		j.matched = c.o.UntilEach != ""
		if c.matched(until, j.src, r, last) {
			return dst
		}
	}
	if j.decision.outcome == undecided && j.full && j.count(last) {
		return dst
	}
	return j.settle(dst, out)
}

// count takes the last of the records that --max-count allows, and reports whether that decides: what --until waits for does not
// come any more.
func (j *Judge) count(last []byte) (first bool) {
	c := j.c
	cause := plural(int(c.o.MaxCount), "record") + " (--max-count)"
	if c.waits() && !c.untilMet() {
		return c.decide(decision{outcome: unmatched, cause: cause}, last)
	}
	return c.succeed(cause, last)
}

// matches returns the flag whose pattern or program a record matches; empty: none. A gap has no text for patterns. The program may
// decide by its error, but not on a gap that is not written, as it need not know of gaps then.
func (j *Judge) matches(flag string, all []*regexp.Regexp, program func(*emit.Record) (bool, error), r *emit.Record, hidden bool) string {
	if r.Gap == nil && slices.ContainsFunc(all, func(re *regexp.Regexp) bool { return re.Match(r.Text()) }) {
		return flag
	}
	if program == nil {
		return ""
	}
	ok, err := program(r)
	if err != nil && !hidden {
		j.failedOn(flag+"-jq", r, err)
	}
	if !ok {
		return ""
	}
	return flag + "-jq"
}
