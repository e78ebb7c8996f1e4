package verdict_test

import (
	"context"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"mktail/cli/verdict"
	"mktail/emit"
	"mktail/tail/report"
)

// TestTimeouts gives records at their times, and tests when that ends the run, and with what exit code.
func TestTimeouts(t *testing.T) {
	type line struct {
		at   time.Duration
		text string // "gap": a gap
	}
	const never = -1
	for name, tt := range map[string]struct {
		until         string // empty: nothing is waited for
		timeout, idle time.Duration
		lines         []line
		after         time.Duration
		code          int
	}{
		"nothing":                        {"", 0, 0, []line{{time.Second, "x"}}, never, verdict.ExitOK},
		"a timeout":                      {"", time.Minute, 0, []line{{time.Second, "x"}}, time.Minute, verdict.ExitOK},
		"a timeout with a match to come": {"y", time.Minute, 0, []line{{time.Second, "x"}}, time.Minute, verdict.ExitTimeout},
		"a match before":                 {"x", time.Minute, 0, []line{{time.Second, "x"}}, time.Second, verdict.ExitOK},
		"idle from the beginning":        {"", 0, 30 * time.Second, nil, 30 * time.Second, verdict.ExitOK},
		"idle with a match to come":      {"y", 0, 30 * time.Second, nil, 30 * time.Second, verdict.ExitTimeout},
		"each line begins the idle time": {"y", 0, 30 * time.Second,
			[]line{{20 * time.Second, "a"}, {45 * time.Second, "b"}, {70 * time.Second, "c"}}, 100 * time.Second, verdict.ExitTimeout},
		"a line just in time": {"", 0, 30 * time.Second, []line{{29_999 * time.Millisecond, "a"}}, 59_999 * time.Millisecond, verdict.ExitOK},
		"a gap is not a line": {"", 0, 30 * time.Second, []line{{20 * time.Second, "gap"}}, 30 * time.Second, verdict.ExitOK},
		"the first of both":   {"", 50 * time.Second, 30 * time.Second, []line{{25 * time.Second, "a"}}, 50 * time.Second, verdict.ExitOK},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var log strings.Builder
				o := verdict.Options{UntilCount: 1, Quiet: true, Timeout: tt.timeout, IdleTimeout: tt.idle, Cancel: cancel, Log: zerolog.New(&log)}
				if tt.until != "" {
					o.Until = []*regexp.Regexp{regexp.MustCompile(tt.until)}
				}
				c := verdict.New(o)
				c.Happened(report.Event{Kind: report.Ready})
				out := c.Output(io.Discard, c.Format(ctx, func(*verdict.Judge) emit.Format { return emit.JSON }))
				defer out.Close()
				begun := time.Now()
				c.Watch(ctx)
				go func() {
					s := out.Stream(emit.Source{})
					defer s.Flush()
					for _, l := range tt.lines {
						select {
						case <-ctx.Done():
							return
						case <-time.After(l.at - time.Since(begun)):
						}
						r := &emit.Record{Line: []byte(l.text)}
						if l.text == "gap" {
							r = &emit.Record{Gap: new(emit.Gap)}
						}
						s.Add(r)
					}
				}()
				after := time.Duration(never)
				select {
				case <-ctx.Done():
					after = time.Since(begun)
				case <-time.After(time.Hour):
				}
				for range 2 { // it may be asked for again
					if code := c.ExitCode(verdict.Ending{}); code != tt.code || after != tt.after {
						t.Errorf("%d after %s, want %d after %s", code, after, tt.code, tt.after)
					}
				}
				if timedOut := strings.Contains(log.String(), ": nothing matched --until"); timedOut != (tt.code == verdict.ExitTimeout) {
					t.Errorf("log: %s", &log)
				}
			})
		})
	}
}

// TestTimeoutAfterTheEnd: a timeout that runs out after the run has ended decides nothing.
func TestTimeoutAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := verdict.New(verdict.Options{Until: patterns("x"), UntilCount: 1, Timeout: time.Minute, IdleTimeout: time.Minute, Cancel: func() { t.Error("cancelled") }, Log: zerolog.Nop()})
		out := c.Output(io.Discard, emit.JSON)
		defer out.Close()
		c.Watch(ctx)
		cancel()
		time.Sleep(time.Hour)
		if code := c.ExitCode(verdict.Ending{Signal: 130, Gone: true}); code != 130 {
			t.Errorf("exit code %d", code)
		}
	})
}

