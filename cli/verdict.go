package cli

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/emit/jq"
	"mktail/tail"
)

const (
	undecided = -1      // the code of verdicts that have not been given
	unmatched = -2      // all has ended before what was waited for came
	halted    = 1 << 16 // is added to the code by which a jq program ends the run
)

// verdicts end a run by what it reads, with an exit code: the first that happens decides.
type verdicts struct {
	until, failOn     []*regexp.Regexp
	untilJQ, failOnJQ *jq.Program
	count, most       int64 // matches of until that are wanted; records that are wanted, 0: all
	quiet             bool
	idle              time.Duration
	program           string // the flag that gives the program or template of the output
	runs              bool   // it is a program, which may end the run
	strict            bool   // any failure of a program does
	errors            *recordErrors
	crowd             *crowd
	status            *status
	lenient           bool         // it is no failure that no cluster could be read
	ready             func() error // is called when everything was tried

	log     zerolog.Logger
	cancel  func()       // ends the run
	out     *emit.Output // is ended before; see output
	held    atomic.Bool  // a success waits for it to be known whether enough clusters and pods are there
	matches atomic.Int64
	records atomic.Int64
	came    atomic.Int64 // when the last line did, if idle counts

	mu      sync.Mutex
	code    int    // the verdict
	lacking string // what could not be read when it was given, of the clusters that must be
}

// verdicts reads the flags that decide. cancel is called with the first verdict; errors takes what programs fail on.
func (f *flags) verdicts(log zerolog.Logger, cancel func(), errors *recordErrors) (v *verdicts, err error) {
	v = &verdicts{count: f.UntilCount, most: f.MaxCount, quiet: f.Quiet, idle: time.Duration(f.IdleTimeout), code: undecided, log: log, cancel: cancel}
	v.program, v.runs, v.strict, v.errors = f.program(), f.JQ != nil, f.JQStrict, errors
	v.crowd, v.ready = newCrowd(), f.makeReadyFile
	v.crowd.each, v.crowd.done, v.crowd.least = f.UntilEach, f.UntilDone, f.WaitPods
	v.lenient = f.IgnoreErrors && f.Require == ""
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
		into          **jq.Program
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

// output begins the output of the run, in a format that decides; see format.
func (v *verdicts) output(w io.Writer, format emit.Format) *emit.Output {
	v.out = emit.NewOutput(w, format)
	return v.out
}

// waits tells whether a match is waited for.
func (v *verdicts) waits() bool { return len(v.until) > 0 || v.untilJQ != nil }

// looks tells whether every line is looked at.
func (v *verdicts) looks() bool {
	return v.waits() || len(v.failOn) > 0 || v.failOnJQ != nil || v.idle > 0
}

// decide gives a verdict, unless one was given, and ends the run: last, which is whole lines, is the last that is written.
func (v *verdicts) decide(code int, last []byte) (first bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.code != undecided {
		return false
	}
	v.code, v.lacking = code, v.crowd.unrequired()
	v.out.End(last)
	v.cancel()
	return true
}

// given is the verdict, if there is one yet, and what could not be read by then of the clusters that must be; empty: nothing.
func (v *verdicts) given() (code int, lacking string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.code == undecided {
		return undecided, v.crowd.unrequired()
	}
	return v.code, v.lacking
}

// succeed gives the verdict that all is well; but only when it is known whether enough clusters can be read, and enough pods
// were there.
func (v *verdicts) succeed(last []byte) (first bool) {
	v.held.Store(true)
	return v.crowd.settled() && v.decide(exitOK, last)
}

// impatience gives the verdict of a run that has waited long enough.
func (v *verdicts) impatience() {
	if v.unmet() != "" {
		v.decide(exitTimeout, nil)
		return
	}
	v.decide(exitOK, nil)
}

// unmet says what is waited for; empty: nothing is.
func (v *verdicts) unmet() string {
	if unmet := v.crowd.unmet(); unmet != "" {
		return unmet
	}
	if !v.waits() || v.crowd.each != "" {
		return ""
	}
	flag := "--until"
	if len(v.until) == 0 {
		flag = "--until-jq"
	}
	switch n := v.matches.Load(); {
	case n >= v.count:
		return ""
	case n == 0:
		return "nothing matched " + flag
	default:
		return fmt.Sprintf("%d of %d lines matched %s", n, v.count, flag)
	}
}

// happened takes an event of the run.
func (v *verdicts) happened(e tail.Event) {
	v.crowd.happened(e)
	if e.Kind == tail.Ready {
		if err := v.ready(); err != nil { // whoever waits for it would do so for ever
			v.log.Error().Msg(err.Error())
			v.decide(exitFailure, nil)
		}
	}
	if v.held.Load() {
		v.succeed(nil)
	}
	v.judge(nil)
	v.status.happened(e) // last: it may have to wait for a reader
}

// judge gives the verdict about all pods, if there is one.
func (v *verdicts) judge(last []byte) (first bool) {
	code := v.crowd.verdict()
	switch {
	case code == undecided:
		return false
	case code != exitOK:
		return v.decide(code, last)
	case v.unmet() != "": // all pods have ended
		return v.decide(unmatched, last)
	}
	return v.succeed(last)
}

// matched takes a record that matches --until, of which last was to be written. It tells whether that decides.
func (v *verdicts) matched(src emit.Source, r emit.Record, last []byte) (first bool) {
	if v.crowd.each != "" {
		if !v.crowd.match(src) {
			return false
		}
		first = v.judge(last)
	} else {
		n := v.matches.Add(1)
		if n > v.count {
			return false
		}
		first = n == v.count && v.succeed(last)
	}
	v.status.match("until", src, r)
	return first
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
