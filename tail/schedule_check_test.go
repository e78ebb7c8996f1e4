package tail_test

import (
	"maps"
	"slices"
	"strings"
	"time"

	"mktail/tail/follow"
	"mktail/tail/logline"
	"mktail/tail/position"
	"mktail/tail/report"
)

// entry is a line of the output: a record or a gap.
type entry struct {
	Pod, Container, Line string
	Gap                  *struct{ From, To, Reason string }
}

// delivered is a line that came, and its place in the output.
type delivered struct{ line, place int }

// foundGap is a gap in the output.
type foundGap struct {
	entry
	place  int // in the output
	stamps [2]time.Time
	causes []report.GapCause // of the events of it
	of     []*scheduled      // pods may have had the same name
	used   bool
}

// check compares what was written with what came.
func (w *world) check() {
	came := map[string]int{} // a line's text to its place in the output
	var gaps []*foundGap
	for i, o := range w.out {
		e := decode[entry](w, o.text)
		if e.Gap != nil {
			gaps = append(gaps, w.parseGap(i, e))
			continue
		}
		if n := len(time.Stamp); len(e.Line) > n { // what stamps of another form say belongs to the text
			if _, err := time.Parse(time.Stamp, e.Line[:n]); err == nil {
				e.Line = e.Line[n+1:]
			}
		}
		if at, again := came[e.Line]; again {
			if !w.killedBetween(at, i) && !w.fewLeft(e) && e.Line != kubeletMessage {
				w.fail("repeated", "%.60q, first as record %d, then %d", e.Line, at, i)
			}
			continue
		}
		came[e.Line] = i
	}
	for _, k := range w.all {
		w.checkContainer(k, came, gaps)
	}
	for _, f := range w.lines {
		first, last := f.k.lines[f.first], f.k.lines[f.last]
		w.fail(f.kind, "%s %d: lines %d to %d, %s to %s", f.k.name, first.instance, f.first, f.last, stampText(first), stampText(last))
	}
	for text := range came {
		if slices.ContainsFunc(w.all, func(k *scheduled) bool { return w.misjoined(k, text) }) {
			continue
		}
		if text == kubeletMessage && slices.ContainsFunc(w.all, func(k *scheduled) bool { return k.node.unstamped }) { // where it looks like a line
			continue
		}
		w.fail("never written", "%.60q", text)
	}
	for _, g := range gaps {
		if !g.used && !w.excused(g) {
			w.fail("false gap", "%s/%s: %+v, %v", g.Pod, g.Container, *g.Gap, g.causes)
		}
		if w.wide(g) {
			w.fail("wide gap", "%s/%s: %+v, %v", g.Pod, g.Container, *g.Gap, g.causes)
		}
	}
}

func stampText(l scheduledLine) string { return string(logline.AppendStamp(nil, l.stamp.UnixNano())) }

// killedBetween reports whether mktail was killed between two places of the output: what was not saved comes again.
func (w *world) killedBetween(a, b int) bool {
	return w.out[a].session != w.out[b].session && slices.ContainsFunc(w.out[a:b], func(o output) bool { return o.killed })
}

// unsaved reports whether mktail was killed before it can have saved that a line came.
func (w *world) unsaved(l scheduledLine, place int) bool {
	return w.out[place].killed && slices.ContainsFunc(w.kills, func(k kill) bool {
		return !k.at.Before(l.written) && k.since.Sub(l.written) < 2*savedEvery
	})
}

// fewLeft reports whether a line is of a log without stamps that was rotated: a few lines that are left do not show where the log goes on.
func (w *world) fewLeft(e entry) bool {
	return slices.ContainsFunc(w.all, func(k *scheduled) bool {
		return k.node.unstamped && k.pod == e.Pod && k.Name() == e.Container && len(k.rotations) > 0
	})
}

// parseGap takes up a gap and what was told of its cause.
func (w *world) parseGap(place int, e entry) *foundGap {
	g := &foundGap{entry: e, place: place}
	for i, text := range []string{e.Gap.From, e.Gap.To} {
		if text == "" && i == 0 { // unknown
			continue
		}
		var err error
		if g.stamps[i], err = time.Parse(time.RFC3339Nano, text); err != nil {
			w.fail("gap", "%+v: %v", *e.Gap, err)
		}
	}
	for _, e := range w.causes {
		if e.Pod == g.Pod && e.Container == g.Container && e.Gap.From == g.Gap.From && e.Gap.To == g.Gap.To {
			g.causes = append(g.causes, e.Cause)
		}
	}
	if len(g.causes) == 0 {
		w.fail("gap", "%+v has no cause", *e.Gap)
	}
	for _, k := range w.all {
		if k.pod == g.Pod && k.Name() == g.Container {
			g.of = append(g.of, k)
		}
	}
	return g
}

