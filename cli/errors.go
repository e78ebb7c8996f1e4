package cli

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
)

// recordErrors counts the records that programs and templates failed on, by the flags that gave those, and says one of each
// now and then.
type recordErrors struct {
	log zerolog.Logger

	mu sync.Mutex
	of map[string]*tally // by flag
}

type tally struct {
	count int
	quiet time.Time // until when nothing is said
}

func (e *recordErrors) add(flag string, src emit.Source, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.of[flag]
	if t == nil {
		t = new(tally)
		e.of[flag] = t
	}
	t.count++
	if now := time.Now(); now.After(t.quiet) {
		t.quiet = now.Add(10 * time.Second)
		e.log.Warn().Msgf("%s: %s: %s", nameOf(src), flag, err)
	}
}

// say says at the end how many there were.
func (e *recordErrors) say() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, flag := range slices.Sorted(maps.Keys(e.of)) {
		then := "which are not in the output"
		if strings.HasPrefix(flag, "--until") || strings.HasPrefix(flag, "--fail-on") {
			then = "which did not count"
		}
		e.log.Warn().Msgf("%s failed on %s, %s", flag, plural(e.of[flag].count, "record"), then)
	}
}

// nameOf is what messages call a source.
func nameOf(src emit.Source) string {
	if src.Pod == "" {
		return "stdin"
	}
	return src.Cluster + ": " + src.Namespace + "/" + src.Pod + "/" + src.Container
}
