// Package verdict ends a run by what it reads, and gives its exit code.
//
// The exit conditions are given as Options. A run hands over its events (Conditions.Happened) and formats its records through
// Conditions.Format; time counts from Conditions.Watch. The first condition that is met decides: the output takes the record
// that met it as its last one, and Options.Cancel ends the run. A success is held back until enough clusters can be read and
// enough pods were there. In the end Conditions.ExitCode combines the decision with how the run ended, and with what was read.
//
// Options.Cancel must be set, UntilCount with Until or UntilJQ, and Stderr with a jq program. All other fields may be zero.
package verdict

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
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
	Jobs        []string         // with UntilDone, the Jobs and CronJobs that are asked for, as KIND/NAME: each must have a Job
	Rollouts    []string         // --until-ready: the Deployments, StatefulSets and DaemonSets that are asked for, as KIND/NAME
	FailOn      []*regexp.Regexp // --fail-on
	FailOnJQ    *jq.Program      // --fail-on-jq; nil: none
	MaxCount    int64            // --max-count; 0: no limit
	Quiet       bool             // --quiet
	Timeout     time.Duration    // --timeout; 0: none
	IdleTimeout time.Duration    // --idle-timeout; 0: none
	WaitPods    int              // --wait-pods

	ExitCodeFrom string // --exit-code-from

	Ends     bool // the run ends by itself when all is read: without following, or with --until-time
	Clusters int  // clusters in all; 0: lines come from stdin
	Required int  // clusters that must be readable
	Strict   bool // --require is given: they must be readable as a whole, and at the end; else being readable once is enough

	Namespaces   []string // that --namespace names; one of them that is forbidden is a required one that can't be read, unless Strict
	IgnoreErrors bool     // --ignore-errors
	AllowEmpty   bool     // --allow-empty
	SinkRequired bool     // --sink-required
	Previous     bool     // --previous
	HideGaps     bool     // gaps are for the conditions alone, and not written

	Output   string // the flag that gives the program or template of the output, for messages
	Halts    bool   // Output may end the run: it is a jq program, or TemplateStrict is set
	JQStrict bool   // --jq-strict: the first error of any program ends the run

	TemplateStrict bool // --template-strict: the first error of the template of the output ends the run

	// Await reports what else the run waits for before it may end well; empty: nothing. nil: the run has conditions alone. See
	// Conditions.succeed.
	Await func() string

	Cancel  func()                                             // ends the run; called once, with the decision
	Ready   func() error                                       // called when the run is ready, see Happened; its error ends the run. nil: none
	OnMatch func(flag string, src emit.Source, r *emit.Record) // called with each record that counts for a flag: until, until-jq, fail-on or fail-on-jq. nil: none
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
	podFailed // a pod or Job failed, with --until-done; or a rollout, with --until-ready
	podUnread // all pods have ended, but a log could not be read to its end, with --until-done
	timedOut  // a timeout ran out before what is waited for came
	halted    // a jq program ended the run
)

// decision is how a run was decided. The zero value is none.
type decision struct {
	outcome outcome
	code    int    // the exit code of a program that halted
	late    bool   // by a timeout
	cause   string // what decided, for messages; may be empty
}

// Conditions are the exit conditions of one run, and how far they are met. Many goroutines may use them at once.
type Conditions struct {
	o        Options
	failures failures
	observed *observed
	out      *emit.Output           // is ended with the decision; see Output
	held     atomic.Pointer[string] // the cause of a success that waits until enough clusters and pods are there; nil: none does
	matches  atomic.Int64           // records that matched --until
	records  atomic.Int64           // records that were written, with MaxCount
	lastLine atomic.Int64           // with IdleTimeout: when the last line came, in Unix nanoseconds; 0: none did

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
	c.decided, c.lacking = d, c.observed.lacking(d.late)
	c.out.End(last)
	c.o.Cancel()
	return true
}

// decision returns the decision, if there is one, and which required clusters could not be read by then; empty: none.
func (c *Conditions) decision() (d decision, lacking string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.decided.outcome == undecided {
		return decision{}, c.observed.lacking(false)
	}
	return c.decided, c.lacking
}

// conditional reports whether the exit code is to say something about what was read.
func (c *Conditions) conditional() bool {
	o := &c.o
	return c.waits() || o.UntilDone || len(o.Rollouts) > 0 || len(o.FailOn) > 0 || o.FailOnJQ != nil || o.MaxCount > 0 ||
		o.Timeout > 0 || o.IdleTimeout > 0 || o.WaitPods > 0 || o.Strict || o.Await != nil
}

// succeed decides that the run succeeded, or holds that back until enough clusters can be read and enough pods were there. With
// Options.Await no success ends the run, as something else will.
func (c *Conditions) succeed(cause string, last []byte) (first bool) {
	c.held.CompareAndSwap(nil, &cause)
	return c.o.Await == nil && c.observed.settled() && c.decide(decision{outcome: succeeded, cause: cause}, last)
}

