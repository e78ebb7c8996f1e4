package cli

import (
	"context"
	"os"
	"runtime"
	"time"
)

const (
	// measureEvery is how often the load of the process is measured.
	measureEvery = 250 * time.Millisecond
	// A run that takes less than lazy cores in lazyFor measurements in a row gets one of Go's processors. When it takes more than
	// busy cores of that one, it gets all of them again.
	lazy    = 0.3
	lazyFor = 12
	busy    = 0.6
)

// processors decides how many of Go's processors (GOMAXPROCS) a run has. If many streams have a line now and then, each line wakes
// an idle processor, which costs more than the line.
type processors struct {
	one   bool // the run has one processor
	quiet int  // measurements in a row below lazy
}

// takes notes how many cores the run took since the last measurement, and reports whether to change between one and all.
func (p *processors) takes(cores float64) (change bool) {
	if p.one {
		p.one = cores <= busy
		return !p.one
	}
	if p.quiet++; cores >= lazy {
		p.quiet = 0
	}
	if p.quiet < lazyFor {
		return false
	}
	p.one, p.quiet = true, 0
	return true
}

// saveProcessors lets Go use one processor while the process has little to do, until ctx ends. If the user has set GOMAXPROCS, it
// does nothing.
func saveProcessors(ctx context.Context) {
	if os.Getenv("GOMAXPROCS") != "" || runtime.GOMAXPROCS(0) == 1 {
		return
	}
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	var p processors
	defer func() {
		if p.one {
			runtime.SetDefaultGOMAXPROCS()
		}
	}()
	last, used := time.Now(), cpuTime()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, total := time.Now(), cpuTime()
		if p.takes(float64(total-used) / float64(now.Sub(last))) {
			if p.one {
				runtime.GOMAXPROCS(1)
			} else {
				runtime.SetDefaultGOMAXPROCS()
			}
		}
		last, used = now, total
	}
}
