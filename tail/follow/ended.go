package follow

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"mktail/tail/kube"
	"mktail/tail/logline"
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
	return in.Previous && apierrors.IsBadRequest(err) || noFile(err) && time.Since(f.reads.refusedSince) >= moment || f.refusedForLong(in) || f.removed(err)
}

// maxUnanswered is how many requests for the log of a previous instance may go unanswered until it is given up: the current one waits
// for it.
const maxUnanswered = 2

// unanswered reports whether the log of a previous instance is to be given up, as the node does not answer for it.
func (f *Follower) unanswered(in pods.Instance, err error) bool {
	if !in.Previous || !errors.Is(err, errUnanswered) {
		f.reads.unanswered = 0
		return false
	}
	f.reads.unanswered++
	return f.reads.unanswered >= maxUnanswered || f.readToEnd()
}

// isGone reports whether an error says that there is no log, at least at the moment.
func isGone(err error) bool {
	return unknowable(err) || errors.As(err, new(kube.KubeletError))
}

// removed reports whether an error says that there is no log where none is to be expected: the pod is being deleted, and the log was read to
// its end.
func (f *Follower) removed(err error) bool {
	return f.known.Deleting > 0 && f.readToEnd() && isGone(err)
}

// noFile reports whether the kubelet says that there is no file: of an instance that has ended, none will come, and what waits
// behind it is written and rotated meanwhile.
func noFile(err error) bool {
	words, ok := errors.AsType[kube.KubeletError](err)
	return ok && strings.Contains(string(words), "no such file or directory")
}

func (f *Follower) refusedForLong(in pods.Instance) bool {
	return !f.reads.refusedSince.IsZero() && time.Since(f.reads.refusedSince) >= f.maxRefusal(in)
}

// maxRefusal is how long the log of an instance that has ended is waited for.
func (f *Follower) maxRefusal(in pods.Instance) time.Duration {
	if in.Previous || !f.place.cursor.Started() {
		return maxEarlyRefusal
	}
	return maxRefusal
}

// maxEmptyReads is how many reads in a row must bring neither new lines of an instance that has ended nor those that were seen
// before: there may be none, they may be lost to rotation, or the stream was cut short each time.
const maxEmptyReads = 3

// logEnd is how a log ends: with whole lines, and the rest of one.
type logEnd struct {
	last  uint64 // hash of the last whole line
	ns    int64  // its stamp
	same  bool   // the line before it has that, too
	rest  logline.Line
	lines int // of the answer that shows it, the rest too; 0: the log is empty
}

// maxPieces is of how many pieces a log's last line may be.
const maxPieces = 1 << 12

// errAnswersCut says that a log's end can't be known.
var errAnswersCut = errors.New("its answers end early; a proxy may cut them short")

// logEnd returns how a log ends now, perhaps with the line that has the hash expected. It is called without the lock. The kubelet counts the
// pieces of a long line as lines: one line alone may be the end of a longer one. If it is not the end of what comes when more is asked for,
// the answers were cut short.
func (f *Follower) logEnd(ctx context.Context, previous bool, expected uint64) (end logEnd, err error) {
	var only, before []byte // the text of the only line, now and when asked for fewer
	var was uint64          // that one's hash
	sizeBefore := -1
	for n := int64(2); ; n *= 8 {
		o := f.allOf(previous, false)
		o.TailLines = &n
		end = logEnd{}
		cut := 0
		end.rest, err = f.scanLog(ctx, f.c.Kube.RequestTimeout(), o, func(l logline.Line) bool {
			if ns, text, ok := logline.SplitStamp(l.Text); ok {
				end.lines++
				hash := f.hash(ns, l, text)
				end.same = ns == end.ns
				end.ns, end.last, only, cut = ns, hash, append(only[:0], text...), l.Cut
			}
			return true
		})
		if err == nil {
			err = restError(end.rest)
		}
		if len(end.rest.Text) > 0 {
			end.lines++
			_, text, _ := logline.SplitStamp(end.rest.Text) // each piece has a stamp of its own, which the first that was asked for shows
			only, cut = append(only[:0], text...), end.rest.Cut
		}
		size := len(only) + cut
		switch {
		case err != nil || end.lines != 1:
			return end, err
		case cut == 0 && !bytes.Contains(only, before), size == sizeBefore && end.last != was:
			return end, errAnswersCut
		case end.last == expected, size == sizeBefore, n > maxPieces:
			return end, nil
		}
		if sizeBefore, was = size, end.last; cut == 0 {
			only, before = before, only
		}
	}
}

