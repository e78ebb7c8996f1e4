package follow

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"mktail/tail/kube"
	"mktail/tail/logline"
	"mktail/tail/pods"
	"mktail/tail/position"
)

// PollEvery is how long a log rests between two reads if its node does not follow logs.
const PollEvery = 5 * time.Second

const (
	refollowAfter = time.Minute // how long a log is polled before it is tried again to follow it
	nearLines     = 64          // how many lines may have come since a stream ended for that to have been at the log's end
	minUnfollowed = 3           // how many streams in a row must end at once for a node to be taken for one that does not follow
	restOfReading = 10          // how many times as long as its reading took a log rests at least, which may be read from its beginning
)

// polling is what a follower knows of whether its log can be followed. A node that does not follow logs, as some virtual ones, ends each
// stream where the log ends then. A kubelet that can't, as one that has no inotify instances left, says so at the end.
type polling struct {
	on       bool
	ends     int          // streams in a row that ended at once, at the log's end
	since    time.Time    // when the first of them did
	followAt time.Time    // when it is to be tried again to follow the log, if on
	asked    time.Time    // when the log was last asked for, if on: new lines are later
	quiet    atomic.Int64 // when the log was last found to have nothing new, in Unix nanoseconds, if on; 0: it was not
}

// end has the log followed from now on.
func (p *polling) end() {
	p.on, p.ends = false, 0
	p.quiet.Store(0)
}

// quietSince reports whether the log had nothing new at some time since then, or its stream is silent.
func (f *Follower) quietSince(t time.Time) bool {
	if s := f.stream.Load(); s != nil {
		return s.Idle() >= moment
	}
	return f.poll.quiet.Load() >= t.UnixNano()
}

// endedAtOnce reports whether a stream that was to be followed has ended, without a wait for more, when it had brought all that there was.
func (r *reading) endedAtOnce(err error) bool {
	return r.mode == live && (err == nil || errors.As(err, new(kube.KubeletError))) && r.endedSoon()
}

// endedSoon reports whether the stream has ended without a wait for more than it had to bring.
func (r *reading) endedSoon() bool {
	return time.Now().UnixNano()-max(r.opened.UnixNano(), r.repeated) < int64(moment/2)
}

// noteFollowed notes, after a wait for more, that the node follows logs, if it has kept the stream open.
func (r *reading) noteFollowed() {
	if r.followed || r.mode != live || time.Since(r.waiting) < moment && time.Since(r.opened) < kube.Settled {
		return
	}
	r.followed = true
	r.f.noteIgnores(following, false, "")
}

// unfollowed reports whether the log is to be polled from now on, after a stream that was to be followed: it has ended at once, at the
// log's end, as several before it, although the instance still runs. Where the node is known to follow logs, it has to say that it can't.
func (f *Follower) unfollowed(ctx context.Context, retry *kube.Backoff, in pods.Instance, res result) bool {
	p := &f.poll
	ends, since := p.ends, p.since
	p.ends = 0
	if !f.last.atOnce || f.known.Deleting > 0 || f.known.gone {
		return false
	}
	near, _, err := f.nearEnd(ctx, in, true)
	if err != nil {
		return false
	}
	if !near { // it was cut short
		if res.fresh {
			retry.Reset()
		}
		return false
	}
	if ends++; ends == 1 {
		since = time.Now()
	}
	p.ends, p.since = ends, since
	ignored, known := f.ignores(following)
	words := ""
	switch {
	case res.err != nil:
		words = kube.Describe(res.err)
		ignored = ignored || ends >= minUnfollowed
	case !known:
		ignored = ends >= minUnfollowed && time.Since(since) >= PollEvery
	}
	if !ignored || f.refresh(ctx) != nil {
		return false
	}
	if now, ok := f.due(); !ok || now != in || f.known.gone {
		return false
	}
	p.on, p.followAt = true, time.Now().Add(refollowAfter)
	f.noteIgnores(following, true, words)
	f.health.OK()
	return true
}

// awaitNews waits, after the log was read, until it is to be read again, and reports whether it is to be read at all.
func (f *Follower) awaitNews(ctx context.Context, retry *kube.Backoff, in pods.Instance, fresh bool) bool {
	p := &f.poll
	f.known.stale = false // the watch reports what happens
	p.asked = f.last.began
	rest := max(PollEvery, min(restOfReading*time.Since(p.asked), refollowAfter))
	if fresh {
		if near, _, err := f.nearEnd(ctx, in, false); err == nil && !near { // the read was cut short
			return true
		}
	}
	for {
		for next := time.Now().Add(rest); time.Now().Before(next); {
			if !f.wait(ctx, time.After(time.Until(next))) {
				return false
			}
			if now, ok := f.due(); !ok || now != in || f.known.gone {
				f.known.stale = f.known.gone // nothing more is reported of a pod that is gone
				return true
			}
		}
		if !time.Now().Before(p.followAt) {
			p.end()
			return true
		}
		asked := time.Now()
		switch _, same, err := f.nearEnd(ctx, in, false); {
		case err != nil:
			return f.retryAfter(ctx, retry, err, true)
		case !same:
			return true
		}
		p.asked = asked
		p.quiet.Store(asked.UnixNano())
	}
}

// nearEnd asks for the last lines of a log, which is cheap. same reports whether the log ends with what was read last; near, whether that
// is among them. With confirm an answer that does not hold what the log ended with just before was cut short: neither, then.
func (f *Follower) nearEnd(ctx context.Context, in pods.Instance, confirm bool) (near, same bool, err error) {
	u, cursor := f.place.unstamped, f.place.cursor
	ask := int64(nearLines)
	if u != nil {
		ask = position.MaxLast + 1
	}
	var last lineKey
	var tail []uint64
	came := 0
	var end logEnd
	if noTail, _ := f.ignores(tailLines); confirm && u == nil && !noTail {
		if end, err = f.awaitEnd(ctx, in.Previous, cursor.Last()); err != nil {
			return false, false, err
		}
	}
	whole := end.last == 0
	o := f.allOf(in.Previous, false)
	o.TailLines = &ask
	take := func(l logline.Line) bool {
		if u != nil {
			tail = position.Tail(tail, f.hash(0, l, l.Text))
			came++
		} else if ns, text, ok := logline.SplitStamp(l.Text); ok {
			last = lineKey{ns, f.hash(ns, l, text)}
			near = near || cursor.EndsWith(last.ns, last.hash)
			whole = whole || last.hash == end.last
			came++
		}
		return true
	}
	_, err = f.askLog(ctx, testLimit, o, take)
	if err == nil && u != nil && came <= position.MaxLast && !u.Ends(tail, came) { // the pieces of long lines may have counted as lines
		tail, came = nil, 0
		_, err = f.askWholeLog(ctx, in.Previous, take)
	}
	switch {
	case err != nil:
		return false, false, err
	case u != nil:
		same = u.Ends(tail, came)
		return same || u.Near(tail), same, nil
	case !whole:
		return false, false, nil
	case !cursor.Started():
		return true, came == 0, nil
	}
	if near {
		cursor.Fasten()
	}
	same = came > 0 && cursor.EndsWith(last.ns, last.hash)
	return near, same, nil
}
