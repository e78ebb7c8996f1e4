package verdict

import (
	"cmp"

	"mktail/tail/report"
)

// The exit codes. They are frozen, and documented in --help and README.
const (
	ExitOK       = 0   // done, or the reader of stdout went away
	ExitFailure  = 1   // nothing to tail, or something could not be read or written
	ExitUsage    = 2   // a flag, filter or pattern is wrong, or there is no usable kubeconfig
	ExitFailOn   = 3   // a line matched --fail-on
	ExitWorkload = 4   // a pod or Job that --until-done waited for has failed
	ExitRequire  = 5   // fewer clusters could be read than --require wants
	ExitTimeout  = 124 // a timeout ran out before what was waited for came
	ExitSignal   = 128 // plus the number of the signal that ended the run
)

// Ending is how a run has ended, apart from its conditions.
type Ending struct {
	Written   error            // the error of writing to stdout, except that its reader went away
	Read      error            // the error of reading stdin
	Signal    int              // the exit code of the signal that came; 0: none did
	Gone      bool             // the run was ended by its context, or the reader of stdout went away
	Unread    bool             // the reader of stdout went away
	Stuck     bool             // a record was left that took too long
	Summaries []report.Summary // of the clusters; not used for stdin, nor if Stuck
}

// ExitCode returns the exit code of a run that has ended, and logs what has decided it. It is 0 only if what the run requires holds, and
// something was read.
func (c *Conditions) ExitCode(e Ending) int {
	log := c.o.Log
	d, lacking := c.decision()
	if d.late {
		c.reportLeft(e.Summaries)
	}
	open := d.outcome == undecided
	if open && (e.Signal != 0 || e.Gone) { // what is not known yet is not there
		lacking = c.observed.lacking(true)
	}
	switch {
	case e.Written != nil:
		log.Error().Msgf("writing to stdout: %s", e.Written)
		return ExitFailure
	case d.outcome == halted:
		return d.code
	case open && e.Signal != 0:
		return c.cutShort("ended by a signal", lacking, e.Signal)
	case e.Stuck && d.late && d.outcome == succeeded:
		log.Error().Msgf("%s: not all was read", d.cause)
		return ExitTimeout
	case open && e.Gone:
		return c.unread(lacking, e)
	case open && e.Read != nil:
		log.Error().Msgf("reading stdin: %s", e.Read)
		return ExitFailure
	}
	code := c.decidedCode(d, lacking, e.Summaries)
	if code == ExitOK && c.o.SinkRequired && e.Unread {
		return c.sinkLost()
	}
	return code
}

// cutShort returns the exit code of a run that something else has ended before it was decided: code, unless what is required did not hold.
func (c *Conditions) cutShort(cause, lacking string, code int) int {
	switch {
	case !c.conditional():
		return code
	case lacking != "":
		c.o.Log.Error().Msgf("%s: %s", cause, lacking)
		return ExitRequire
	case c.observed.tooFewPods():
		c.o.Log.Error().Msgf("%s: %s", cause, join(c.unmet(), c.observed.waiting()))
		return ExitFailure
	}
	return code
}

// unread returns the exit code of a run whose reader of stdout went away before it was decided. That is fine, unless something is still
// waited for, or nothing was read that the exit code is about.
func (c *Conditions) unread(lacking string, e Ending) int {
	const cause = "the reader of stdout went away"
	if code := c.cutShort(cause, lacking, ExitOK); code != ExitOK {
		return code
	}
	unmet := join(c.unmet(), c.awaited())
	if unmet == "" && c.conditional() && !e.Stuck {
		unmet = c.nothingRead(e.Summaries)
	}
	switch {
	case unmet != "":
		c.o.Log.Error().Msgf("%s: %s", cause, unmet)
		return ExitFailure
	case c.o.SinkRequired:
		return c.sinkLost()
	}
	return ExitOK
}

func (c *Conditions) sinkLost() int {
	c.o.Log.Error().Msg("the reader of stdout went away (--sink-required)")
	return ExitFailure
}

