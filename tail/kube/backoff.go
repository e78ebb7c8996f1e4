package kube

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	FirstDelay = 200 * time.Millisecond
	MaxDelay   = 30 * time.Second
	// settled is how long something must have worked for the next failure to count as the first.
	Settled = 10 * time.Second
	// mostTries is how often a run that doesn't follow tries the same thing.
	maxTries = 4
)

// backoff counts failures in a row and gives the delays between tries: doubling from firstDelay to mostDelay, each
// between half and the whole of that by chance, so that many who failed together don't try together.
type Backoff struct {
	Failures int
	last     time.Duration
}

func (b *Backoff) Reset() { *b = Backoff{} }

// delay is how long to wait after a failure with err, which may ask for a longer time; nil asks for none. chance picks a
// time below another.
func (b *Backoff) Delay(err error, chance func(time.Duration) time.Duration) time.Duration {
	b.Failures++
	b.last = min(max(2*b.last, FirstDelay), MaxDelay)
	d := b.last/2 + chance(b.last/2)
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		d = max(d, time.Duration(seconds)*time.Second)
	}
	return d
}

// hopeless tells whether a run that doesn't follow should give up after a failure with err.
func (b *Backoff) Hopeless(err error) bool {
	return b.Failures >= maxTries || apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsBadRequest(err) || IsPodGone(err)
}
