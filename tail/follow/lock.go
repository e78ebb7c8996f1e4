package follow

import (
	"sync"

	"mktail/tail/checkpoint"
)

// lock is held by Run but while it waits: for the network, the API or the output. What is under it can be looked at then by other
// goroutines, which hold it for moments only. So nobody waits long for it.
type lock struct {
	sync.Mutex
	over      bool // Run puts nothing out any more
	comparing int  // calls of Compare that resolve a suspected gap, and must not wait for the output
	unflushed bool // Compare has put something out that is not handed over yet

	// While the output waits, the cursor knows lines that are not handed over yet: no place can be taken, and nothing put out.
	stalled bool
	wanted  bool              // a place, meanwhile: one is taken as soon as the lines are handed over
	taken   *checkpoint.Place // that one, until somebody asks again
}

// idle does something that waits, with the lock released.
func (l *lock) idle(wait func()) {
	l.Unlock()
	defer l.Lock()
	wait()
}

// outputWaits and outputWent are called by Run's goroutine, around each wait for the output.
func (l *lock) outputWaits() {
	l.stalled = true
	l.Unlock()
}

func (l *lock) outputWent(holds func() bool, snapshot func() checkpoint.Place) {
	l.Lock()
	l.stalled = false
	if l.wanted && !holds() {
		place := snapshot()
		l.wanted, l.taken = false, &place
	}
}

// Place returns the place that was reached: all lines up to it have been handed to the output. ok is false if none can be had
// at the moment, because the output is stalled, or holds lines back that may belong to those that follow. Any goroutine may call it.
func (f *Follower) Place() (last checkpoint.Place, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := f.mu.taken
	behind := f.mu.stalled || f.out.Holds()
	f.mu.taken, f.mu.wanted = nil, behind
	switch {
	case !behind:
		return f.snapshot(), true
	case taken == nil:
		return checkpoint.Place{}, false
	}
	return *taken, true
}
