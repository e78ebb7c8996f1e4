package verdict_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mktail/cli/verdict"
)

// A run that waits for something beside its conditions is not ended by a success, but by a failure, and by a timeout.
func TestAwait(t *testing.T) {
	until := patterns("x")
	for name, tt := range map[string]struct {
		o     verdict.Options
		steps []string
		ends  bool // a condition ended the run
		code  int  // if it ends then
	}{
		"a match":          {verdict.Options{Until: until}, []string{"line eu/1/a x"}, false, 0},
		"no match":         {verdict.Options{Until: until}, []string{"line eu/1/a y"}, false, 1},
		"enough records":   {verdict.Options{MaxCount: 1}, []string{"line eu/1/a x", "line eu/1/a y"}, false, 0},
		"all pods end":     {verdict.Options{UntilDone: true}, []string{"pod eu/1 a", "ready", "ended eu/1"}, false, 0},
		"a pod fails":      {verdict.Options{UntilDone: true}, []string{"pod eu/1 a", "ready", "ended eu/1 bad"}, true, 4},
		"fail-on":          {verdict.Options{FailOn: until}, []string{"line eu/1/a x"}, true, 3},
		"fail-on, later":   {verdict.Options{Until: until, FailOn: patterns("bad")}, []string{"line eu/1/a x", "line eu/1/a bad"}, true, 3},
		"nothing to match": {verdict.Options{}, []string{"line eu/1/a x"}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.Clusters, tt.o.Required = 1, 1
			tt.o.Await = func() string { return "the test did not end" }
			r := start(t, tt.o, "")
			for _, step := range append([]string{"up eu"}, tt.steps...) {
				r.do(step)
			}
			if code := r.end(read); code != tt.code || r.cancelled != map[bool]int{true: 1}[tt.ends] {
				t.Errorf("exit code %d, cancelled %d times", code, r.cancelled)
			}
			if tt.o.MaxCount > 0 && r.stdout.String() != "x\n" {
				t.Errorf("stdout %q", &r.stdout)
			}
		})
	}
}

// What a run waits for must have come before a timeout.
func TestAwaitTimeout(t *testing.T) {
	for awaited, want := range map[string]int{"": verdict.ExitOK, "the test did not end": verdict.ExitTimeout} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r := start(t, verdict.Options{Timeout: time.Minute, Clusters: 1, Required: 1, Await: func() string { return awaited }}, "")
			r.Watch(ctx)
			r.do("up eu")
			r.do("ready")
			time.Sleep(time.Hour)
			if code := r.end(read); code != want || r.cancelled != 1 || !strings.Contains(r.log.String(), awaited) {
				t.Errorf("exit code %d, cancelled %d times, log: %s", code, r.cancelled, &r.log)
			}
		})
	}
}
