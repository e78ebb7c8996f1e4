package follow

import (
	"math"
)

// window is how many of a log's last lines a stream is opened with once some were read, so that it begins with lines that were seen. A
// log is not asked for by time then: its node's clock may have been set, and a kubelet holds back what is older than sinceTime even
// where it comes later.
type window struct {
	lines     int64  // that are asked for next; 0: as many as are remembered, and one; wholeLog: all
	few, many int64  // so many were too few, as they began after what was read last; so many too many, as nothing new came of them
	first     uint64 // hash of the line that the last one began with; 0: there was none
	goal      uint64 // hash of the line that the log ended with before; 0: unknown
	fits      int64  // a window of so many showed that the log ends with what was read last; 0: the usual one may
	cut       bool   // answers are cut short
	amid      int    // so many began amid lines with the stamp of the line read last; see giveUpStamp
	more      bool   // there are more lines than were read, whatever the log ends with
	again     bool   // no window was left to try, once
	tries     int    // windows, since none was left again; see further
	patient   bool   // what was read last is in the log: a stream that does not begin with it may yet come to it
}

const (
	wholeLog  = math.MaxInt64
	minWindow = 1 << 10 // that is asked for when the usual one was too small
	maxWindow = 1 << 20 // beyond that, all is asked for
)

// size says which window is to be tried next.
type size bool

const (
	smaller size = false
	larger  size = true
)

// widen makes the window larger, as far as it may be. first is the hash of the line that it began with. Not ok: any larger one is too
// large.
func (w *window) widen(asked int64, first uint64) (ok bool) {
	switch w.few = asked; {
	case w.many > 0:
		return w.between()
	case asked >= maxWindow/4, first == w.first: // there are no more lines
		w.lines = wholeLog
	default:
		w.lines = max(4*asked, minWindow)
	}
	w.first = first
	return true
}

// narrow makes the window smaller, as far as it may be. Not ok: any smaller one is too small.
func (w *window) narrow(asked int64) (ok bool) {
	if w.many = asked; asked == wholeLog {
		w.many = 4 * maxWindow
	}
	return w.between()
}

// progress is called when a window of so many lines has brought so many new ones. Where answers are cut short, the next window begins with
// as many known lines as this one.
func (w *window) progress(asked, news int64) {
	cut := (w.cut || w.tries > 0 || w.many > 0) && asked != wholeLog && asked > news
	if *w = (window{}); cut {
		*w = window{lines: asked - news, cut: true}
	}
}

// between takes a size that is neither too small nor too large, rather a small one.
func (w *window) between() (ok bool) {
	switch {
	case w.few == 0:
		w.lines = min(w.many/2, minWindow)
	case w.many > 4*w.few:
		w.lines = 2 * w.few
	default:
		w.lines = w.few + (w.many-w.few)/2
	}
	return w.lines > w.few
}

// maxAmid is how many windows may begin amid lines with the stamp of the line read last, until none is tried anymore.
const maxAmid = 8

// maxTries is how many windows further may try.
const maxTries = 50

// further makes the window so much larger that its answer overlaps that of this one, of which count lines came: one after the other shows
// all lines of the log, from the end on, however short answers are cut. If this one has not missed what was read last, but not come beyond
// it, the window is made smaller. first is the hash of the line that it began with; 0: there was none. Not ok: there are no more lines, or
// too many.
func (w *window) further(asked, count int64, first uint64, missed bool) (ok bool) {
	if w.tries++; w.tries > maxTries || asked == wholeLog || first != 0 && first == w.first {
		return false
	}
	w.first = first
	if missed {
		w.lines = asked + count - count/4
	} else {
		w.lines = max(asked-count/2, 1)
	}
	return true
}
