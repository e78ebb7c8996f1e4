package cli

import (
	"fmt"

	"github.com/rs/zerolog"

	"mktail/tail/report"
)

// summarize logs what came from each cluster.
func summarize(log zerolog.Logger, summaries []report.Summary) {
	for _, s := range summaries {
		log.Info().Msgf("%s: %s, %s, %s, %s, %s, %s", s.Cluster, plural(s.Containers, "container"), plural(s.Lines, "line"),
			plural(s.Bytes, "byte"), plural(s.Reconnects, "reconnect"), plural(s.Gaps, "gap"), plural(s.Errors, "error"))
	}
}

func plural[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