// ourTime is what our clock said when a node's clock said stamp: exact if a line has the stamp.
func (w *world) ourTime(k *scheduled, stamp time.Time) time.Time {
	if stamp.IsZero() {
		return stamp
	}
	for _, l := range k.lines {
		for _, piece := range append(l.pieces, l) {
			if piece.stamp.Equal(stamp) {
				return piece.at
			}
		}
	}
	clocks := k.node.clocks
	for i := len(clocks) - 1; i > 0; i-- {
		if at := stamp.Add(-clocks[i].offset); !at.Before(clocks[i].since.Add(-position.Slack)) {
			return at
		}
	}
	return stamp.Add(-clocks[0].offset)
}

// earliest is the first time by our clock at which a node's clock may have said stamp, which it may have said more than once.
func earliest(k *scheduled, stamp time.Time) time.Time {
	clocks := k.node.clocks
	for i, c := range clocks {
		at := stamp.Add(-c.offset)
		if !at.Before(c.since.Add(-position.Slack)) && (i == len(clocks)-1 || !at.After(clocks[i+1].since.Add(position.Slack))) {
			return at
		}
	}
	return stamp
}

// during gives the span of a gap by our clock, for one of its containers. Where it ends now, our clock was asked.
func (w *world) during(g *foundGap, k *scheduled) (from, to time.Time) {
	from, to = w.ourTime(k, g.stamps[0]), w.ourTime(k, g.stamps[1])
	if slices.Contains(g.causes, report.PodDeleted) || slices.Contains(g.causes, report.PodLost) {
		to = g.stamps[1]
	}
	return from, to
}

// checkContainer checks the lines of one container.
func (w *world) checkContainer(k *scheduled, came map[string]int, gaps []*foundGap) {
	var got []delivered
	for i, l := range k.lines {
		place, ok := came[l.text]
		delete(came, l.text)
		if !ok {
			continue
		}
		stamp := l.stamp
		if k.node.unstamped { // mktail stamps it when it comes
			stamp = l.written
		}
		if until := w.o.Until; !until.IsZero() && !stamp.Before(until) {
			w.failLine("after --until-time", k, i)
		}
		if n := len(got); n > 0 && place < got[n-1].place && !w.misnamed(k, l.instance) {
			w.failLine("out of order", k, i)
		}
		got = append(got, delivered{i, place})
		waits := w.setting.MaxStreams > 0                                     // until another ends
		if place >= w.healed && l.at.Before(w.well) && !l.rotated && !waits { // what was rotated away comes with the line after it
			w.failLine("late", k, i)
		}
	}
	for i, l := range k.lines {
		place, rest := came[l.rest]
		if !rest || w.hasFiles(k, l.instance) {
			continue
		}
		before, begun := -1, false // the last line of the container before it; whether one of its instance came that the next run knows
		for _, g := range got {
			if g.place < place && g.line != i {
				before, begun = max(before, g.place), begun || k.lines[g.line].instance == l.instance && !w.unsaved(k.lines[g.line], g.place)
			}
		}
		covered := slices.ContainsFunc(gaps, func(g *foundGap) bool {
			return slices.Contains(g.of, k) && before < g.place && g.place < place
		})
		if covered || !begun || k.node.stepped() && k.quickly() { // the log API can't tell that it is not a line, or whose it is
			delete(came, l.rest)
		}
	}
	k.got = got
	type span struct {
		*foundGap
		from, to time.Time
	}
	var own []span
	for _, g := range gaps {
		if slices.Contains(g.of, k) {
			from, to := w.during(g, k)
			own = append(own, span{g, from.Add(-position.Slack), to.Add(position.Slack)})
		}
	}
	next := 0   // of got
	known := -1 // the last instance of which a line came that the next run knows
	for i, l := range k.lines {
		if next < len(got) && got[next].line == i {
			if !w.unsaved(l, got[next].place) {
				known = l.instance
			}
			next++
			continue
		}
		before, after := -1, len(w.out)
		begun := known == l.instance // a line of the instance came before this one
		if next > 0 {
			before = got[next-1].place
		}
		following := k.instance // that came
		if next < len(got) {
			after = got[next].place
			following = k.lines[got[next].line].instance
		}
		covered := false
		for _, g := range own {
			inTime := !l.at.Before(g.from) && !l.at.After(g.to)
			if inTime || before < g.place && g.place < after {
				covered, g.used = true, true
			}
		}
		if !covered && !w.misnamed(k, l.instance) && !w.unknowable(k, l, following, begun, next == 0, next == len(got)) {
			w.failLine("lost without a gap", k, i)
		}
	}
}

