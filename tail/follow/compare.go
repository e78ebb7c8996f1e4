package follow

import (
	"context"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"mktail/tail/kube"
	"mktail/tail/logline"
	"mktail/tail/position"
)

// Silence is how long a stream may be silent before it is compared with the log: some kubelets and proxies stop
// sending without an end (kubernetes#59902, #115701, #126564).
const Silence = 5 * time.Minute

// CompareLimit is how long the API may take to say how a log goes on.
const CompareLimit = 20 * time.Second

// checked is what Suspect remembers of a follower.
type checked struct {
	compared time.Time       // when the log was last compared with the silent stream
	late     *kube.LogStream // that was still open although the API told of a later instance
}

// Suspect reports whether the follower is to be compared with its log: it suspects a gap, or its stream has been silent for
// long. A stream that goes on although its instance has not, it ends. One goroutine may call it.
func (f *Follower) Suspect() bool {
	s := f.stream.Load()
	switch {
	case f.suspectsGap():
		return true
	case s == nil:
	case f.superseded():
		if f.checked.late == s {
			f.c.Log.Debug().Msgf("%s: the stream goes on, but is of another instance", f.name())
			s.Cancel()
		}
		f.checked.late = s
	case s.Idle() >= Silence && time.Since(f.checked.compared) >= Silence:
		f.checked.compared = time.Now()
		return true
	}
	return false
}

// Compare looks into the gap that is suspected in what was read, and ends the stream that is read if it is silent although the log
// has gone on. While the output is stalled it does nothing: the stream is not silent then, but nobody reads it.
func (f *Follower) Compare(ctx context.Context) {
	if !f.compareSuspected(ctx) {
		return
	}
	s := f.stream.Load()
	if s == nil || s.Idle() < Silence {
		return
	}
	if f.behind(ctx) && s.Idle() >= Silence && ctx.Err() == nil {
		f.c.Log.Debug().Msgf("%s: the stream has fallen silent, but the log has not", f.name())
		s.Cancel()
	}
}

// compareSuspected looks into the suspected gap, if there is one. Not ok: the output is stalled, or nothing more is put out.
func (f *Follower) compareSuspected(ctx context.Context) (ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.over || f.mu.stalled || f.finished(ctx) {
		return false
	}
	f.mu.comparing = true
	f.resolve(ctx, f.mu.release)
	f.mu.comparing = false
	if f.mu.unflushed {
		f.flushCompared()
	}
	return true
}

// superseded reports whether the API has told of a later instance than the one that is being read.
func (f *Follower) superseded() bool {
	id := f.inbox.current.Load()
	if id == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return *id != f.place.at.ID && f.last.followed == f.place.at.ID
}

// suspectsGap reports whether there is something to resolve.
func (f *Follower) suspectsGap() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.place.suspected.ns != 0 || f.mu.unflushed
}

// behind reports whether the log has lines after the last that was read. What can't be found out is no.
func (f *Follower) behind(ctx context.Context) bool {
	f.mu.Lock()
	cursor := *f.place.cursor // of which the numbers are used
	newest := cursor.Newest()
	if !cursor.Started() {
		newest = f.floor()
	}
	f.mu.Unlock()
	last, beyond := cursor.Last(), false
	ctx, cancel := context.WithTimeout(ctx, CompareLimit)
	defer cancel()
	err := f.scan(ctx, &cursor, false, func(ns int64, hash uint64) bool {
		last, beyond = hash, ns > newest
		return !beyond
	})
	return beyond || err == nil && cursor.Started() && last != cursor.Last()
}

// scan reads what the log holds now, or that of the previous instance, from about the cursor's place on, until do returns
// false. It goes over the connection of the lists and watches, as it waits for no output, and a stream may wait for it.
func (f *Follower) scan(ctx context.Context, cursor *position.Cursor, previous bool, do func(ns int64, hash uint64) bool) error {
	o := &corev1.PodLogOptions{Container: f.Container, Previous: previous, Timestamps: true}
	if cursor.Started() {
		since := metav1.NewTime(cursor.Since())
		o.SinceTime = &since
	} else {
		one := int64(1)
		o.TailLines = &one
	}
	ctx, cancel := context.WithTimeout(ctx, f.c.Kube.RequestTimeout())
	defer cancel()
	s := f.c.Kube.NewLog(ctx)
	defer s.Close()
	if err := s.Open(kube.LogRequest{Namespace: f.Namespace, Pod: f.Pod, Options: o, Over: kube.Lists, Waiting: f.streamTried}); err != nil {
		return err
	}
	lines := logline.NewScanner(s, f.c.Options.MaxLine+logline.StampRoom+1, f.c.Pool)
	defer lines.Close()
	for {
		l, ok := lines.Take()
		if !ok {
			if err := lines.Fill(); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			continue
		}
		if ns, text, ok := logline.SplitStamp(l.Text); ok && !do(ns, f.hash(ns, l, text)) {
			return nil
		}
	}
}
