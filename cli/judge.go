package cli

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"

	"mktail/emit"
	"mktail/emit/jq"
)

// onError takes what a program or template failed on, and tells whether the records of the source are over.
type onError func(src emit.Source, r emit.Record, err error) (over bool)

// judge looks at the records of one source for verdicts. One goroutine at a time uses it.
type judge struct {
	v      *verdicts
	src    emit.Source
	encode emit.Encode

	untilJQ, failOnJQ func(emit.Record) (bool, error)
	said              bool // no other line of the source counts for --until
	full              bool // the record in work is the last of those that --max-count wants

	// How the record in work ends the run, if it does.
	code int    // undecided: it doesn't
	say  func() // said if that is the first verdict; may be nil
}

// format is the format that build makes, for records that decide: they are looked at before it leaves any out.
func (v *verdicts) format(ctx context.Context, build func(*judge) emit.Format) emit.Format {
	return func(src emit.Source) emit.Encode {
		j := &judge{v: v, src: src, code: undecided}
		j.encode = build(j)(src)
		switch {
		case v.looks() || v.most > 0 || v.quiet:
		case v.runs:
			return j.output
		default:
			return j.encode
		}
		if v.untilJQ != nil {
			j.untilJQ = v.untilJQ.Matcher(ctx, src)
		}
		if v.failOnJQ != nil {
			j.failOnJQ = v.failOnJQ.Matcher(ctx, src)
		}
		return j.next
	}
}

// limit is f for as many records as are wanted. It comes after what leaves records out or brings others with them.
func (j *judge) limit(f emit.Format) emit.Format {
	most := j.v.most
	if most == 0 {
		return f
	}
	return func(src emit.Source) emit.Encode {
		encode := f(src)
		return func(dst []byte, r emit.Record) []byte {
			out := encode(dst, r)
			if len(out) > len(dst) {
				switch n := j.v.records.Add(1); {
				case n > most:
					return dst
				case n == most:
					j.full = true
				}
			}
			return out
		}
	}
}

// failed takes the errors of the program or template of the output.
func (j *judge) failed(_ emit.Source, r emit.Record, err error) (over bool) {
	return j.failedOn(j.v.program, r, err)
}

// failedOn takes the errors of the program that a flag gives: one that halts ends the run, and with --jq-strict any error
// does. After the end of the run, none is worth one.
func (j *judge) failedOn(flag string, r emit.Record, err error) (over bool) {
	halt, halts := err.(*jq.HaltError)
	switch {
	case j.code != undecided: // by another record beside this one
	case halts:
		j.code, j.say = halted+halt.Code, func() { fmt.Fprint(os.Stderr, halt.Message) }
	case j.v.strict && err != jq.ErrLate:
		stamp := string(r.Stamp)
		j.code, j.say = exitFailure, func() { j.v.log.Error().Msgf("%s: %s: %s: %s", nameOf(j.src), stamp, flag, err) }
	default:
		j.v.errors.add(flag, j.src, err)
		return false
	}
	return true
}

// output writes a record, of which the program may end the run.
func (j *judge) output(dst []byte, r emit.Record) []byte {
	return j.settle(dst, j.encode(dst, r))
}

// settle gives the verdict of the record in work, if there is one. out is dst with what is written of the record: the record
// that decides is the last one that is written.
func (j *judge) settle(dst, out []byte) []byte {
	if j.code == undecided {
		return out
	}
	code := j.code
	if j.code = undecided; !j.v.decide(code, out[len(dst):]) {
		return out
	}
	if j.say != nil {
		j.say()
	}
	return dst
}

// next writes a record, and looks whether it decides.
func (j *judge) next(dst []byte, r emit.Record) []byte {
	v := j.v
	out := dst
	if !v.quiet || v.runs {
		if out = j.encode(dst, r); v.quiet {
			out = dst
		}
	}
	if r.Gap == nil && v.idle > 0 {
		v.came.Store(time.Now().UnixNano())
	}
	switch {
	case r.Gap != nil, j.code != undecided:
	case j.matches("--fail-on-jq", v.failOn, j.failOnJQ, r):
		if v.decide(exitFailOn, out[len(dst):]) {
			v.status.match("fail-on", j.src, r)
			return dst
		}
	case j.code == undecided && !j.said && j.matches("--until-jq", v.until, j.untilJQ, r):
		j.said = v.crowd.each != ""
		if v.matched(j.src, r, out[len(dst):]) {
			return dst
		}
	}
	if j.code == undecided && j.full && v.succeed(out[len(dst):]) {
		return dst
	}
	return j.settle(dst, out)
}

// matches tells whether a record matches any of a flag's patterns, or the program of the other.
func (j *judge) matches(flag string, all []*regexp.Regexp, jq func(emit.Record) (bool, error), r emit.Record) bool {
	if slices.ContainsFunc(all, func(re *regexp.Regexp) bool { return re.Match(r.Line) }) {
		return true
	}
	if jq == nil {
		return false
	}
	ok, err := jq(r)
	if err != nil {
		j.failedOn(flag, r, err)
	}
	return ok
}