// misnamed reports whether the names of an instance's rotated files say another order than that in which they were made, as their node's
// clock was set back between them.
func (w *world) misnamed(k *scheduled, instance int) bool {
	var last time.Time
	for _, r := range k.rotations {
		if r.instance != instance {
			continue
		}
		if r.named.Before(last) {
			return w.setting.Rotated
		}
		last = r.named
	}
	return false
}

// misjoined reports whether a text begins with a part of a line that lies in two files that are misnamed.
func (w *world) misjoined(k *scheduled, text string) bool {
	return slices.ContainsFunc(k.lines, func(l scheduledLine) bool {
		head := strings.TrimSuffix(l.text, l.rest)
		return l.rest != "" && (strings.HasPrefix(text, head) || strings.HasPrefix(text, l.rest)) && w.misnamed(k, l.instance)
	})
}

// wide reports whether a gap spans lines that came. One of several jumps may, and one that comes again as mktail was killed. Where clocks
// step or say nothing, nothing can be told.
func (w *world) wide(g *foundGap) bool {
	killed := slices.ContainsFunc(w.out, func(o output) bool { return o.killed })
	if killed || slices.Contains(g.causes, report.JumpUnexplained) || len(g.of) == 0 {
		return false
	}
	const room = position.Slack + time.Second // starts are known to the second
	from, to := g.stamps[0].Add(room), g.stamps[1].Add(-room)
	for _, k := range g.of {
		inside := func(d delivered) bool { return k.lines[d.line].stamp.After(from) && k.lines[d.line].stamp.Before(to) }
		if k.node.stepped() || k.node.odd || !slices.ContainsFunc(k.got, inside) {
			return false
		}
	}
	return true
}

// unknowable reports whether nothing could show that a line was not read. The next line that came is of the instance next; begun: a line
// of its own instance came before; first and last: none came before or after it.
func (w *world) unknowable(k *scheduled, l scheduledLine, next int, begun, first, last bool) bool {
	until := w.o.Until
	switch {
	case !until.IsZero() && (!l.stamp.Before(until) || !l.written.Before(until) || !l.restAt.Before(until)):
		return true
	case !until.IsZero() && l.headOnly: // that no more of it comes was not known by then
		return true
	case !until.IsZero() && last && strings.Join(w.logged, "") != "": // not read to the end, which was reported
		return true
	case k.ended && w.setting.Phases && (first && last || w.setting.NoFollow): // it was selected while nobody could look
		return true
	case k.deleted && k.once && last: // by its policy it was not to be started again
		return true
	case k.deleted && (first && last || w.setting.NoFollow): // it came and went while nobody could look
		return true
	case l.rotated && !begun && !w.hasFiles(k, l.instance): // rotated away before the first look at an instance
		return true
	case first && l.instance < next && !w.ill.IsZero(): // it had ended before the first look at the container
		return true
	case l.instance < k.unread:
		return true
	case k.node.noPrevious && !slices.ContainsFunc(k.lines, func(other scheduledLine) bool { return other.instance == l.instance+1 }): // an empty log came in place of its own
		return true
	case (k.leftOut || w.setting.Labels && !until.IsZero()) && last: // nobody looked any more
		return true
	case w.setting.MaxStreams > 0 && w.o.Follow && last: // it waits, which was reported
		return true
	}
	return false
}

// hasFiles reports whether all rotated files of an instance could be read. Those of logs without stamps are not.
func (w *world) hasFiles(k *scheduled, instance int) bool {
	return w.setting.Rotated && k.rotated[instance] < keptFiles && !k.node.odd
}

