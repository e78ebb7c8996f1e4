package follow

import (
	"context"
	"time"

	"mktail/tail/kube"
)

// Silence is how long a stream may be silent before it is compared with the log: some kubelets and proxies stop
// sending without an end (kubernetes#59902, #115701, #126564).
const Silence = 5 * time.Minute

// CompareLimit is how long the API may take to say how a log goes on.
const CompareLimit = 20 * time.Second

// Soon is how long a stream must be silent to be doubted for a reason: that it has brought much before, or that another connection has
// proved dead. Connections that die together prove dead at different times, but not sooner after the last that came than this.
const Soon = 10 * time.Second

// Doubt ends the stream that is read, to be opened again, if it is silent: another connection to the same server has proved dead.
func (f *Follower) Doubt() {
	if s := f.stream.Load(); s != nil && s.Idle() >= Soon {
		f.c.Log.Debug().Msgf("%s: another connection to the server is dead, and the stream is silent", f.name())
		s.Cancel()
	}
}

// checked is what Suspect and FellSilent remember of a follower.
type checked struct {
	compared time.Time       // when the log was last compared with the silent stream
	late     *kube.LogStream // that was still open although the API told of a later instance
	silent   *kube.LogStream // that fell silent
	bytes    int64           // that it had brought by then
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

// FellSilent reports whether the follower is to be compared with its log: its stream has brought enough for a rotation, and then
// nothing. A kubelet that has missed a rotation, because more was written than it could be notified of, goes on with the old file. One
// goroutine may call it, that of Suspect.
func (f *Follower) FellSilent() bool {
	s, c := f.stream.Load(), &f.checked
	switch {
	case s == nil || s.Idle() < Soon:
		return false
	case f.bringsNothing(s):
		return true
	}
	if s != c.silent {
		c.silent, c.bytes = s, 0
	}
	if s.Bytes()-c.bytes < minRotated {
		return false
	}
	c.bytes = s.Bytes()
	return true
}

// Compare looks into the gap that is suspected in what was read, and ends the stream that is read if it is silent although the log
// has gone on. While the output is stalled it does nothing: the stream is not silent then, but nobody reads it.
func (f *Follower) Compare(ctx context.Context) {
	if !f.compareSuspected(ctx) {
		return
	}
	s := f.stream.Load()
	if s == nil || s.Idle() < Soon {
		return
	}
	if f.bringsNothing(s) {
		if f.mayBeEmpty(ctx) {
			f.c.Log.Debug().Msgf("%s: the log may have nothing of what was read last, nor anything else", f.name())
			s.Cancel()
			return
		}
		if s.Idle() < Silence {
			return
		}
	}
	if f.behind(ctx) && s.Idle() >= Soon && ctx.Err() == nil {
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
	f.mu.comparing++
	f.resolve(ctx)
	f.mu.comparing--
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

// bringsNothing reports whether this is a stream that was opened again and is to be followed, but has brought nothing of what was read last.
func (f *Follower) bringsNothing(s *kube.LogStream) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return s.Sent() && f.last.mode == live && f.stream.Load() == s && f.place.unstamped == nil && f.awaitsOverlap()
}

// mayBeEmpty reports whether the log may hold nothing. If so, it is read to its end before it is followed again.
func (f *Follower) mayBeEmpty(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, CompareLimit)
	defer cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	end, err := f.awaitEnd(ctx, false, f.place.cursor.Last())
	if err != nil || end.lines > 0 || !f.awaitsOverlap() || f.reads.window.lines != 0 {
		return false
	}
	f.reads.window.lines = minWindow
	return true
}

// behind reports whether the log ends with a line that was not read. What can't be found out is no; but of a log without stamps it is yes, as
// reading it anew does no harm.
func (f *Follower) behind(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, CompareLimit)
	defer cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.place.unstamped != nil {
		_, same, err := f.nearEnd(ctx, f.place.at, false)
		return err == nil && !same
	}
	if !f.place.cursor.Started() {
		nothing, err := f.hasNothing(ctx, f.place.at, f.mayIgnore(timestamps))
		return err == nil && !nothing
	}
	end, err := f.awaitEnd(ctx, false, f.place.cursor.Last())
	return err == nil && end.last != 0 && !f.place.cursor.EndsWith(end.ns, end.last)
}
