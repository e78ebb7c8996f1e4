package verdict

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
)

// failureEvery is how often the failures of one program or template are reported.
const failureEvery = 10 * time.Second

// failures counts the records on which programs and templates fail, by the flags that give these, and reports one of each now
// and then. Many goroutines may use it.
type failures struct {
	log zerolog.Logger

	mu sync.Mutex
	of map[string]*tally // by flag
}

type tally struct {
	count int
	quiet time.Time // nothing is reported until then
}

func (f *failures) add(flag string, src emit.Source, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.of[flag]
	if t == nil {
		t = new(tally)
		f.of[flag] = t
	}
	t.count++
	if now := time.Now(); now.After(t.quiet) {
		t.quiet = now.Add(failureEvery)
		f.log.Warn().Msgf("%s: %s: %s", nameOf(src), flag, err)
	}
}

// ReportFailures logs on how many records programs and templates failed. It is called once, at the end of the run.
func (c *Conditions) ReportFailures() {
	f := &c.failures
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, flag := range slices.Sorted(maps.Keys(f.of)) {
		then := "which are not in the output"
		if isTemplate(flag) {
			then = "with the error in the output"
		}
		if strings.HasPrefix(flag, "--until") || strings.HasPrefix(flag, "--fail-on") {
			then = "which did not count"
		}
		f.log.Warn().Msgf("%s failed on %s, %s", flag, plural(f.of[flag].count, "record"), then)
	}
}

// isTemplate reports whether a flag gives a template. A template that fails on a record leaves the record in the output.
func isTemplate(flag string) bool { return strings.HasPrefix(flag, "--template") }

// nameOf is the name of a source in messages.
func nameOf(src emit.Source) string {
	if src.Pod == "" {
		return "stdin"
	}
	return src.Cluster + ": " + src.Namespace + "/" + src.Pod + "/" + src.Container
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
