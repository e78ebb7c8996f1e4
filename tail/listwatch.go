package tail

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"mktail/tail/kube"
	"mktail/tail/report"
)

const (
	// A watch that brings nothing and ends sooner than shortWatch counts as failed, however it ends. After maxFailed in a row
	// there is a list beside each further try, at least so often as listEvery says.
	shortWatch = time.Second
	maxFailed  = 3
	listEvery  = 10 * time.Second
)

// listWatch is where the watch of something goes on, and how its watches fare: where they fail, lists take their place.
type listWatch struct {
	c       *cluster
	watched string // what is, in messages
	version string // where the watch goes on; empty: a list comes first

	failed    int  // watches in a row that have failed
	lists     int  // that have worked since a watch did
	unwatched bool // it was reported that watches fail
}

// listed notes a list that has worked, and where a watch goes on.
func (l *listWatch) listed(version string) { l.lists, l.version = l.lists+1, version }

// judge takes the end of a watch that went on from a version, and was opened at this time; zero: it was not. ok reports whether it
// has not failed: it brought something, or lasted for a while. After several that have failed, list takes its place.
func (l *listWatch) judge(from string, opened time.Time, err error, list func() error) (ok bool, _ error) {
	if l.failed++; l.version != from || !opened.IsZero() && time.Since(opened) >= shortWatch {
		l.failed, l.lists = 0, 0
	}
	if expired(err) { // the server has forgotten the version
		l.version = ""
	}
	if err != nil {
		l.c.log.Debug().Msgf("%s: watching %s: %s", l.c.name, l.watched, kube.Describe(err))
	}
	switch late := errors.Is(err, context.DeadlineExceeded); {
	case late, l.failed >= maxFailed && !kube.IsUnreachable(err): // a list may do better
		if l.version != "" { // else it comes first the next time
			if err := list(); err != nil {
				return false, err
			}
		}
		if l.lists > 1 {
			l.reportUnwatched(err)
		}
		return false, nil
	case err != nil && report.TroubleOf(err).ClusterWide():
		return l.failed == 0, err
	}
	return l.failed == 0, nil
}

// delay bounds the delay before the next try, if lists take the place of watches.
func (l *listWatch) delay(d time.Duration) time.Duration {
	if l.unwatched {
		return min(d, listEvery)
	}
	return d
}

// reportUnwatched reports, once, that lists take the place of watches, which fail with err.
func (l *listWatch) reportUnwatched(err error) {
	if l.unwatched {
		return
	}
	l.unwatched = true
	why := "each watch ends at once"
	if err != nil {
		why = kube.Describe(err)
	}
	l.c.log.Warn().Msgf("%s: %s cannot be watched: %s; listed every %s instead", l.c.name, l.watched, why, listEvery)
}

// reportWatched reports that watches work, if they did not.
func (l *listWatch) reportWatched() {
	if l.unwatched {
		l.unwatched = false
		l.c.log.Info().Msgf("%s: %s can be watched again", l.c.name, l.watched)
	}
}

// expired reports whether err says that the server has forgotten the version that was asked for.
func expired(err error) bool { return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) }
