// Package verdict ends a run by what it reads, and gives its exit code.
//
// The exit conditions are given as Options. A run hands over its events (Conditions.Happened) and formats its records through
// Conditions.Format; time counts from Conditions.Watch. The first condition that is met decides: the output takes the record
// that met it as its last one, and Options.Cancel ends the run. A success is held back until it is known whether enough
// clusters can be read and enough pods were there. In the end Conditions.ExitCode combines the decision with how the run ended.
//
// Options.Cancel must be set, UntilCount with Until or UntilJQ, and Stderr with a jq program. All other fields may be zero.
package verdict

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
	"mktail/emit/jq"
	"mktail/tail/report"
)

// Options are the exit conditions of a run, and what a run does with them. Where a field is a flag's, the comment names the flag.
type Options struct {
	Until       []*regexp.Regexp // --until
	UntilJQ     *jq.Program      // --until-jq; nil: none
	UntilCount  int64            // --until-count, at least 1
	UntilEach   Each             // --until-each
	UntilDone   bool             // --until-done
	FailOn      []*regexp.Regexp // --fail-on
	FailOnJQ    *jq.Program      // --fail-on-jq; nil: none
	MaxCount    int64            // --max-count; 0: no limit
	Quiet       bool             // --quiet
	Timeout     time.Duration    // --timeout; 0: none
	IdleTimeout time.Duration    // --idle-timeout; 0: none
	WaitPods    int              // --wait-pods

	Clusters int  // clusters in all; 0: lines come from stdin
	Required int  // clusters that must be readable
	Strict   bool // --require is given: they must be readable as a whole, and at the end; else being readable once is enough

	IgnoreErrors bool // --ignore-errors
	Previous     bool // --previous

	Output   string // the flag that gives the program or template of the output, for messages
	Halts    bool   // Output is a jq program, which may end the run
	JQStrict bool   // --jq-strict: the first error of any program ends the run

	Cancel  func()                                             // ends the run; called once, with the decision
	Ready   func() error                                       // called when all clusters were tried; its error ends the run. nil: none
	OnMatch func(flag string, src emit.Source, r *emit.Record) // called with each record that counts for "until" or "fail-on". nil: none
	Stderr  io.Writer                                          // gets the messages of programs that halt
	Log     zerolog.Logger
}

// Each says what must match for --until.
type Each string

// The values of Each.
const (
	EachPod       Each = "pod"
	EachContainer Each = "container"
	EachCluster   Each = "cluster"
)

// outcome is a kind of decision.
type outcome int

const (
	undecided outcome = iota
	unmatched         // all has ended before what is waited for came
	succeeded
	failed    // a program failed with --jq-strict, or what is to be done when all is ready
	failedOn  // a record matched --fail-on or --fail-on-jq
	podFailed // a pod failed, with --until-done
	timedOut  // a timeout ran out before what is waited for came
	halted    // a jq program ended the run
)

// decision is how a run was decided. The zero value is none.
type decision struct {
	outcome outcome
	code    int  // the exit code of a program that halted
	late    bool // by a timeout
}

// Conditions are the exit conditions of one run, and how far they are met. Many goroutines may use them at once.
type Conditions struct {
	o        Options
	failures failures
	observed *observed
	out      *emit.Output // is ended with the decision; see Output
	held     atomic.Bool  // a success waits until it is known whether enough clusters and pods are there
	matches  atomic.Int64 // records that matched --until
	records  atomic.Int64 // records that were written, with MaxCount
	lastLine atomic.Int64 // with IdleTimeout: when the last line came, in Unix nanoseconds; 0: none did

	mu      sync.Mutex
	decided decision
	lacking string // with a decision: which required clusters could not be read at that time; empty: none
}

// New returns the conditions of a run. The caller calls Output before any record, event or Watch.
func New(o Options) *Conditions {
	return &Conditions{o: o, failures: failures{log: o.Log, of: make(map[string]*tally)}, observed: newObserved(o)}
}

// Output starts the output of the run, in a format that Format made. The caller closes it; the decision ends it before.
func (c *Conditions) Output(w io.Writer, format emit.Format) *emit.Output {
	c.out = emit.NewOutput(w, format)
	return c.out
}