// awaitEnd is logEnd with the lock held: it waits with it released.
func (f *Follower) awaitEnd(ctx context.Context, previous bool, expected uint64) (end logEnd, err error) {
	f.mu.idle(func() { end, err = f.logEnd(ctx, previous, expected) })
	return end, err
}

// mayBeEarlier reports whether the line read last may be equal to the log's last one, but an earlier one, and another read can show it.
func (e *logEnd) mayBeEarlier(f *Follower) bool {
	cursor := f.place.cursor
	return !cursor.Clipped() && (e.same || cursor.Twice(e.last))
}

// isRead reports whether this is the end of what was read.
func (e *logEnd) isRead(f *Follower) bool {
	if e.rest.Cut != f.rest.Cut || !bytes.Equal(e.rest.Text, f.rest.Text) {
		return false
	}
	return f.place.cursor.EndsWith(e.ns, e.last) || e.lines == 1 && e.last == 0 // only the rest was looked at
}

// maxNewReads is how many reads in a row may bring new lines of an instance that runs, without Follow, if they come near its log's end.
const maxNewReads = 20

// readWhole reports whether an instance was read to its end by a read that has ended cleanly: the log ends with what was read last. The end
// of an instance that runs is where its log ended after the first read; more may be written all the time.
func (f *Follower) readWhole(ctx context.Context, in pods.Instance, fresh bool) (whole bool, err error) {
	r, cursor := &f.reads, f.place.cursor
	if r.empty++; fresh {
		r.empty = 0
		r.fresh++
	}
	if f.place.unstamped != nil {
		return f.unstampedWhole(ctx, in)
	}
	if !cursor.Started() {
		if in.Running && len(f.rest.Text) > 0 && r.fresh >= maxNewReads { // the only line grows all the time
			return true, nil
		}
		if f.c.Options.Follow && r.empty < maxEmptyReads || r.empty < 2 && f.c.Options.Tail != 0 {
			return false, nil
		}
		if len(f.rest.Text) > 0 { // all that has come; the log may have been rotated within it
			switch end, err := f.awaitEnd(ctx, in.Previous, 0); {
			case err != nil:
				return false, err
			case end.lines == 0:
				return f.emptied(ctx, in)
			}
		}
		return f.hasNothing(ctx, in, f.sendsNone())
	}
	end, err := f.awaitEnd(ctx, in.Previous, cursor.Last())
	switch {
	case errors.Is(err, errAnswersCut) && !in.Running && r.empty >= maxNewReads: // it never comes
		f.rest = logline.Line{}
		f.gap(cursor.Newest(), in.End(), report.AnswersCut)
		return true, nil
	case err != nil:
		return !fresh && cursor.CaughtUp() && isGone(err), err
	case end.isRead(f) && !(fresh && end.mayBeEarlier(f)): // else another read shows whether there is more
		return true, nil
	case end.lines == 0 && r.empty >= maxEmptyReads:
		return f.emptied(ctx, in)
	case end.lines == 0:
		return false, nil
	case in.Running && r.atGoal && !(fresh && r.goalEqual && cursor.LastAt() == r.goalAt):
		return true, nil
	case in.Running && r.fresh >= maxNewReads && cursor.Newest() > r.goalAt+int64(position.Slack): // the goal was rotated away
		return true, nil
	case in.Running && r.fresh >= maxNewReads:
		near, _, err := f.nearEnd(ctx, in, false)
		if !near { // answers are cut short, and it takes many to come to the goal
			r.fresh = 0
		}
		return near && r.fresh >= 2*maxNewReads, err // likewise, and a clock was set back
	case r.goal == 0:
		r.goal, r.goalAt, r.goalEqual, r.atGoal = end.last, end.ns, end.mayBeEarlier(f), cursor.EndsWith(end.ns, end.last)
	case !in.Running && r.empty >= maxNewReads: // it never comes
		f.rest = logline.Line{}
		f.gap(cursor.Newest(), in.End(), report.AnswersCut)
		return true, nil
	}
	return false, nil
}