// vanished reports whether a stream could leap from the line of a time to the next one, and the log that would have shown that
// it left nothing out was gone before it could be looked at: at once, or soon, after something had gone wrong.
func (k *scheduled) vanished(from, ill time.Time) bool {
	gone := make(map[int][]time.Time) // by instance
	for i, at := range k.ends {
		gone[i] = append(gone[i], at)
	}
	for _, r := range k.rotations {
		gone[r.instance] = append(gone[r.instance], r.at)
	}
	var newest scheduledLine // by its stamp; the line that a gap begins with
	for _, l := range k.lines {
		leaps := (newest.at.Equal(from) || newest.restAt.Equal(from)) && l.instance == newest.instance && l.at.Sub(from) >= time.Duration(follow.Jump)
		if leaps && l.rest != "" { // it was rotated away before it ended
			return true
		}
		if leaps && slices.ContainsFunc(gone[l.instance], func(at time.Time) bool {
			after := at.Sub(l.at)
			return after > -time.Millisecond && (after < position.Slack || after < follow.Silence && !ill.IsZero() && ill.Before(at))
		}) {
			return true
		}
		if step := l.stamp.Sub(newest.stamp); step > 0 || step < -position.Slack || l.instance != newest.instance {
			newest = l
		}
	}
	return false
}

// quick reports whether an instance ended about that time, and the one before it soon before: the kubelet may have served the next
// instance's log for that of the one that had ended.
func (k *scheduled) quick(about time.Time) bool {
	for i, at := range k.ends {
		if i > 0 && at.Sub(k.ends[i-1]) < 2*position.Slack && at.Sub(about).Abs() <= position.Slack {
			return true
		}
	}
	return false
}

// quickly reports whether two of its instances ended one soon after the other.
func (k *scheduled) quickly() bool {
	for i := 1; i < len(k.ends); i++ {
		if k.ends[i].Sub(k.ends[i-1]) < 2*position.Slack {
			return true
		}
	}
	return false
}

// excused reports whether nothing could have shown that a gap has no line in it: the log was rotated just after the line
// that was seen last or the one that came then; an instance ended, and was removed before it could be read, because
// something had gone wrong or the next one ended soon; or before it could be looked at again.
func (w *world) excused(g *foundGap) bool {
	reason := report.GapReason(g.Gap.Reason)
	for _, k := range g.of {
		if w.setting.MaxStreams > 0 && slices.Contains(g.causes, report.PodDeleted) { // it waited for a stream, and nobody looked
			return true
		}
		if k.node.stepped() && (k.quickly() || k.static && k.deleted) { // what is whose, only the times could tell
			return true
		}
		if k.node.odd && len(k.rotations)+len(k.ends) > 0 { // its lines can't be told apart well, or are asked for now and then
			return true
		}
		from, to := w.during(g, k)
		ill := !w.ill.IsZero() && !w.ill.After(to)
		if ill && slices.Contains(g.causes, report.UntilUnread) { // it could not be read in time
			return true
		}
		if reason != report.Rotated {
			if reason == report.LogUnavailable && k.rotated[k.instance] > 0 { // what was seen last need not have come again
				return true
			}
			from := slices.MinFunc([]time.Time{from, g.stamps[0], earliest(k, g.stamps[0])}, time.Time.Compare) // the API server's clock may have told it
			to := slices.MaxFunc([]time.Time{to, g.stamps[1]}, time.Time.Compare)
			for i, at := range k.ends {
				quick := i > 0 && at.Sub(k.ends[i-1]) < 2*position.Slack
				ill := ill || w.setting.LateHeaders && w.setting.Rotated // whose files are asked for with the first line
				if !at.Before(from.Add(-position.Slack)) && !at.After(to.Add(position.Slack)) && (quick || ill) {
					return true
				}
			}
			continue
		}
		if ended := slices.Contains(g.causes, report.NoEnd); ended && k.quick(from) {
			return true
		}
		deleted := slices.ContainsFunc(slices.Collect(maps.Values(k.rotated)), func(n int) bool { return n >= keptFiles })
		if w.setting.Rotated && !deleted {
			continue
		}
		for _, l := range k.lines {
			if ill && k.instance-l.instance >= 2 && l.at.Sub(to).Abs() <= position.Slack {
				return true
			}
			if ill && l.rest != "" && l.at.Equal(from) && l.restAt.Equal(to) { // which has not come as long after its beginning as it was written
				return true
			}
		}
		for _, r := range k.rotations {
			if i := r.after; i >= 0 && min(k.lines[i].at.Sub(from).Abs(), k.lines[i].at.Sub(to).Abs(), k.lines[i].restAt.Sub(from).Abs()) <= position.Slack {
				return true
			}
		}
		if k.vanished(from, w.ill) {
			return true
		}
	}
	return false
}
