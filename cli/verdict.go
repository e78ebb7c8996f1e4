package cli

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/tail"
)

const (
	undecided = -1      // the code of verdicts that have not been given
	halted    = 1 << 16 // is added to the code by which a jq program ends the run
)

// verdicts end a run by what it reads, with an exit code: the first that happens decides.
type verdicts struct {
	until, failOn     []*regexp.Regexp
	untilJQ, failOnJQ *emit.Filter
	count, most       int64 // matches of until that are wanted; records that are wanted, 0: all
	quiet             bool
	idle              time.Duration
	failed            func(emit.Source, error) // of a jq program on a record
	crowd             *crowd
	status            *status
	lenient           bool         // it is no failure that no cluster could be read
	ready             func() error // is called when everything was tried

	log     zerolog.Logger
	end     func() // the run
	code    atomic.Int64
	held    atomic.Bool // a success waits for it to be known whether enough clusters can be read
	matches atomic.Int64
	records atomic.Int64
	came    atomic.Int64 // when the last line did, if idle counts
}

// verdicts reads the flags that decide. end is called with the first verdict.
func (f *flags) verdicts(log zerolog.Logger, end func(), errors *recordErrors) (v *verdicts, err error) {
	v = &verdicts{count: f.UntilCount, most: f.MaxCount, quiet: f.Quiet, idle: time.Duration(f.IdleTimeout), log: log, end: end}
	v.failed = v.onError(errors, f.JQStrict)
	v.crowd, v.ready = newCrowd(), f.makeReadyFile
	v.crowd.each, v.crowd.done, v.crowd.least = f.UntilEach, f.UntilDone, f.WaitPods
	v.lenient = f.IgnoreErrors && f.Require == ""
	v.code.Store(undecided)
	v.came.Store(time.Now().UnixNano())
	for _, one := range []struct {
		flag     string
		patterns []string
		into     *[]*regexp.Regexp
	}{{"until", f.Until, &v.until}, {"fail-on", f.FailOn, &v.failOn}} {
		if slices.Contains(one.patterns, "") { // every line would match: a variable of a script that is not set
			return nil, usagef("such as --"+one.flag+" ready; any line matches ^", "--%s needs a pattern", one.flag)
		}
		if *one.into, err = compile("--"+one.flag, one.patterns); err != nil {
			return nil, err
		}
	}
	for _, one := range []struct {
		flag, program string
		into          **emit.Filter
	}{{"until-jq", f.UntilJQ, &v.untilJQ}, {"fail-on-jq", f.FailOnJQ, &v.failOnJQ}} {
		switch {
		case strings.TrimSpace(one.program) != "":
			if *one.into, err = f.filter("--"+one.flag, one.program); err != nil {
				return nil, err
			}
		case f.given(one.flag): // likewise
			return nil, usagef("such as --"+one.flag+" '.line == \"ready\"'", "--%s needs a program", one.flag)
		}
	}
	return v, nil
}

// onError takes the error of a jq program or template on a record: a program that halts ends the run, and with strict any
// error does.
func (v *verdicts) onError(errors *recordErrors, strict bool) func(emit.Source, error) {
	return func(src emit.Source, err error) {
		halt, ok := err.(*emit.HaltError)
		switch {
		case !ok:
			errors.add(src, err)
			if strict {
				v.decide(exitFailure)
			}
		case v.decide(halted + halt.Code):
			fmt.Fprint(os.Stderr, halt.Message)
		}
	}
}

// waits tells whether a match is waited for.
func (v *verdicts) waits() bool { return len(v.until) > 0 || v.untilJQ != nil }

// looks tells whether every line is looked at.
func (v *verdicts) looks() bool {
	return v.waits() || len(v.failOn) > 0 || v.failOnJQ != nil || v.idle > 0
}

// decide gives a verdict, unless one was given.
func (v *verdicts) decide(code int) bool {
	first := v.code.CompareAndSwap(undecided, int64(code))
	if first {
		v.end()
	}
	return first
}

// succeed gives the verdict that all is well; but only when it is known whether enough clusters can be read.
func (v *verdicts) succeed() {
	if v.held.Store(true); v.crowd.settled() {
		v.decide(exitOK)
	}
}

