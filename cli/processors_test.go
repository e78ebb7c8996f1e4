package cli

import (
	"crypto/sha256"
	"runtime"
	"testing"
	"time"
)

func TestProcessors(t *testing.T) {
	var p processors
	feed := func(cores float64, times int) (changes int) {
		for range times {
			if p.takes(cores) {
				changes++
			}
		}
		return changes
	}
	if feed(1.5, 100) != 0 || p.one {
		t.Error("a busy run lost its processors")
	}
	if feed(0.1, lazyFor-1) != 0 || feed(0.5, 1) != 0 || feed(0.1, lazyFor-1) != 0 {
		t.Error("a run that was busy meanwhile lost its processors")
	}
	if feed(0.1, 1) != 1 || !p.one || feed(0.1, 100) != 0 || feed(0.5, 100) != 0 {
		t.Error("a lazy run does not keep one processor")
	}
	if feed(0.9, 1) != 1 || p.one || feed(0.9, 100) != 0 {
		t.Error("a run that became busy did not get its processors back")
	}
}

// TestCPUTime holds what work adds to the CPU time between what it takes at least, on any machine, and all that the processors
// can do meanwhile.
func TestCPUTime(t *testing.T) {
	const least, tick = 10 * time.Millisecond, 100 * time.Millisecond
	data := make([]byte, 1<<20)
	began, before := time.Now(), cpuTime()
	for range 256 {
		data[0] = sha256.Sum256(data)[0]
	}
	took, most := cpuTime()-before, time.Since(began)*time.Duration(runtime.NumCPU())+tick
	if took < least || took > most {
		t.Errorf("hashing 256 MiB took %v of CPU time, want %v to %v", took, least, most)
	}
}
