package follow

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/tail/kube"
	"mktail/tail/pods"
)

// options returns from where the log is to be read.
func (f *Follower) options(in pods.Instance, follow bool) *corev1.PodLogOptions {
	o := &corev1.PodLogOptions{Container: f.Container, Follow: follow, Previous: in.Previous, Timestamps: true}
	ask, cursor := &f.c.Options, f.place.cursor
	ago := func(d time.Duration) *int64 {
		seconds := int64((d + time.Since(f.begin.firstSeen) + time.Second - 1) / time.Second)
		return &seconds
	}
	switch {
	case cursor.Started():
		since := metav1.NewTime(cursor.Since())
		o.SinceTime = &since
		cursor.Reopen()
	case !f.begin.isAt(in.Key()):
	case ask.Tail == 0 && (!f.begin.opened.IsZero() || time.Since(f.begin.firstSeen) > moment),
		ask.Tail > 0 && !f.begin.opened.IsZero() && time.Since(f.begin.opened) > kube.Settled:
		// With --tail 0 no line before mktail looked was wanted, and with --tail N those were read or none was there: all since then are.
		o.SinceSeconds = ago(0)
	default:
		if ask.Tail >= 0 {
			o.TailLines = &ask.Tail
		}
		switch {
		case !ask.SinceTime.IsZero():
			since := metav1.NewTime(ask.SinceTime)
			o.SinceTime = &since
		case ask.Since > 0:
			o.SinceSeconds = ago(ask.Since)
		}
		cursor.Clip(o.TailLines != nil, f.cutoff())
	}
	return o
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