// hasNothing reports whether the log of an instance has no line that is wanted. None was read. bare says that a line may have no stamp. It is
// called with the lock held, and waits with it released.
func (f *Follower) hasNothing(ctx context.Context, in pods.Instance, bare bool) (bool, error) {
	if f.c.Options.Tail == 0 && f.begin.isAt(in.Key()) && !f.c.Options.Follow || f.surelyReadToEnd() {
		return true, nil
	}
	o, some := f.firstOptions(in, false), false
	one := int64(1)
	o.TailLines = &one
	rest, err := f.askLog(ctx, f.c.Kube.RequestTimeout(), o, func(l logline.Line) bool {
		_, _, stamped := logline.SplitStamp(l.Text)
		some = stamped || bare && !kubeletWords.Match(l.Text)
		return !some
	})
	if err == nil && !bare {
		err = restError(rest)
	}
	some = some || len(rest.Text) > 0 && !bytes.Equal(rest.Text, f.rest.Text) && !f.endsRest(rest)
	return err == nil && !some, err
}

// endsRest reports whether an unterminated end is that of what is held back, as far as that is kept: asked for its last line, a kubelet sends
// the last piece of a long one, with a stamp of its own.
func (f *Follower) endsRest(rest logline.Line) bool {
	_, held, ok := logline.SplitStamp(f.rest.Text)
	_, text, stamped := logline.SplitStamp(rest.Text)
	return ok && stamped && (f.rest.Cut > 0 || bytes.HasSuffix(held, text))
}

// unstampedWhole is readWhole for a log without stamps.
func (f *Follower) unstampedWhole(ctx context.Context, in pods.Instance) (whole bool, err error) {
	_, same, err := f.nearEnd(ctx, in, false)
	switch r := &f.reads; {
	case err != nil:
		return false, err
	case same && len(f.rest.Text) == 0, in.Running && r.fresh > 1:
		return true, nil
	case r.empty < maxEmptyReads:
		return false, nil
	}
	f.gap(f.reached(), in.End(), report.NoEnd)
	return true, nil
}

// emptied sees to the log of an instance that has ended, and no longer holds what was read last, nor anything else. It reports whether
// there is nothing more to do.
func (f *Follower) emptied(ctx context.Context, in pods.Instance) (whole bool, err error) {
	if f.surelyReadToEnd() && !f.reads.mayBeStuck { // else this may be the next one, which has nothing yet
		return true, nil
	}
	switch lost, err := f.isLost(ctx, in); {
	case outcomeOf(err) != streamEnded:
		return false, nil
	case err != nil:
		return false, err
	case lost:
		f.rest = logline.Line{}                                                     // half a line, if anything
		if last := f.place.cursor.Last(); !in.Running || f.place.reported != last { // else the last run has reported it
			f.place.reported = last
			f.gap(f.reached(), in.End(), report.NoEnd)
		}
	}
	return true, nil
}

// finish notes that an instance was read to its end.
func (f *Follower) finish(in pods.Instance) {
	f.endLine()
	f.out.EndGroup()
	f.reportSuspected()
	f.place.done = in.ID
	f.reads.refusedSince, f.reads.unreadSince, f.reads.empty = time.Time{}, time.Time{}, 0
	f.health.OK()
	f.known.stale = false // the watch reports what comes next
}
