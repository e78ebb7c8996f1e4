package cli

import (
	"mktail/cli/verdict"
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
