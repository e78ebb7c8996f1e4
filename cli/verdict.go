package cli

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"mktail/emit"
)

// undecided is the code of verdicts that have not been given.
const undecided = -1

// verdicts end a run by what it reads, with an exit code: the first that happens decides.
type verdicts struct {
	until, failOn     []*regexp.Regexp
	untilJQ, failOnJQ *emit.Filter
	count, most       int64 // matches of until that are wanted; records that are wanted, 0: all
	quiet             bool
	idle              time.Duration
	failed            func(emit.Source, error) // of a jq program on a record

	end     func() // the run
	code    atomic.Int64
	matches atomic.Int64
	records atomic.Int64
	came    atomic.Int64 // when the last line did, if idle counts
}

// verdicts reads the flags that decide. end is called with the first verdict.
func (f *flags) verdicts(end func(), errors *recordErrors) (v *verdicts, err error) {
	v = &verdicts{count: f.UntilCount, most: f.MaxCount, quiet: f.Quiet, idle: time.Duration(f.IdleTimeout), end: end}
	v.failed = v.onError(errors, f.JQStrict)
	v.code.Store(undecided)
	v.came.Store(time.Now().UnixNano())
	if v.until, err = compile("--until", f.Until); err != nil {
		return nil, err
	}
	if v.failOn, err = compile("--fail-on", f.FailOn); err != nil {
		return nil, err
	}
	for _, one := range []struct {
		flag, program string
		into          **emit.Filter
	}{{"--until-jq", f.UntilJQ, &v.untilJQ}, {"--fail-on-jq", f.FailOnJQ, &v.failOnJQ}} {
		if one.program == "" {
			continue
		}
		if *one.into, err = f.filter(one.flag, one.program); err != nil {
			return nil, err
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
		case v.decide(halt.Code):
			fmt.Fprint(os.Stderr, halt.Message)
		}
	}
}

// waits tells whether a match is waited for.
func (v *verdicts) waits() bool { return len(v.until) > 0 || v.untilJQ != nil }

// decide gives a verdict, unless one was given.
func (v *verdicts) decide(code int) bool {
	first := v.code.CompareAndSwap(undecided, int64(code))
	if first {
		v.end()
	}
	return first
}

// patience is the code of a run that has waited long enough.
func (v *verdicts) patience() int {
	if v.waits() {
		return exitTimeout
	}
	return exitOK
}

// watch gives the verdicts that time brings, until ctx ends.
func (v *verdicts) watch(ctx context.Context, timeout time.Duration) {
	if timeout > 0 {
		timer := time.AfterFunc(timeout, func() { v.decide(v.patience()) })
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
		v.decide(v.patience())
	}()
}

// format is f for records that decide. They are looked at before f leaves any out.
func (v *verdicts) format(ctx context.Context, f emit.Format) emit.Format {
	if !v.waits() && len(v.failOn) == 0 && v.failOnJQ == nil && v.most == 0 && !v.quiet && v.idle == 0 {
		return f
	}
	return func(src emit.Source) emit.Encode {
		encode := f(src)
		matches := func(all []*regexp.Regexp, filter *emit.Filter, r emit.Record) bool {
			if slices.ContainsFunc(all, func(re *regexp.Regexp) bool { return re.Match(r.Line) }) {
				return true
			}
			if filter == nil {
				return false
			}
			ok, err := filter.Matches(ctx, src, r)
			if err != nil && ctx.Err() == nil {
				v.failed(src, err)
			}
			return ok
		}
		return func(dst []byte, r emit.Record) []byte {
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
				if out = encode(dst, r); v.most > 0 && len(out) > len(dst) {
					switch n := v.records.Add(1); {
					case n > v.most:
						out = dst
					case n == v.most:
						defer v.decide(exitOK)
					}
				}
			}
			switch { // the record is written: a run that ends writes what it has
			case matches(v.failOn, v.failOnJQ, r):
				v.decide(exitFailOn)
			case matches(v.until, v.untilJQ, r) && v.matches.Add(1) == v.count:
				v.decide(exitOK)
			}
			return out
		}
	}
}
