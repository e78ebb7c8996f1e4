package tail_test

import (
	"fmt"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
)

// TestSchedules runs random schedules: what containers and clusters do to a run, in a setting of nodes, kubelets, gateways and
// options. No line may come twice or out of order, and those that don't come must be covered by a gap, which has a cause and is as
// narrow as what the API can tell; all comes in a bounded time, nothing is left running, and memory is bounded. Of a schedule
// that fails the smallest part that still fails is reported.
//
// MKTAIL_SCHEDULES sets how many there are; MKTAIL_SEED replays one, or with MKTAIL_SCHEDULES is the first;
// with MKTAIL_SHRINK=no the whole schedule is reported.
func TestSchedules(t *testing.T) {
	first, n := 0, 1000
	if testing.Short() {
		n = 100
	}
	if s := os.Getenv("MKTAIL_SCHEDULES"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	if s := os.Getenv("MKTAIL_SEED"); s != "" {
		first, _ = strconv.Atoi(s)
		if os.Getenv("MKTAIL_SCHEDULES") == "" {
			n = 1
		}
	}
	const workers = 2
	for w := range workers {
		t.Run(fmt.Sprint("worker ", w), func(t *testing.T) {
			t.Parallel()
			for seed := first + w; seed < first+n; seed += workers {
				t.Run(fmt.Sprint(seed), func(t *testing.T) { draw(uint64(seed)).test(t) })
			}
		})
	}
}

// TestScheduleMemory: what schedules leave behind does not grow with their number.
func TestScheduleMemory(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		runtime.GC() // what finalizers held
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var before uint64
	for seed := range uint64(40) {
		if seed == 20 {
			before = heap()
		}
		draw(seed).run(t)
	}
	if after := heap(); after > before+4<<20 {
		t.Errorf("20 schedules leave %d KiB behind", (after-before)>>10)
	}
}

// schedule is what follows from a seed.
type schedule struct {
	seed    uint64
	setting setting
	steps   []step
}

// test runs the schedule, and reports the smallest part of it that fails if it does.
func (s schedule) test(t *testing.T) {
	w := s.run(t)
	if len(w.failures) == 0 {
		return
	}
	small, sw := s, w
	if os.Getenv("MKTAIL_SHRINK") != "no" {
		small, sw = s.shrink(t, w)
	}
	t.Errorf("%s", strings.Join(w.failures, "\n"))
	t.Logf("to replay it: MKTAIL_SEED=%d go test -run TestSchedules ./tail", s.seed)
	t.Logf("the smallest part that fails, %d of %d steps:\n%s\n\n%s", len(small.steps), len(s.steps), small.setting, sw.report())
	if os.Getenv("MKTAIL_SEED") != "" && os.Getenv("MKTAIL_SCHEDULES") == "" {
		for _, q := range sw.requests {
			t.Logf("%8.3f %s %s %v %d", q.Begin.Sub(sw.begun).Seconds(), q.Verb, q.Path, q.Query, q.Status)
		}
	}
}

// run runs the schedule in a bubble of its own.
func (s schedule) run(t *testing.T) (w *world) {
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(t, s)
		w.run()
	})
	return w
}

// maxShrinks bounds how often a schedule that fails is run again.
const maxShrinks = 100

// shrink drops steps and then what is particular of the setting, as long as the schedule fails in the same way.
func (s schedule) shrink(t *testing.T, failed *world) (schedule, *world) {
	runs := 0
	fails := func(try schedule) bool {
		if runs++; runs > maxShrinks {
			return false
		}
		w := try.run(t)
		if !slices.ContainsFunc(w.kinds, func(kind string) bool { return slices.Contains(failed.kinds, kind) }) {
			return false
		}
		s, failed = try, w
		return true
	}
	for size := (len(s.steps) + 1) / 2; size > 0; size /= 2 {
		for at := 0; at < len(s.steps); {
			try := s
			try.steps = slices.Delete(slices.Clone(s.steps), at, min(at+size, len(s.steps)))
			if !fails(try) {
				at += size
			}
		}
	}
	for i := range reflect.ValueOf(s.setting).NumField() {
		try := s
		if v := reflect.ValueOf(&try.setting).Elem().Field(i); !v.IsZero() {
			v.SetZero()
			fails(try)
		}
	}
	return s, failed
}
