package cli

import (
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"mktail/cli/verdict"
	"mktail/discover"
	"mktail/tail/report"
)

// endingOf returns how a run has ended: written is the error of its output, gone whether its context has ended, read the error
// of stdin.
func endingOf(written error, gone bool, read error, s *signals, summaries []report.Summary) verdict.Ending {
	if isReaderGone(written) {
		written, gone = nil, true
	}
	return verdict.Ending{Written: written, Read: read, Signal: s.code(), Gone: gone, Summaries: summaries}
}

// complain says an error and returns its exit code.
func complain(log zerolog.Logger, err error) int {
	log.Error().Msg(err.Error())
	var usage *discover.UsageError
	if !errors.As(err, &usage) {
		return verdict.ExitFailure
	}
	if usage.Hint != "" {
		log.Info().Msg("hint: " + usage.Hint)
	}
	return verdict.ExitUsage
}

// complain is complain about a mistake that may stand in the config.
func (f *flags) complain(log zerolog.Logger, err error) int {
	return complain(log, f.config.blame(err))
}

// usagef makes the error of a user's mistake, with a hint at what to do.
func usagef(hint, format string, args ...any) error {
	return &discover.UsageError{Err: fmt.Errorf(format, args...), Hint: hint}
}
