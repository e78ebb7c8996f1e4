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
	ExitWorkload = 4   // a pod that --until-done waited for has failed
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
	Summaries []report.Summary // of the clusters; not used for stdin
}

// ExitCode returns the exit code of a run that has ended, and logs why it is not 0.
func (c *Conditions) ExitCode(e Ending) int {
	log := c.o.Log
	d, lacking := c.decision()
	if d.late {
		c.reportLeft(e.Summaries)
	}
	open := d.outcome == undecided
	switch {
	case e.Written != nil:
		log.Error().Msgf("writing to stdout: %s", e.Written)
		return ExitFailure
	case d.outcome == halted:
		return d.code
	case open && e.Signal != 0:
		return e.Signal
	case open && e.Gone:
		return ExitOK
	case open && e.Read != nil:
		log.Error().Msgf("reading stdin: %s", e.Read)
		return ExitFailure
	}
	switch d.outcome {
	case undecided, unmatched, timedOut, succeeded: // else more is known than that too few could be read
		if lacking != "" && !(open && c.lenient()) {
			log.Error().Msg(lacking)
			return ExitRequire
		}
	}
	return c.decidedCode(d.outcome, e)
}

// decidedCode returns the exit code of a run whose clusters could be read as required.
func (c *Conditions) decidedCode(o outcome, e Ending) int {
	log, unmet := c.o.Log, c.unmet()
	switch o {
	case succeeded:
		return ExitOK
	case failedOn:
		return ExitFailOn
	case timedOut:
		log.Error().Msgf("%s in time", unmet)
		if c.observed.tooFewPods() {
			return ExitFailure
		}
		return ExitTimeout
	case podFailed:
		for _, failure := range c.observed.failures() {
			log.Error().Msg(failure)
		}
		return ExitWorkload
	case undecided, unmatched:
		if unmet == "" {
			return c.ownCode(e.Summaries)
		}
		log.Error().Msgf("%s before the end", unmet)
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

// lenient reports whether a run may end well without any readable cluster.
func (c *Conditions) lenient() bool { return c.o.IgnoreErrors && !c.o.Strict }

// ownCode returns the exit code of a run that has come to its end by itself.
func (c *Conditions) ownCode(summaries []report.Summary) int {
	if c.o.Clusters == 0 { // lines came from stdin
		return ExitOK
	}
	code, read := ExitOK, false
	for _, s := range summaries {
		read = read || s.Containers > 0
		if s.Failed != "" {
			c.o.Log.Error().Msgf("%s: not read to the end: %s", s.Cluster, s.Failed)
			if !c.o.IgnoreErrors && (!c.o.Strict || c.observed.readable(s.Cluster)) {
				code = ExitFailure
			}
		}
	}
	if !read && code == ExitOK && !c.o.IgnoreErrors {
		why := "no container matches in any cluster"
		if c.o.Previous && !c.observed.noPods() {
			why = "no container that matches has a previous instance"
		}
		c.o.Log.Error().Msg("nothing to tail: " + why)
		code = ExitFailure
	}
	return code
}
