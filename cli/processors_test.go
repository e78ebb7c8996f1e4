package cli

import "testing"

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

func TestCPUTime(t *testing.T) {
	before := cpuTime()
	for x := 0; cpuTime() == before; x++ { // ends only if it grows
	}
}
