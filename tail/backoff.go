package tail

import (
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	firstDelay = 200 * time.Millisecond
	mostDelay  = 30 * time.Second
	// settled is how long something must have worked for the next failure to count as the first.
	settled = 10 * time.Second
	// mostTries is how often a run that doesn't follow tries the same thing.
	mostTries = 4
)

// backoff counts failures in a row and gives the delays between tries: doubling from firstDelay to mostDelay, each
// between half and the whole of that by chance, so that many who failed together don't try together.
type backoff struct {
	failures int
	last     time.Duration
}

func (b *backoff) reset() { *b = backoff{} }

// delay is how long to wait after a failure with err, which may ask for a longer time; nil asks for none. chance picks a
// time below another.
func (b *backoff) delay(err error, chance func(time.Duration) time.Duration) time.Duration {
	b.failures++
	b.last = min(max(2*b.last, firstDelay), mostDelay)
	d := b.last/2 + chance(b.last/2)
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		d = max(d, time.Duration(seconds)*time.Second)
	}
	return d
}

// hopeless tells whether a run that doesn't follow should give up after a failure with err.
func (b *backoff) hopeless(err error) bool {
	return b.failures >= mostTries || apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsBadRequest(err) || podGone(err)
}

// podGone tells whether err says that there is no such pod. A kubelet that has just begun doesn't know its pods yet
// and answers 404 too, but then it is the log that is not found (kind pods/log); and a proxy in front of an API server
// that is away may answer 404 to everything, but not with a Status.
func podGone(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsNotFound(err) || apierrors.IsUnexpectedServerError(err) || !errors.As(err, &status) {
		return false
	}
	d := status.Status().Details
	return d != nil && d.Kind == "pods"
}
