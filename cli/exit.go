package cli

import (
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"mktail/discover"
)

// The exit codes. They are frozen, and stand in --help and README.
const (
	exitOK       = 0 // done, or the reader of stdout went away
	exitFailure  = 1 // nothing to tail, or something could not be read or written
	exitUsage    = 2 // a flag, filter or pattern is wrong, or there is no usable kubeconfig
	exitFailOn   = 3 // a line matched --fail-on
	exitWorkload = 4 // a pod that --until-done waited for has failed
	exitRequire  = 5 // fewer clusters could be read than --require wants
	exitTimeout  = 124
	exitSignal   = 128
)

// ending is how a run has ended, apart from its verdicts.
type ending struct {
	written error // of the output
	read    error // of stdin
	signal  int   // exit code of the signal that came; 0: none did
	gone    bool  // nobody reads stdout any more
}

// exitCode is that of a run that has ended so. own gives that of one that has come to its end.
func (v *verdicts) exitCode(log zerolog.Logger, e ending, own func() int) int {
	verdict, lacking := v.given()
	switch {
	case e.written != nil && !isReaderGone(e.written):
		log.Error().Msgf("writing to stdout: %s", e.written)
		return exitFailure
	case verdict >= halted:
		return verdict - halted
	case verdict == undecided && e.signal != 0:
		return e.signal
	case verdict == undecided && (e.written != nil || e.gone):
		return exitOK
	case verdict == undecided && e.read != nil:
		log.Error().Msgf("reading stdin: %s", e.read)
		return exitFailure
	}
	if verdict == undecided || verdict == unmatched || verdict == exitTimeout || verdict == exitOK {
		if lacking != "" && !(verdict == undecided && v.lenient) {
			log.Error().Msg(lacking)
			return exitRequire
		}
	}
	switch unmet := v.unmet(); verdict {
	case undecided, unmatched:
		if unmet == "" {
			return own()
		}
		log.Error().Msgf("%s before the end", unmet)
		return exitFailure
	case exitTimeout:
		log.Error().Msgf("%s in time", unmet)
		if v.crowd.tooFew() {
			return exitFailure
		}
	case exitWorkload:
		for _, failure := range v.crowd.failed() {
			log.Error().Msg(failure)
		}
	}
	return verdict
}

// complain says an error and returns its exit code.
func complain(log zerolog.Logger, err error) int {
	log.Error().Msg(err.Error())
	var usage *discover.UsageError
	if !errors.As(err, &usage) {
		return exitFailure
	}
	if usage.Hint != "" {
		log.Info().Msg("hint: " + usage.Hint)
	}
	return exitUsage
}

// complain is complain about a mistake that may stand in the config.
func (f *flags) complain(log zerolog.Logger, err error) int {
	return complain(log, f.config.blame(err))
}

// usagef makes the error of a user's mistake, with a hint at what to do.
func usagef(hint, format string, args ...any) error {
	return &discover.UsageError{Err: fmt.Errorf(format, args...), Hint: hint}
}
