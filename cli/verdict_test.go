package cli

import (
	"context"
	"io"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"mktail/emit"
)

// TestTimeouts gives records at their times, and holds when that ends the run, and with what.
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
		"nothing":                        {"", 0, 0, []line{{time.Second, "x"}}, never, undecided},
		"a timeout":                      {"", time.Minute, 0, []line{{time.Second, "x"}}, time.Minute, exitOK},
		"a timeout with a match to come": {"y", time.Minute, 0, []line{{time.Second, "x"}}, time.Minute, exitTimeout},
		"a match before":                 {"x", time.Minute, 0, []line{{time.Second, "x"}}, time.Second, exitOK},
		"idle from the beginning":        {"", 0, 30 * time.Second, nil, 30 * time.Second, exitOK},
		"idle with a match to come":      {"y", 0, 30 * time.Second, nil, 30 * time.Second, exitTimeout},
		"each line begins the idle time": {"y", 0, 30 * time.Second,
			[]line{{20 * time.Second, "a"}, {45 * time.Second, "b"}, {70 * time.Second, "c"}}, 100 * time.Second, exitTimeout},
		"a line just in time": {"", 0, 30 * time.Second, []line{{29_999 * time.Millisecond, "a"}}, 59_999 * time.Millisecond, exitOK},
		"the first of both":   {"", 50 * time.Second, 30 * time.Second, []line{{25 * time.Second, "a"}}, 50 * time.Second, exitOK},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				v := &verdicts{count: 1, quiet: true, idle: tt.idle, code: undecided, crowd: newCrowd(), log: zerolog.Nop(), cancel: cancel}
				v.crowd.ready = true
				if tt.until != "" {
					v.until = []*regexp.Regexp{regexp.MustCompile(tt.until)}
				}
				out := v.output(io.Discard, v.format(ctx, func(*judge) emit.Format { return emit.JSON }))
				defer out.Close()
				begun := time.Now()
				v.came.Store(begun.UnixNano())
				v.watch(ctx, tt.timeout)
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
				if code, _ := v.given(); code != tt.code || after != tt.after {
					t.Errorf("%d after %s, want %d after %s", code, after, tt.code, tt.after)
				}
			})
		})
	}
}
