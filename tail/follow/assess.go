package follow

import (
	"context"
	"errors"
	"time"

	"mktail/tail/logline"
	"mktail/tail/position"
	"mktail/tail/report"
)

// lineKey is what a line is known by.
type lineKey struct {
	ns   int64
	hash uint64
}

// note notes that a line has come.
func (r *reading) note(l lineKey) {
	if r.count++; r.count == 1 {
		r.first = l
	}
	if r.f.place.head != r.first.hash && r.asked == wholeLog && r.mode != comparing && !r.f.place.cursor.NoOverlap() {
		r.f.place.head = r.first.hash
	}
	r.last = l.hash
	if l.hash == r.f.reads.goal && l.hash == r.f.place.cursor.Last() { // else it was read before, and a later one is equal
		r.f.reads.atGoal = true
	}
	if l.hash == r.f.reads.window.goal {
		r.reached = true
	}
}

// misses reports whether the stream is of no use: the line that has come, with this stamp and this verdict, shows that it begins after
// what was read last, of which newest is the greatest stamp. Where clocks were set that may be wrong: a larger window is tried in vain.
func (r *reading) misses(v position.Verdict, ns, newest int64) bool {
	switch {
	case v == position.NoOverlap, r.followsFiles():
		return true
	case r.mode == comparing || !r.f.place.cursor.NoOverlap():
		return false
	case r.count == 1 && ns > newest && !r.f.reads.window.patient && r.beganLate():
		return r.mode == live || r.asked != wholeLog
	}
	r.excess = r.excess || r.count > r.asked
	return r.mode == live && r.excess
}

// followsFiles reports whether the stream has begun with the log's first line, and what was read last lies in a rotated file: the stream
// brings none of that, however much of it comes.
func (r *reading) followsFiles() bool {
	return r.f.place.cursor.NoOverlap() && r.count > 0 && r.asked == wholeLog && r.mode != comparing && r.f.endsInFiles(r.in)
}

// beganLate reports whether an answer that held nothing of what was read last has probably begun after that. One that began with the log's
// first line has not: the log has not been rotated, only a clock was set back. So may it have been where no window was left to try.
func (r *reading) beganLate() bool {
	return r.first.hash != r.f.place.head && r.f.reads.window.tries == 0 && r.first.ns >= r.newest-int64(position.Slack)
}

// assess takes what a stream has shown that was opened again, and ended with err: it chooses the window of the next one. It returns err, or
// an outcome.
func (r *reading) assess(ctx context.Context, err error) error {
	f, w := r.f, &r.f.reads.window
	if r.body.Bytes() > 0 {
		f.reads.void = 0
	}
	if _, known := f.ignores(tailLines); r.excess && !known {
		f.testNode(ctx, r.in.Previous)
	}
	switch cursor := f.place.cursor; {
	case r.news > 0:
		w.progress(r.asked, r.news)
	case r.followsFiles():
		return r.gone(ctx)
	case outcomeOf(err) == missed:
		return r.next(ctx, larger)
	case errors.Is(err, context.DeadlineExceeded):
	case outcomeOf(err) == streamEnded && r.count == 0 && r.torn && r.mode != live && !f.backfill.hasHead(): // the first line is longer than an answer may be
		return r.next(ctx, larger)
	case r.isVoid(err):
		return r.void(ctx)
	case outcomeOf(err) != streamEnded || r.count == 0:
	case cursor.CaughtUp() && r.mode == live && !r.endedSoon():
		*w = window{patient: true}
	case cursor.CaughtUp():
		return r.atEnd(ctx, err)
	case err != nil && cursor.NoOverlap() && r.beganLate():
		return r.earlier(ctx)
	case err != nil || !cursor.NoOverlap(): // it ended before it came to what was read last
		return r.next(ctx, smaller)
	default:
		return r.absent(ctx)
	}
	return err
}

