package follow

import (
	"context"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/tail/kube"
	"mktail/tail/position"
	"mktail/tail/report"
)

// suspectedGap is a jump of a stream, or several, of which it could not be found out at once whether lines were left out. None were if
// the log still holds the line before the first jump: then it has not been rotated since.
type suspectedGap struct {
	newest, ns    int64          // the greatest stamp before the first jump, and that of the line after the last; ns is 0 if nothing is suspected
	before, after uint64         // hashes of the lines before and after the first jump
	rests         position.Rests // with which the log may begin in place of the line before
	tries         int            // how often the log held neither, or was cut short
}

// same reports whether nothing has happened to the suspected gap since it was d.
func (g *suspectedGap) same(d suspectedGap) bool {
	return g.ns == d.ns && g.newest == d.newest && g.before == d.before && g.tries == d.tries
}

// seek looks for both lines of a jump in the log, and finds one of them, or neither: then the log has been rotated since. If it was within
// the line before the jump, the log begins with the rest of that. end is the stamp of the line that the log ended with before. With hurry it
// takes JumpLimit at most, else CompareLimit.
func (f *Follower) seek(ctx context.Context, d suspectedGap, hurry bool) (before, after bool, end int64, err error) {
	limit := CompareLimit
	if hurry {
		limit = JumpLimit
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var last uint64
	if ends, err := f.logEnd(ctx, false, d.after); err == nil {
		end, last = ends.ns, ends.last
	}
	since := metav1.NewTime(position.At(min(d.newest, d.ns)).Since())
	for _, previous := range []bool{false, true} { // the container may have been restarted just now
		o := f.allOf(previous, false)
		o.SinceTime = &since
		whole, first := last == 0, true
		_, found := f.each(ctx, o, func(ns int64, hash uint64, _ int) bool {
			before, after, whole = hash == d.before || first && d.rests.Contain(ns, hash), hash == d.after, whole || hash == last
			first = false
			return !before && !after
		})
		if found == nil && !previous && !whole && !before && !after { // the answer was cut short
			found = io.ErrUnexpectedEOF
		}
		if previous && unknowable(found) {
			break
		}
		if err = found; before || after || err != nil {
			break
		}
	}
	return before, after, end, err
}

// unknowable reports whether an error says that the log is gone: the stream is all that there is.
func unknowable(err error) bool { return kube.IsPodGone(err) || apierrors.IsBadRequest(err) }

// cantKnow is unknowable of the follower's own log. Of a pod that is being deleted the kubelet has none, either, once it has removed the
// container.
func (f *Follower) cantKnow(err error) bool {
	return unknowable(err) || f.inbox.deleting.Load() && isGone(err)
}

// resolve looks into the suspected gap, and reports the gap that it proves to be, if that can be found out. It is called with the lock
// held, by Run or Compare, and waits with it released.
func (f *Follower) resolve(ctx context.Context) {
	for f.place.suspected.ns != 0 {
		d := f.place.suspected
		var before, after bool
		var err error
		f.mu.idle(func() { before, after, _, err = f.seek(ctx, d, false) })
		switch {
		case !f.place.suspected.same(d): // there is one more jump, or another goroutine has resolved it
			continue
		case err != nil && !f.cantKnow(err):
			return
		case before, err != nil:
			f.place.suspected = suspectedGap{}
		case after, d.tries+1 >= maxEmptyReads:
			f.reportSuspected()
		default:
			f.place.suspected.tries++
			return
		}
	}
}

// reportSuspected reports the suspected gap as one.
func (f *Follower) reportSuspected() {
	if d := f.place.suspected; d.ns != 0 {
		f.place.suspected = suspectedGap{}
		f.gap(d.newest, d.ns, report.JumpUnexplained)
	}
}
