package cli

import (
	"syscall"
	"testing"
	"time"
)

// Signals within a second of the first one are the same wish; later ones are another.
func TestTakeSignals(t *testing.T) {
	type came struct {
		after  time.Duration
		signal syscall.Signal
		atOnce bool
	}
	for name, all := range map[string][]came{
		"twice at once":        {{0, syscall.SIGTERM, false}, {0, syscall.SIGTERM, false}},
		"three within":         {{0, syscall.SIGHUP, false}, {500 * time.Millisecond, syscall.SIGTERM, false}, {999 * time.Millisecond, syscall.SIGINT, false}},
		"a second later":       {{0, syscall.SIGINT, false}, {time.Second, syscall.SIGINT, true}},
		"the same, then later": {{0, syscall.SIGTERM, false}, {0, syscall.SIGTERM, false}, {time.Minute, syscall.SIGTERM, true}},
	} {
		t.Run(name, func(t *testing.T) {
			canceled := 0
			s := &signals{cancel: func() { canceled++ }}
			begun := time.Now()
			var first time.Time
			for i, c := range all {
				if got := s.take(c.signal, begun.Add(c.after), &first); got != c.atOnce {
					t.Errorf("signal %d ends the run at once: %v", i, got)
				}
			}
			if canceled != 1 || s.code() != 128+int(all[0].signal) {
				t.Errorf("ended %d times in order, exit code %d", canceled, s.code())
			}
		})
	}
	t.Run("to a pager", func(t *testing.T) {
		s := &signals{cancel: func() { t.Error("ended") }}
		s.leaveInterrupts()
		var first time.Time
		if s.take(syscall.SIGINT, time.Now(), &first) || s.code() != 0 {
			t.Error("SIGINT is not left to the pager")
		}
	})
}
