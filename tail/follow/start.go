package follow

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"mktail/tail/pods"
)

// saveStart has the state file hold where the reading of a preexisting container starts, before any line of it is read: the next run
// goes on there if this one is killed, and does not apply --since and --tail once more.
func (f *Follower) saveStart(ctx context.Context) {
	if f.begin.preexisting.ID == "" || f.begin.resumed {
		return
	}
	f.mu.Lock()
	start := f.snapshot()
	f.mu.Unlock()
	f.c.State.Start(ctx, f.Key(), start)
}

// seeksTail reports whether it must be found out which lines --tail leaves out, so that the state file can hold that. While none are
// read it is not known: what is the last line now is not for the next run.
func (f *Follower) seeksTail(in pods.Instance) bool {
	return f.c.State != nil && f.c.Options.Tail >= 0 && f.begin.isAt(in.Key()) && !f.begin.untailed && f.place.unstamped == nil && !f.place.started() && !f.sinceLooked()
}

// seekTail finds the last line that --tail leaves out, takes it for the one that was read last, and has the state file hold that.
func (f *Follower) seekTail(ctx context.Context, in pods.Instance) error {
	o := f.firstOptions(in, false)
	wanted := *o.TailLines
	var before tailOf
	for ask := wanted + 1; ; ask *= 2 { // the kubelet counts the pieces of long lines as lines, too
		o.TailLines = &ask
		var last tailOf
		var err error
		f.mu.idle(func() { last, err = f.tail(ctx, o, wanted+1) })
		switch {
		case err != nil:
			return err
		case last.count > wanted:
			f.place.cursor.Clip()
			f.place.cursor.Add(last.begin.ns, last.begin.hash)
		case last.count == 0 && last.rest == 0, last == before: // there are no more
			f.begin.untailed = true
		default:
			before = last
			continue
		}
		start := f.snapshot()
		f.mu.idle(func() { f.c.State.Start(ctx, f.Key(), start) })
		return nil
	}
}

// tailOf is what the end of a log holds.
type tailOf struct {
	begin lineKey // the first of the last n lines, or of all
	count int64   // of all lines
	rest  int     // bytes of an unfinished line after them
}

// tail reads what o asks for, and returns where its last n lines begin.
func (f *Follower) tail(ctx context.Context, o *corev1.PodLogOptions, n int64) (last tailOf, err error) {
	var lines []lineKey // the last n, in a ring
	rest, err := f.each(ctx, o, func(ns int64, hash uint64, _ int) bool {
		if l := (lineKey{ns, hash}); last.count < n {
			lines = append(lines, l)
		} else {
			lines[last.count%n] = l
		}
		last.count++
		return true
	})
	last.rest = len(rest.Text)
	switch {
	case last.count >= n:
		last.begin = lines[last.count%n]
	case last.count > 0:
		last.begin = lines[0]
	}
	return last, err
}
