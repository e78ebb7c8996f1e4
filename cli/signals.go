package cli

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"mktail/cli/verdict"
)

// signals ends a run on SIGHUP, SIGINT and SIGTERM: the first one in order, a later one at once.
type signals struct {
	cancel context.CancelFunc
	got    atomic.Int32 // the number of the first signal; 0: none
	busy   atomic.Bool  // SIGINT is left to another program

	command atomic.Pointer[child] // takes the first signal while it runs; nil: there is none
}

// oneSignal is for how long after the first signal others count as the same: timeout(1) signals its child and then the child's
// process group, and a terminal that is closed brings a SIGHUP from the kernel and one from the shell.
const oneSignal = time.Second

// notify returns a context that ends with the first signal. It also takes SIGPIPE, so that writing to a closed stdout is an error
// that is handled. Child processes still start with the default for SIGPIPE.
func notify(parent context.Context) (context.Context, *signals) {
	ctx, cancel := context.WithCancel(parent)
	s := &signals{cancel: cancel}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	got := make(chan os.Signal, 2)
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		if !signal.Ignored(sig) { // nohup ignores SIGHUP, and a background job of a script SIGINT
			signal.Notify(got, sig)
		}
	}
	go func() {
		var first time.Time
		for sig := range got {
			if n, _ := sig.(syscall.Signal); s.take(n, time.Now(), &first) {
				s.command.Load().kill()
				os.Exit(verdict.ExitSignal + int(n))
			}
		}
	}()
	return ctx, s
}

// take takes a signal that came at this time. first is when the first one came. It reports whether the run is to end at once.
func (s *signals) take(n syscall.Signal, now time.Time, first *time.Time) (atOnce bool) {
	switch {
	case n == syscall.SIGINT && s.busy.Load():
		return false
	case s.got.CompareAndSwap(0, int32(n)):
		*first = now
		if !s.command.Load().signal(n) {
			s.cancel()
		}
		return false
	}
	return now.Sub(*first) >= oneSignal
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
