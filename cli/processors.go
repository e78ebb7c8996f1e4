package cli

import (
	"context"
	"os"
	"runtime"
	"time"
)

const (
	// measureEvery is how often it is looked at how much a run has to do.
	measureEvery = 250 * time.Millisecond
	// A run that takes less than lazy cores for lazyFor measures in a row goes on with one of Go's processors, and one that takes
	// more than busy cores then has all of them again.
	lazy    = 0.3
	lazyFor = 12
	busy    = 0.6
)

// processors decides on how many of Go's processors (GOMAXPROCS) a run goes on. Where many streams have a line now and then,
// each line wakes one that is idle, and that costs more than the line.
type processors struct {
	one   bool // it goes on with one
	quiet int  // measures in a row that were lazy
}

// takes tells of how many cores were taken since the last measure, and gives whether to change between one and all.
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

// saveProcessors lets Go use one processor while the process has little to do, until ctx ends; unless the user has set how many.
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