// next returns missed, and chooses the window after one that was too small or too large. If none is left, it begins again, as an answer may
// have been cut short by chance. The next time what was taken for too small or too large may have been neither, as a clock was set back:
// the log is searched from its end on. If that is in vain, too, the next stream goes on after lines that can't be read. Where windows begin amid
// lines of one stamp, it begins again sooner, and then goes on after those.
func (r *reading) next(ctx context.Context, which size) error {
	f, w := r.f, &r.f.reads.window
	if f.place.cursor.Amid() {
		known, _ := f.place.cursor.Lines()
		w.amid++
		w.more = w.more || r.asked > int64(known) && r.first.hash != f.place.head
	}
	switch {
	case w.amid < maxAmid:
	case !w.again:
		*w = window{lines: minWindow, again: true, more: w.more}
		return missed
	default:
		if done, err := r.giveUpStamp(ctx); done || err != nil {
			return err
		}
	}
	ok := false
	switch {
	case w.tries > 0:
		ok = w.further(r.asked, max(r.count, 1), r.first.hash, f.place.cursor.NoOverlap())
	case which == larger:
		ok = w.widen(r.asked, r.first.hash)
	default:
		ok = w.narrow(r.asked)
	}
	switch {
	case ok:
	case !w.again:
		*w = window{lines: minWindow, again: true, more: w.more}
	case w.tries == 0:
		*w = window{lines: max(r.count, 1), again: true, tries: 1, amid: w.amid, more: w.more}
	default:
		if w.amid > 0 {
			if done, err := r.giveUpStamp(ctx); done || err != nil {
				return err
			}
		}
		*w = window{lines: 1}
		f.reads.skipped, f.rest = report.AnswersCut, logline.Line{}
		f.place.cursor.Skip()
	}
	return missed
}

// beginsStamp reports whether the stream has begun with the first of the lines that have the stamp of the line read last, and so not amid them: the
// line before it was read, too, and has another stamp. That is looked up after the stream was opened, as the log may have grown since.
func (r *reading) beginsStamp(ctx context.Context) bool {
	f := r.f
	before := r.asked + 1
	o := f.allOf(r.in.Previous, false)
	o.TailLines = &before
	var first lineKey
	f.mu.idle(func() {
		_, _ = f.each(ctx, o, func(ns int64, hash uint64, _ int) bool { // without a line nothing is known
			first = lineKey{ns, hash}
			return false
		})
	})
	return first.ns != f.place.cursor.LastAt() && f.place.cursor.Knows(first.hash)
}

// giveUpStamp gives up the lines with the stamp of the line read last that were not read: more have it than an answer may hold, so that they
// can't be told from those that were read. If there may be any, it reports a gap. It returns done and what next does; or not done if the log ends
// before that stamp, or with a line that is alone with it.
func (r *reading) giveUpStamp(ctx context.Context) (done bool, err error) {
	f, cursor := r.f, r.f.place.cursor
	end, err := f.awaitEnd(ctx, r.in.Previous, cursor.Last())
	switch {
	case errors.Is(err, errAnswersCut):
		return false, nil
	case err != nil:
		return false, err
	case end.ns < cursor.LastAt(), end.ns == cursor.LastAt() && !end.same:
		f.reads.window.amid = 0
		return false, nil
	case f.reads.window.more || !cursor.EndsWith(end.ns, end.last):
		f.gap(cursor.Newest(), end.ns, report.AnswersCut)
	}
	cursor.GiveUpStamp()
	f.rest, f.reads.window, f.reads.idle = logline.Line{}, window{}, 0
	return true, missed
}

// atEnd is called when an answer has ended with what was read last, cleanly or with err. Unless the log does, too, more was written
// meanwhile, or the answer was cut short just there. It returns what assess does.
func (r *reading) atEnd(ctx context.Context, err error) error {
	f, w := r.f, &r.f.reads.window
	end, unknown := f.awaitEnd(ctx, r.in.Previous, r.last)
	ends := unknown == nil && f.place.cursor.EndsWith(end.ns, end.last)
	if ends && end.mayBeEarlier(f) {
		more, err := r.holdsMore(ctx)
		if err != nil {
			return err
		}
		ends, w.more = !more, w.more || more && w.goal != 0
	}
	switch {
	case errors.Is(unknown, errAnswersCut): // with fewer lines, there may be others
		return r.next(ctx, smaller)
	case unknown != nil, end.last == 0, ends:
		was := *w
		if *w = (window{patient: true, fits: was.fits}); was.many > 0 && r.asked != wholeLog {
			w.fits = r.asked
		}
		return err
	case w.goal == 0:
		w.goal = end.last
		return missed
	}
	w.goal = 0
	return r.next(ctx, smaller)
}

// holdsMore reports whether a log holds more lines than have come, although it ends with a line that is equal to the last one of them: its last so
// many, or one more, begin with another line then, unless all its lines are equal.
func (r *reading) holdsMore(ctx context.Context) (more bool, err error) {
	f := r.f
	if _, whole := f.place.cursor.Lines(); !whole || r.asked != wholeLog {
		return false, nil
	}
	for n := r.count; n <= r.count+1 && !more && err == nil; n++ {
		more, err = r.beginsLater(ctx, n)
	}
	return more, err
}

