package kube_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"mktail/tail/kube"
	"mktail/tail/kube/plugin"
)

// Delays double up to MaxDelay, each a random time between half and the whole of that, and start over after a reset.
func TestBackoff(t *testing.T) {
	differ := map[time.Duration]bool{}
	for range 200 {
		var b kube.Backoff
		for round := range 2 {
			whole := kube.FirstDelay
			for try := range 12 {
				if got := b.Delay(errors.New("x"), rand.N[time.Duration]); got < whole/2 || got >= whole {
					t.Fatalf("round %d, try %d: %v, want %v to %v", round, try, got, whole/2, whole)
				} else if try == 0 {
					differ[got] = true
				}
				whole = min(2*whole, kube.MaxDelay)
			}
			b.Reset()
		}
	}
	if len(differ) < 100 {
		t.Errorf("400 first delays are only %d", len(differ))
	}
}

func TestBackoffSuggested(t *testing.T) {
	for _, tt := range []struct {
		name        string
		err         error
		least, most time.Duration
	}{
		{"none", nil, kube.FirstDelay / 2, kube.FirstDelay},
		{"longer", apierrors.NewTooManyRequests("later", 7), 7 * time.Second, 7 * time.Second},
		{"longer than the most", apierrors.NewTooManyRequests("later", 3600), kube.MaxDelay, kube.MaxDelay},
		{"shorter", apierrors.NewTooManyRequests("later", 0), kube.FirstDelay / 2, kube.FirstDelay},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b kube.Backoff
			if got := b.Delay(tt.err, rand.N[time.Duration]); got < tt.least || got > tt.most {
				t.Errorf("%v, want %v to %v", got, tt.least, tt.most)
			}
		})
	}
}

// A run that does not follow gives up at once where trying again is of no use, else after a few tries.
func TestHopeless(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	for name, tt := range map[string]struct {
		err  error
		want int // tries
	}{
		"forbidden":      {apierrors.NewForbidden(pods, "web", errors.New("x")), 1},
		"unauthorized":   {apierrors.NewUnauthorized("x"), 1},
		"bad request":    {apierrors.NewBadRequest("x"), 1},
		"no such pod":    {apierrors.NewNotFound(pods, "web"), 1},
		"no such node":   {apierrors.NewNotFound(schema.GroupResource{Resource: "nodes"}, "web"), 4},
		"plugin hangs":   {fmt.Errorf("asking: %w", plugin.ErrHangs), 1},
		"internal error": {apierrors.NewInternalError(errors.New("x")), 4},
		"no answer":      {errors.New("connection refused"), 4},
	} {
		b := new(kube.Backoff)
		for tries := 1; tries <= tt.want; tries++ {
			b.Delay(tt.err, rand.N[time.Duration])
			if got := b.Hopeless(tt.err); got != (tries == tt.want) || b.Failures != tries {
				t.Errorf("%s, after %d tries: hopeless %v", name, tries, got)
			}
		}
		b.Reset()
		if b.Failures != 0 || b.Hopeless(errors.New("x")) {
			t.Errorf("%s: %d failures after a reset", name, b.Failures)
		}
	}
}
