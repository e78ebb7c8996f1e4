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
		text string
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
						s.Add(emit.Record{Line: []byte(l.text)})
					}
				}()
				after := time.Duration(never)
				select {
				case <-ctx.Done():
					after = time.Since(begun)
				case <-time.After(time.Hour):
				}
				if code := c.ExitCode(verdict.Ending{}); code != tt.code || after != tt.after {
					t.Errorf("%d after %s, want %d after %s", code, after, tt.code, tt.after)
				}
				if timedOut := strings.Contains(log.String(), "nothing matched --until in time"); timedOut != (tt.code == verdict.ExitTimeout) {
					t.Errorf("log: %s", &log)
				}
			})
		})
	}
}