// beginsLater reports whether the last n lines of the log, which are no fewer than have come, begin after the first one that has come: with one that
// is remembered, and so is no piece of a long line. As pieces count as lines, fewer of them prove nothing.
func (r *reading) beginsLater(ctx context.Context, n int64) (later bool, err error) {
	f, first, came := r.f, uint64(0), int64(0)
	o := f.allOf(r.in.Previous, false)
	o.TailLines = &n
	f.mu.idle(func() {
		_, err = f.each(ctx, o, func(_ int64, hash uint64, _ int) bool {
			if came++; came == 1 {
				first = hash
			}
			return first != r.first.hash && came < r.count
		})
	})
	switch {
	case came > 0 && first == r.first.hash:
		return false, nil
	case came < r.count:
		return false, err
	}
	return f.place.cursor.Knows(first), nil
}

// absent is called when an answer held nothing of what was read last, and ended cleanly. It may have been cut short, or begun too late;
// else the log no longer holds that.
func (r *reading) absent(ctx context.Context) error {
	f, w := r.f, &r.f.reads.window
	if !r.reached || w.tries > 0 { // a window moves with the log's end: an answer may reach what that was, but be cut short
		end, err := f.awaitEnd(ctx, r.in.Previous, r.last)
		switch {
		case err != nil:
			return err
		case end.last == r.last, end.lines == 0:
		case w.goal == 0: // more may have been written meanwhile
			w.goal = end.last
			return missed
		default:
			w.goal = 0
			if r.beganLate() {
				return r.earlier(ctx)
			}
			return r.next(ctx, smaller)
		}
	}
	w.goal = 0
	switch {
	case r.asked == wholeLog:
	case r.count < r.asked: // which is the whole log, unless lines of it are long
		*w = window{lines: wholeLog, again: w.again, tries: w.tries}
		return missed
	default:
		return r.next(ctx, larger)
	}
	return r.gone(ctx)
}

// earlier is called when an answer was cut short that has probably begun after what was read last. Unless it began with the log's first
// line, a larger window is tried. If it did, the log has been rotated; or a clock may have been set back, where it is not known how it began.
func (r *reading) earlier(ctx context.Context) error {
	switch all := r.asked == wholeLog || r.first.hash == r.f.reads.window.first; {
	case !all:
		return r.next(ctx, larger)
	case r.f.place.head == 0:
		return r.next(ctx, smaller)
	}
	return r.gone(ctx)
}

// gone is called when the log does not hold what was read last. It returns what assess does.
func (r *reading) gone(ctx context.Context) error {
	if err := r.f.noOverlap(ctx, r.in, r.first.ns); err != nil {
		return err
	}
	r.f.reads.window, r.f.reads.begins = window{}, r.first
	return missed
}

// isVoid reports whether an answer had nothing at all, although lines were read before, and that was not reported. A live stream
// may be waiting, and an instance that has ended is seen to by readWhole.
func (r *reading) isVoid(err error) bool {
	return err == nil && (r.mode == catchingUp || r.mode == polled) && r.body.Bytes() == 0 && r.f.awaitsOverlap()
}

// void is called when an answer had nothing at all. It may have been cut short; if several in a row have nothing, what was read last was
// rotated away, and perhaps more. The next line may be long in coming, so it is found out now what is missing. It returns what assess does.
func (r *reading) void(ctx context.Context) error {
	f := r.f
	if f.reads.void++; f.reads.void < maxEmptyReads {
		return missed
	}
	if err := f.noOverlap(ctx, r.in, f.nodeTime(time.Now())); err != nil {
		return err
	}
	f.rest = logline.Line{} // half a line, if anything
	f.place.cursor.Fasten() // a later stream may have been opened after another rotation
	f.place.reported, f.reads.emptyAt, f.reads.window = f.place.cursor.Last(), time.Now(), window{}
	return missed
}

// awaitsOverlap reports whether nothing of what was read last has come of the stream, and the log has not been found to hold nothing since then.
func (f *Follower) awaitsOverlap() bool {
	return f.place.cursor.NoOverlap() && f.place.reported != f.place.cursor.Last()
}

// beginsAt is called with the first line of a stream. If the log began with another one when it was looked at, it has been rotated since,
// before the stream was opened, and what came between is missing, too. Its error may be an outcome.
func (r *reading) beginsAt(ctx context.Context, l lineKey) error {
	f := r.f
	if want := f.reads.begins; want.hash == 0 || want == l || f.place.cursor.Knows(l.hash) {
		f.reads.begins = lineKey{}
		return nil
	}
	f.place.cursor.Fasten() // files may hold it
	return f.missing(ctx, r.in, l.ns)
}
