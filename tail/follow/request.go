package follow

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/tail/kube"
	"mktail/tail/pods"
)

// options returns from where the log is to be read, and how many of its last lines that are at most. It has the cursor expect them.
func (f *Follower) options(in pods.Instance, mode mode) (o *corev1.PodLogOptions, lines int64) {
	cursor := f.place.cursor
	if u := f.place.unstamped; u != nil {
		if u.Reopen(); f.reads.search {
			u.Search()
		}
		f.reads.search = false
		return f.allOf(in.Previous, mode == live), wholeLog
	}
	if !cursor.Started() {
		return f.firstOptions(in, mode == live), wholeLog
	}
	o = f.allOf(in.Previous, mode == live)
	if lines = f.reads.window.lines; lines == 0 {
		n, whole := cursor.Lines()
		if lines = int64(n) + 1; whole || cursor.Loose() || f.justEmptied() || f.endsInFiles(in) {
			lines = wholeLog
		}
		if fits := f.reads.window.fits; fits > 0 {
			lines = min(lines, fits)
		}
	}
	if ignored, _ := f.ignores(tailLines); ignored || mode == comparing {
		lines = wholeLog
	}
	if lines != wholeLog {
		o.TailLines = &lines
	}
	cursor.Reopen(lines != wholeLog)
	if cursor.Pass(); mode != comparing && f.justEmptied() {
		cursor.ExpectNone()
	}
	return o, lines
}

// justEmptied reports whether the log was found to hold nothing a moment ago, and that was reported: what comes now is new.
func (f *Follower) justEmptied() bool { return time.Since(f.reads.emptyAt) < moment }

// allOf returns what asks for a log from its first line on.
func (f *Follower) allOf(previous, follow bool) *corev1.PodLogOptions {
	return &corev1.PodLogOptions{Container: f.Container, Follow: follow, Previous: previous, Timestamps: true}
}

// firstOptions returns from where a log is to be read of which no line was read yet.
func (f *Follower) firstOptions(in pods.Instance, follow bool) *corev1.PodLogOptions {
	o, ask := f.allOf(in.Previous, follow), &f.c.Options
	ago := func(d time.Duration) *int64 {
		passed := time.Since(f.begin.firstSeen)
		if passed < 0 { // our clock was set back between two runs: how long ago that was is not known
			return nil
		}
		seconds := int64((d + passed + time.Second - 1) / time.Second)
		return &seconds
	}
	switch {
	case !f.begin.isAt(in.Key()):
	case f.sinceLooked():
		o.SinceSeconds = ago(0)
	default:
		if ask.Tail >= 0 && !f.begin.untailed {
			o.TailLines = &ask.Tail
		}
		switch {
		case !ask.SinceTime.IsZero():
			since := metav1.NewTime(ask.SinceTime)
			o.SinceTime = &since
		case ask.Since > 0:
			o.SinceSeconds = ago(ask.Since)
		}
	}
	if o.TailLines != nil || o.SinceTime != nil || o.SinceSeconds != nil {
		f.place.cursor.Clip()
	}
	return o
}

// sinceLooked reports whether of the preexisting instance all lines are wanted that came since mktail looked, and no others: with
// --tail 0 none before is, and with --tail N those were read or none was there.
func (f *Follower) sinceLooked() bool {
	switch tail := f.c.Options.Tail; {
	case f.begin.untailed:
		return false
	case tail == 0:
		return f.begin.resumed || !f.begin.opened.IsZero() || time.Since(f.begin.firstSeen) > moment
	default:
		return tail > 0 && !f.begin.opened.IsZero() && time.Since(f.begin.opened) > kube.Settled
	}
}

// wantsNone reports whether no line is wanted of the instance that is being read.
func (f *Follower) wantsNone() bool {
	return f.c.Options.Tail == 0 && !f.c.Options.Follow && f.begin.isAt(f.place.at.Key())
}

// cutoff returns the stamp before which no line of a preexisting instance is wanted; 0: all are.
func (f *Follower) cutoff() int64 {
	switch o := &f.c.Options; {
	case !o.SinceTime.IsZero():
		return o.SinceTime.UnixNano()
	case o.Since == 0:
		return 0
	default:
		return f.begin.firstSeen.Add(-o.Since).UnixNano()
	}
}

// floor returns the stamp up to which no line is wanted of the instance that is being read, if none has come; 0: all are.
func (f *Follower) floor() int64 {
	switch {
	case !f.begin.isAt(f.place.at.Key()):
		return 0
	case f.c.Options.Tail == 0:
		return f.begin.firstSeen.UnixNano()
	}
	return f.cutoff()
}