// timeout decides a run that has waited long enough.
func (c *Conditions) timeout(cause string) {
	d := decision{outcome: succeeded, late: true, cause: cause}
	if c.unmet() != "" || c.awaited() != "" {
		d.outcome = timedOut
	}
	c.decide(d, nil)
}

// awaited reports what the run waits for beside its conditions; empty: nothing.
func (c *Conditions) awaited() string {
	if c.o.Await == nil {
		return ""
	}
	return c.o.Await()
}

// unmet says what the run still waits for; empty: nothing.
func (c *Conditions) unmet() string {
	if unmet := c.observed.unmet(); unmet != "" {
		return unmet
	}
	if !c.waits() || c.untilMet() {
		return ""
	}
	flag := "--until"
	if len(c.o.Until) == 0 {
		flag = "--until-jq"
	}
	switch n := c.matches.Load(); {
	case n == 0:
		return "nothing matched " + flag
	default:
		return fmt.Sprintf("%d of %d lines matched %s", n, c.o.UntilCount, flag)
	}
}

// untilMet reports whether what --until waits for has come.
func (c *Conditions) untilMet() bool {
	if c.o.UntilEach != "" {
		return c.observed.eachMatched()
	}
	return c.matches.Load() >= c.o.UntilCount
}

// Happened takes an event of the run. It reports, once, whether the run is ready now: all clusters were tried, and what is required
// holds. It blocks no longer than Options.Ready does.
func (c *Conditions) Happened(e report.Event) (ready bool) {
	for _, message := range c.observed.happened(e) {
		c.o.Log.Warn().Msg(message)
	}
	if c.observed.becomesReady() {
		ready = true
		if c.o.Ready != nil {
			if err := c.o.Ready(); err != nil { // whoever waits for that would wait for ever
				c.Fail(err)
				ready = false
			}
		}
	}
	cause := ""
	if held := c.held.Load(); held != nil {
		cause = *held
		c.succeed(cause, nil)
	}
	c.decideOnPods(cause, nil)
	return ready
}

// Fail ends the run, unless it was decided: what was to be done when it is ready could not be done, because of err, which is logged.
func (c *Conditions) Fail(err error) {
	c.o.Log.Error().Msg(err.Error())
	c.decide(decision{outcome: failed}, nil)
}

// decideOnPods decides a run whose condition about all pods, containers or clusters is met. cause is the record that has met it, if
// one has.
func (c *Conditions) decideOnPods(cause string, last []byte) (first bool) {
	switch o := c.observed.outcome(); {
	case o == undecided:
		return false
	case o != succeeded:
		return c.decide(decision{outcome: o}, last)
	case len(c.o.Rollouts) > 0 && c.waits() && !c.untilMet(): // more than the rollouts is waited for
		return false
	case c.waits() && !c.untilMet(), c.observed.exitUnknown(): // all pods have ended
		return c.decide(decision{outcome: unmatched}, last)
	case len(c.o.Rollouts) > 0 && cause == "":
		cause = "the rollouts are complete (--until-ready)"
	case len(c.o.Rollouts) > 0:
	case c.o.UntilEach == "" && len(c.o.Jobs) > 0:
		cause = "all Jobs and pods have ended (--until-done)"
	case c.o.UntilEach == "":
		cause = "all pods have ended (--until-done)"
	case cause == "":
		cause = fmt.Sprintf("--until matched for each %s (--until-each)", c.o.UntilEach)
	}
	return c.succeed(cause, last)
}

// matched takes a record that matches what the flag gives, which is waited for; last is what was to be written for it. It reports whether
// that decides.
func (c *Conditions) matched(flag string, src emit.Source, r *emit.Record, last []byte) (first bool) {
	if c.o.UntilEach != "" {
		if !c.observed.match(src) {
			return false
		}
		first = c.decideOnPods(matchOf(flag, src, r), last)
	} else {
		n := c.matches.Add(1)
		if n > c.o.UntilCount {
			return false
		}
		first = n == c.o.UntilCount && c.succeed(matchOf(flag, src, r), last)
	}
	c.onMatch(flag, src, r)
	return first
}

func (c *Conditions) onMatch(flag string, src emit.Source, r *emit.Record) {
	if c.o.OnMatch != nil {
		c.o.OnMatch(strings.TrimPrefix(flag, "--"), src, r)
	}
}

// Watch starts the timeouts, which run until ctx ends. It returns at once.
func (c *Conditions) Watch(ctx context.Context) {
	if c.o.Timeout > 0 {
		timer := time.AfterFunc(c.o.Timeout, func() { c.timeout("timeout after " + shortly(c.o.Timeout)) })
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
		c.timeout("no line for " + shortly(c.o.IdleTimeout))
	}()
}
