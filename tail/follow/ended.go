package follow

import (
	"context"
	"errors"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"mktail/tail/kube"
	"mktail/tail/pods"
	"mktail/tail/position"
	"mktail/tail/report"
)

// maxRefusal is how long the kubelet may refuse the log of an instance that has ended before the log is given up: the container
// runtime may be away for some minutes. If nothing was read of the log yet it is gone, as a rule, and the next instance
// should not wait for so long: then maxEarlyRefusal counts.
const (
	maxRefusal      = 5 * time.Minute
	maxEarlyRefusal = time.Minute
)

// logGone reports whether the kubelet no longer has the log, by the error of the last read.
func (f *Follower) logGone(err error, in pods.Instance) bool {
	if in.Running || !apierrors.IsBadRequest(err) && !errors.As(err, new(kube.KubeletError)) {
		f.reads.refusedSince = time.Time{}
		return false
	}
	if f.reads.refusedSince.IsZero() {
		f.reads.refusedSince = time.Now()
	}
	return in.Previous && apierrors.IsBadRequest(err) || noFile(err) && time.Since(f.reads.refusedSince) >= moment || f.refusedForLong(in)
}

// noFile reports whether the kubelet says that there is no file: of an instance that has ended, none will come, and what waits
// behind it is written and rotated meanwhile.
func noFile(err error) bool {
	words, ok := errors.AsType[kube.KubeletError](err)
	return ok && strings.Contains(string(words), "no such file or directory")
}

func (f *Follower) refusedForLong(in pods.Instance) bool {
	most := maxRefusal
	if in.Previous || !f.place.cursor.Started() {
		most = maxEarlyRefusal
	}
	return !f.reads.refusedSince.IsZero() && time.Since(f.reads.refusedSince) >= most
}

// maxEmptyReads is how many reads in a row must bring neither new lines of an instance that has ended nor those that were seen
// before: there may be none, they may be lost to rotation, or the stream was cut short each time.
const maxEmptyReads = 3

// atEnd reports whether the last line that was read is the last one of the log. It asks for one line, which is cheaper than to read
// the overlap again. It is asked once, when a stream has ended cleanly.
func (f *Follower) atEnd(ctx context.Context, in pods.Instance) bool {
	read := f.place.cursor
	if !read.Started() || len(f.rest.Text) > 0 || f.reads.afterError {
		return false
	}
	var last uint64
	var err error
	f.mu.idle(func() {
		err = f.scan(ctx, new(position.Cursor), in.Previous, func(_ int64, hash uint64) bool {
			last = hash
			return true
		})
	})
	return err == nil && last == read.Last()
}

// MaxNewReads is how many reads in a row may bring new lines of an instance that runs, without Follow: it may write all the time
// while its node's clock is behind.
const MaxNewReads = 20

// readWhole reports whether an instance was read to its end by a read that has ended cleanly. The end of
// an instance that runs is where its log was when it was first asked for: lines that are written while it is read may come, or not. After a
// read that broke, what broke it may have ended this one, too, just after a line: then two reads must bring nothing new.
func (f *Follower) readWhole(ctx context.Context, in pods.Instance, fresh bool) bool {
	cursor := f.place.cursor
	if fresh {
		f.reads.empty = 0
		f.reads.fresh++
		return in.Running && (f.reads.fresh > 1 && cursor.Newest() >= f.begin.firstRequest || f.reads.fresh >= MaxNewReads)
	}
	f.reads.empty++
	if !f.c.Options.Follow && !cursor.Started() && (f.reads.empty > 1 || f.c.Options.Tail == 0) {
		return true
	}
	if cursor.CaughtUp() {
		sure := !f.reads.afterError
		f.reads.afterError = false
		return sure
	}
	if f.reads.empty < maxEmptyReads {
		return false
	}
	if !cursor.Started() || f.reads.toEnd {
		return true
	}
	if f.rotates() && !f.backfill.unreported { // else they can't be read
		switch err := f.backfillRotated(ctx, in); {
		case err == nil && !f.backfill.lost:
			return true
		case err != nil && !errors.Is(err, kube.ErrNoFiles):
			return false
		}
	}
	f.backfill.lost, f.backfill.unreported = false, false
	f.gap(cursor.Newest(), in.End(), report.NoEnd)
	return true
}

// finish notes that an instance was read to its end.
func (f *Follower) finish(in pods.Instance) {
	f.endLine()
	f.reportSuspected()
	f.place.done = in.ID
	f.reads.refusedSince, f.reads.empty = time.Time{}, 0
	f.health.OK()
	f.known.stale = false // the watch reports what comes next
}
