package kube

import (
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"mktail/tail/kube/plugin"
)

const (
	// FirstDelay is the longest delay after a first failure.
	FirstDelay = 200 * time.Millisecond
	// MaxDelay is the longest delay after any failure, even if the server asks for a longer one.
	MaxDelay = 30 * time.Second
	// Settled is how long something must have worked for the next failure to count as the first. It is up to the callers of
	// Backoff, who Reset it then.
	Settled = 10 * time.Second

	maxTries = 4 // of the same thing, by a run that doesn't follow
)

// Backoff counts failures in a row and gives the delays between tries: doubling from FirstDelay to MaxDelay, each a random
// time between half and the whole of that, so that many who failed together don't try together. The zero value has seen no
// failure. It is used by one goroutine at a time.
type Backoff struct {
	Failures int // in a row
	last     time.Duration
}

// Reset forgets the failures.
func (b *Backoff) Reset() { *b = Backoff{} }

// Delay counts a failure and returns how long to wait after it. err is what failed, and may ask for a longer time
// (Retry-After), up to MaxDelay; nil asks for none. chance returns a random time that is less than the one it is given.
func (b *Backoff) Delay(err error, chance func(time.Duration) time.Duration) time.Duration {
	b.Failures++
	b.last = min(max(2*b.last, FirstDelay), MaxDelay)
	d := b.last/2 + chance(b.last/2)
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		d = max(d, time.Duration(min(seconds, int(MaxDelay/time.Second)))*time.Second)
	}
	return d
}

// Hopeless reports whether a run that doesn't follow should give up after a failure with err, which Delay has counted.
func (b *Backoff) Hopeless(err error) bool {
	return b.Failures >= maxTries || apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsBadRequest(err) || IsPodGone(err) ||
		errors.Is(err, plugin.ErrHangs)
}