// decidedCode returns the exit code of a run that was decided, or has come to its end by itself.
func (c *Conditions) decidedCode(d decision, lacking string, summaries []report.Summary) int {
	log, unmet := c.o.Log, c.unmet()
	switch { // of other decisions more is known than that too few could be read
	case lacking == "":
	case d.outcome == undecided, d.outcome == unmatched:
		log.Error().Msg(lacking)
		return ExitRequire
	case d.late:
		log.Error().Msgf("%s: %s", d.cause, join(lacking, unmet, c.observed.waiting()))
		return ExitRequire
	}
	switch d.outcome {
	case succeeded:
		if nothing := c.nothingRead(summaries); d.late && nothing != "" {
			log.Error().Msgf("%s: %s", d.cause, nothing)
			return ExitFailure
		}
		if d.late && c.cutOff(summaries) {
			log.Error().Msgf("%s: not all was read", d.cause)
			return ExitTimeout
		}
		log.Info().Msg(d.cause)
		return c.observed.exitCode(ExitOK)
	case failedOn:
		log.Error().Msg(d.cause)
		return ExitFailOn
	case timedOut:
		if nothing := c.nothingRead(summaries); nothing != "" && c.observed.noPods() && !c.observed.tooFewPods() {
			log.Error().Msgf("%s: %s", d.cause, nothing)
			return ExitFailure
		}
		log.Error().Msgf("%s: %s", d.cause, join(c.observed.progress(), unmet, c.awaited(), c.observed.waiting()))
		if c.observed.tooFewPods() {
			return ExitFailure
		}
		return ExitTimeout
	case podFailed:
		for _, failure := range c.observed.failures() {
			log.Error().Msg(failure)
		}
		return c.observed.exitCode(ExitWorkload)
	case podUnread:
		for _, what := range c.observed.leftUnread() {
			log.Error().Msgf("not read to the end: %s", what)
		}
	case undecided, unmatched:
		if unmet == "" {
			return c.ownCode(summaries)
		}
		if d.cause != "" {
			log.Error().Msgf("%s: %s", d.cause, unmet)
			break
		}
		log.Error().Msgf("the run ended: %s", join(unmet, c.observed.waiting()))
	}
	return ExitFailure
}

// reportLeft logs what a timeout has left before all of it was read.
func (c *Conditions) reportLeft(summaries []report.Summary) {
	for _, s := range summaries {
		if why := cmp.Or(s.Failed, s.Left); why != "" {
			c.o.Log.Warn().Msgf("%s: not read to the end: %s", s.Cluster, why)
		}
	}
}

// cutOff reports whether a timeout came before the end of a run that ends by itself. It did not if all that is left is of clusters that
// are not required.
func (c *Conditions) cutOff(summaries []report.Summary) bool {
	if !c.o.Ends || c.o.IgnoreErrors {
		return false
	}
	for _, s := range summaries {
		whole := s.Ended && s.Failed == "" && s.Left == ""
		if !whole && (!c.o.Strict || c.observed.readable(s.Cluster)) {
			return true
		}
	}
	return false
}

// ownCode returns the exit code of a run that has come to its end by itself.
func (c *Conditions) ownCode(summaries []report.Summary) int {
	code := ExitOK
	for _, s := range summaries {
		if s.Failed == "" {
			continue
		}
		c.o.Log.Error().Msgf("%s: not read to the end: %s", s.Cluster, s.Failed)
		if !c.o.IgnoreErrors && (!c.o.Strict || c.observed.readable(s.Cluster)) {
			code = ExitFailure
		}
	}
	if nothing := c.nothingRead(summaries); nothing != "" && code == ExitOK {
		c.o.Log.Error().Msg("nothing to tail: " + nothing)
		return ExitFailure
	}
	if held := c.held.Load(); held != nil && code == ExitOK {
		c.o.Log.Info().Msg(*held)
	}
	return code
}

// nothingRead says why nothing at all was read; empty: something was, or Options.AllowEmpty.
func (c *Conditions) nothingRead(summaries []report.Summary) string {
	if c.o.Clusters == 0 || c.o.AllowEmpty { // without clusters, lines come from stdin
		return ""
	}
	var containers, unread int64
	for _, s := range summaries {
		containers += s.Containers
		if unread += s.Unread; s.Lines > 0 {
			return ""
		}
	}
	switch {
	case containers > unread:
		return ""
	case containers > 0:
		return join("no log could be read", c.observed.waiting())
	case c.o.Previous && !c.observed.noPods():
		return "no container that matches has a previous instance"
	case c.observed.waiting() != "":
		return "no container that matches has a log; " + c.observed.waiting()
	case c.observed.unknownOwners() != "":
		return c.observed.unknownOwners()
	}
	return "no container matches in any cluster"
}
