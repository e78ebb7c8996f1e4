package cli

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"mktail/cli/verdict"
)

// signals ends a run on SIGINT and SIGTERM: the first one in order, the second one at once.
type signals struct {
	cancel context.CancelFunc
	got    atomic.Int32 // the number of the first signal; 0: none
	busy   atomic.Bool  // SIGINT is left to another program
}

// notify returns a context that ends with the first signal. It also takes SIGPIPE, so that writing to a closed stdout is an error
// that is handled. Child processes still start with the default for SIGPIPE.
func notify(parent context.Context) (context.Context, *signals) {
	ctx, cancel := context.WithCancel(parent)
	s := &signals{cancel: cancel}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	got := make(chan os.Signal, 2)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		if !signal.Ignored(sig) { // a background job of a script ignores ^C
			signal.Notify(got, sig)
		}
	}
	go func() {
		for sig := range got {
			n, _ := sig.(syscall.Signal)
			if n == syscall.SIGINT && s.busy.Load() {
				continue
			}
			if !s.got.CompareAndSwap(0, int32(n)) {
				os.Exit(verdict.ExitSignal + int(n))
			}
			cancel()
		}
	}()
	return ctx, s
}

// leaveInterrupts leaves SIGINT to a program that has the terminal now: in a pager it stops the waiting for more input.
func (s *signals) leaveInterrupts() { s.busy.Store(true) }

// code returns the exit code of the signal that ended the run; 0: none did.
func (s *signals) code() int {
	if n := s.got.Load(); n != 0 {
		return verdict.ExitSignal + int(n)
	}
	return 0
}
