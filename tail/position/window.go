package position

import (
	"slices"
	"time"
)

// window holds the hashes of the lines seen last, in the order in which they came.
type window struct {
	all  []uint64
	gone int   // so many of all are forgotten
	runs []run // the seconds of the others, in order
}

// run is a number of lines in a row that were stamped in one second.
type run struct {
	unix  int64
	lines int
}

// hashes returns what is remembered. It is valid until the next change.
func (w *window) hashes() []uint64 { return w.all[w.gone:] }

// lines returns how many lines are remembered.
func (w *window) lines() int { return len(w.all) - w.gone }

// lastButOne returns the line before the last one; 0: none is remembered.
func (w *window) lastButOne() uint64 {
	if w.lines() < 2 {
		return 0
	}
	return w.all[len(w.all)-2]
}

// latest returns the end of the latest second of which lines are remembered, other than the last one's, in Unix nanoseconds; 0: there
// is none.
func (w *window) latest() (ns int64) {
	for _, r := range w.runs {
		if !w.endsIn(r.unix) {
			ns = max(ns, (r.unix+1)*int64(time.Second)-1)
		}
	}
	return ns
}

// endsIn reports whether the line seen last was stamped in this second.
func (w *window) endsIn(unix int64) bool {
	n := len(w.runs)
	return n > 0 && w.runs[n-1].unix == unix
}

// begin begins a run.
func (w *window) begin(unix int64) { w.runs = append(w.runs, run{unix: unix}) }

// add remembers a line of the last run, and reports whether others were forgotten for it: many at once, so that it costs little.
func (w *window) add(hash uint64) (forgot bool) {
	w.runs[len(w.runs)-1].lines++
	w.all = append(w.all, hash)
	return w.lines() > MaxHashes && w.drop(MaxHashes/8)
}

// forget forgets the first lines, as far as they are of seconds before from or after to, and minHashes are left. It reports whether there
// were any. Of a second all lines are forgotten or none, so that none of several equal ones is left.
func (w *window) forget(from, to int64) bool {
	old, left := 0, w.lines() // runs that may be forgotten; lines of the others
	for _, r := range w.runs {
		if left -= r.lines; from <= r.unix && r.unix <= to || left < minHashes {
			break
		}
		old++
	}
	lines := 0
	for _, r := range w.runs[:w.whole(old)] {
		lines += r.lines
	}
	return w.drop(lines)
}

// whole returns n, or how many of the first n runs have all lines of their seconds. Unless stamps stepped back, that is n.
func (w *window) whole(n int) (whole int) {
	if n == 0 || w.inOrder() {
		return n
	}
	last := make(map[int64]int, len(w.runs)) // run of each second
	for i, r := range w.runs {
		last[r.unix] = i
	}
	end := 0 // up to this run those of the seconds so far go
	for i, r := range w.runs[:n] {
		if end = max(end, last[r.unix]); end == i {
			whole = i + 1
		}
	}
	return whole
}

// inOrder reports whether each run is of a later second than the one before.
func (w *window) inOrder() bool {
	for i := 1; i < len(w.runs); i++ {
		if w.runs[i].unix <= w.runs[i-1].unix {
			return false
		}
	}
	return true
}

// drop forgets the first n lines, and those after them that are equal: of such lines it can't be told which ones come again. It reports
// whether there were any.
func (w *window) drop(n int) bool {
	if n <= 0 {
		return false
	}
	for left := w.hashes(); n < len(left)-1 && left[n] == left[n-1]; {
		n++
	}
	w.gone += n
	i := 0
	for ; n > 0; i++ {
		if r := &w.runs[i]; r.lines > n {
			r.lines -= n
			break
		}
		n -= w.runs[i].lines
	}
	w.runs = slices.Delete(w.runs, 0, i)
	switch {
	case w.gone <= len(w.all)/2:
	case cap(w.all) > 4*max(w.lines(), minHashes): // much came, and no longer does
		w.all, w.gone = slices.Clone(w.hashes()), 0
	default:
		w.all, w.gone = w.all[:copy(w.all, w.hashes())], 0
	}
	return true
}