// SeesEveryLine reports whether the conditions look at every line, also at those that are not written.
func (c *Conditions) SeesEveryLine() bool {
	return c.waits() || len(c.o.FailOn) > 0 || c.o.FailOnJQ != nil || c.o.IdleTimeout > 0
}

// waits reports whether the run waits for a match.
func (c *Conditions) waits() bool { return len(c.o.Until) > 0 || c.o.UntilJQ != nil }

// decide makes a decision, unless there is one, and ends the run. last, which is whole lines, is written last.
func (c *Conditions) decide(d decision, last []byte) (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.decided.outcome != undecided {
		return false
	}
	c.decided, c.lacking = d, c.observed.lacking()
	c.out.End(last)
	c.o.Cancel()
	return true
}

// decision returns the decision, if there is one, and which required clusters could not be read by then; empty: none.
func (c *Conditions) decision() (d decision, lacking string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.decided.outcome == undecided {
		return decision{}, c.observed.lacking()
	}
	return c.decided, c.lacking
}

// succeed decides that the run succeeded, or holds that back until enough clusters can be read and enough pods were there.
func (c *Conditions) succeed(last []byte) (first bool) {
	c.held.Store(true)
	return c.observed.settled() && c.decide(decision{outcome: succeeded}, last)
}

// timeout decides a run that has waited long enough.
func (c *Conditions) timeout() {
	d := decision{outcome: succeeded, late: true}
	if c.unmet() != "" {
		d.outcome = timedOut
	}
	c.decide(d, nil)
}

// unmet says what the run still waits for; empty: nothing.
func (c *Conditions) unmet() string {
	if unmet := c.observed.unmet(); unmet != "" {
		return unmet
	}
	if !c.waits() || c.o.UntilEach != "" {
		return ""
	}
	flag := "--until"
	if len(c.o.Until) == 0 {
		flag = "--until-jq"
	}
	switch n := c.matches.Load(); {
	case n >= c.o.UntilCount:
		return ""
	case n == 0:
		return "nothing matched " + flag
	default:
		return fmt.Sprintf("%d of %d lines matched %s", n, c.o.UntilCount, flag)
	}
}

// Happened takes an event of the run. It does not block.
func (c *Conditions) Happened(e report.Event) {
	c.observed.happened(e)
	if e.Kind == report.Ready && c.o.Ready != nil {
		if err := c.o.Ready(); err != nil { // whoever waits for that would wait for ever
			c.o.Log.Error().Msg(err.Error())
			c.decide(decision{outcome: failed}, nil)
		}
	}
	if c.held.Load() {
		c.succeed(nil)
	}
	c.decideOnPods(nil)
}

// decideOnPods decides a run whose condition about all pods, containers or clusters is met.
func (c *Conditions) decideOnPods(last []byte) (first bool) {
	switch o := c.observed.outcome(); {
	case o == undecided:
		return false
	case o != succeeded:
		return c.decide(decision{outcome: o}, last)
	case c.unmet() != "": // all pods have ended
		return c.decide(decision{outcome: unmatched}, last)
	}
	return c.succeed(last)
}

// matched takes a record that matches --until; last is what was to be written for it. It reports whether that decides.
func (c *Conditions) matched(src emit.Source, r *emit.Record, last []byte) (first bool) {
	if c.o.UntilEach != "" {
		if !c.observed.match(src) {
			return false
		}
		first = c.decideOnPods(last)
	} else {
		n := c.matches.Add(1)
		if n > c.o.UntilCount {
			return false
		}
		first = n == c.o.UntilCount && c.succeed(last)
	}
	c.onMatch("until", src, r)
	return first
}

func (c *Conditions) onMatch(flag string, src emit.Source, r *emit.Record) {
	if c.o.OnMatch != nil {
		c.o.OnMatch(flag, src, r)
	}
}

// Watch starts the timeouts, which run until ctx ends. It returns at once.
func (c *Conditions) Watch(ctx context.Context) {
	if c.o.Timeout > 0 {
		timer := time.AfterFunc(c.o.Timeout, c.timeout)
		context.AfterFunc(ctx, func() { timer.Stop() })
	}
	if c.o.IdleTimeout == 0 {
		return
	}
	go func() {
		for left := c.o.IdleTimeout; left > 0; left = c.o.IdleTimeout - time.Since(time.Unix(0, c.lastLine.Load())) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(left):
			}
		}
		c.timeout()
	}()
}