// impatience gives the verdict of a run that has waited long enough.
func (v *verdicts) impatience() {
	if v.unmet() != "" {
		v.decide(exitTimeout)
		return
	}
	v.decide(exitOK)
}

// unmet says what is waited for; empty: nothing is.
func (v *verdicts) unmet() string {
	if unmet := v.crowd.unmet(); unmet != "" {
		return unmet
	}
	if v.waits() && v.crowd.each == "" {
		return "nothing matched --until"
	}
	return ""
}

// happened takes an event of the run.
func (v *verdicts) happened(e tail.Event) {
	v.crowd.happened(e)
	if e.Kind == tail.Ready {
		if err := v.ready(); err != nil { // whoever waits for it would do so for ever
			v.log.Error().Msg(err.Error())
			v.decide(exitFailure)
		}
	}
	v.status.happened(e)
	if v.held.Load() {
		v.succeed()
	}
	v.judge()
}

// judge gives the verdict about all pods, if there is one.
func (v *verdicts) judge() {
	switch code := v.crowd.verdict(); code {
	case undecided:
	case exitOK:
		v.succeed()
	default:
		v.decide(code)
	}
}

// matched takes a record that matches --until.
func (v *verdicts) matched(src emit.Source, r emit.Record) {
	v.status.match("until", src, r)
	switch {
	case v.crowd.each != "":
		v.crowd.match(src)
		v.judge()
	case v.matches.Add(1) == v.count:
		v.succeed()
	}
}

// watch gives the verdicts that time brings, until ctx ends.
func (v *verdicts) watch(ctx context.Context, timeout time.Duration) {
	if timeout > 0 {
		timer := time.AfterFunc(timeout, v.impatience)
		context.AfterFunc(ctx, func() { timer.Stop() })
	}
	if v.idle == 0 {
		return
	}
	go func() {
		for left := v.idle; left > 0; left = v.idle - time.Since(time.Unix(0, v.came.Load())) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(left):
			}
		}
		v.impatience()
	}()
}

// limit is f for as many records as are wanted. It comes after what leaves records out or brings others with them.
func (v *verdicts) limit(f emit.Format) emit.Format {
	if v.most == 0 {
		return f
	}
	return func(src emit.Source) emit.Encode {
		encode := f(src)
		return func(dst []byte, r emit.Record) []byte {
			out := encode(dst, r)
			if len(out) > len(dst) && v.records.Add(1) > v.most {
				return dst
			}
			return out
		}
	}
}

// format is f for records that decide. They are looked at before f leaves any out.
func (v *verdicts) format(ctx context.Context, f emit.Format) emit.Format {
	if !v.looks() && v.most == 0 && !v.quiet {
		return f
	}
	return func(src emit.Source) emit.Encode {
		encode, said := f(src), false
		matcher := func(filter *emit.Filter) func(emit.Record) (bool, error) {
			if filter == nil {
				return nil
			}
			return filter.Matcher(ctx, src)
		}
		untilJQ, failOnJQ := matcher(v.untilJQ), matcher(v.failOnJQ)
		matches := func(all []*regexp.Regexp, jq func(emit.Record) (bool, error), r emit.Record) bool {
			if slices.ContainsFunc(all, func(re *regexp.Regexp) bool { return re.Match(r.Line) }) {
				return true
			}
			if jq == nil {
				return false
			}
			ok, err := jq(r)
			if err != nil {
				v.failed(src, err)
			}
			return ok
		}
		return func(dst []byte, r emit.Record) []byte {
			if v.most > 0 {
				defer func() {
					if v.records.Load() >= v.most {
						v.succeed()
					}
				}()
			}
			if r.Gap != nil {
				if v.quiet {
					return dst
				}
				return encode(dst, r)
			}
			if v.idle > 0 {
				v.came.Store(time.Now().UnixNano())
			}
			out := dst
			if !v.quiet {
				out = encode(dst, r)
			}
			switch { // the record is written: a run that ends writes what it has
			case matches(v.failOn, failOnJQ, r):
				v.status.match("fail-on", src, r)
				v.decide(exitFailOn)
			case !said && matches(v.until, untilJQ, r):
				said = v.crowd.each != "" // no other line of this container counts
				v.matched(src, r)
			}
			return out
		}
	}
}