// TestFailuresReported: the failures of a program are counted, and one is logged every ten seconds.
func TestFailuresReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, verdict.Options{}, ".line|error")
		defer r.output.Close()
		begun := time.Now()
		for _, at := range []time.Duration{0, 5 * time.Second, 10 * time.Second, 10*time.Second + 1, 11 * time.Second} {
			time.Sleep(at - time.Since(begun))
			r.do("line eu/1/a " + at.String())
		}
		r.ReportFailures()
		const want = "eu: shop/pod-1/a: --jq: error: 0s\neu: shop/pod-1/a: --jq: error: 10.000000001s\n--jq failed on 5 records, which are not in the output\n"
		if got := r.log.String(); got != want {
			t.Errorf("got %q", got)
		}
	})
}

// TestTimeoutLacking: that no cluster could be read goes before what did not come in time.
func TestTimeoutLacking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := start(t, verdict.Options{Until: patterns("x"), Timeout: time.Minute, Clusters: 1, Required: 1}, "")
		r.Watch(ctx)
		r.do("ready")
		time.Sleep(time.Hour)
		if code := r.end(read); code != verdict.ExitRequire || r.cancelled != 1 {
			t.Errorf("exit code %d, cancelled %d times", code, r.cancelled)
		}
	})
}

// TestTimeoutOwnersUnknown: pods of which it is not known whether they are selected are not taken for none.
func TestTimeoutOwnersUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := start(t, verdict.Options{UntilDone: true, Timeout: time.Minute, Clusters: 1, Required: 1}, "")
		r.do("up eu")
		r.do("undecided eu/1")
		r.do("ready")
		r.Watch(ctx)
		time.Sleep(time.Hour)
		const want = "timeout after 1m: the owners of eu: shop/pod-1 are not known\n"
		if code := r.end(verdict.Ending{Summaries: []report.Summary{{Cluster: "eu"}}}); code != verdict.ExitFailure || r.log.String() != want {
			t.Errorf("exit code %d\n%s", code, &r.log)
		}
	})
}

// TestTimeoutBeforeTheEnd: a run that ends by itself has not succeeded when a timeout ends it, unless what is left is not required.
func TestTimeoutBeforeTheEnd(t *testing.T) {
	whole, open := report.Summary{Cluster: "eu", Lines: 1, Ended: true}, report.Summary{Cluster: "eu", Lines: 1}
	part, away := report.Summary{Cluster: "eu", Lines: 1, Left: "shop/web/app"}, report.Summary{Cluster: "us", Failed: "connecting"}
	for name, tt := range map[string]struct {
		o         verdict.Options
		summaries []report.Summary
		code      int
	}{
		"it goes on for ever":          {verdict.Options{}, []report.Summary{part}, verdict.ExitOK},
		"not all was read":             {verdict.Options{Ends: true}, []report.Summary{part}, verdict.ExitTimeout},
		"nothing is known to be left":  {verdict.Options{Ends: true}, []report.Summary{open}, verdict.ExitTimeout},
		"nothing is left":              {verdict.Options{Ends: true}, []report.Summary{whole}, verdict.ExitOK},
		"a cluster is left":            {verdict.Options{Ends: true}, []report.Summary{whole, away}, verdict.ExitTimeout},
		"it is not required":           {verdict.Options{Ends: true, Strict: true, Required: 1}, []report.Summary{whole, away}, verdict.ExitOK},
		"nor is more known to be read": {verdict.Options{Ends: true, Strict: true, Required: 1}, []report.Summary{open, away}, verdict.ExitTimeout},
		"nor is it all that is left":   {verdict.Options{Ends: true, Strict: true, Required: 1}, []report.Summary{part, away}, verdict.ExitTimeout},
		"--ignore-errors":              {verdict.Options{Ends: true, IgnoreErrors: true}, []report.Summary{part, away}, verdict.ExitOK},
		"--max-count":                  {verdict.Options{Ends: true, MaxCount: 2}, []report.Summary{part}, verdict.ExitTimeout},
		"--fail-on":                    {verdict.Options{Ends: true, FailOn: patterns("x")}, []report.Summary{part}, verdict.ExitTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.o.Clusters, tt.o.Timeout = 2, time.Minute
				r := start(t, tt.o, "")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r.do("up eu")
				r.do("ready")
				r.Watch(ctx)
				time.Sleep(time.Hour)
				if code := r.end(verdict.Ending{Summaries: tt.summaries}); code != tt.code || r.cancelled != 1 {
					t.Errorf("exit code %d, cancelled %d times\n%s", code, r.cancelled, &r.log)
				}
			})
		})
	}
}
