package position

import (
	"encoding/binary"
	"slices"
)

// Unstamped is the place that was reached in a log whose lines have no stamps: how many lines were seen, and the last of them. A
// reopened stream must begin with the log's first line; Add says which lines of it are new. It is exact while the log has all lines
// from its first one on. If lines were removed at its beginning, Search finds the place, unless the same lines stand in several places.
// It is not safe for use by several goroutines. The zero value is the beginning of a log.
type Unstamped struct {
	first uint64   // hash of the log's first line
	count int      // lines seen, from the first one on
	last  []uint64 // hashes of the last lines seen
	at    int64    // when the last one was
	doubt bool     // the last one may be no line of the log

	// Of the stream that is open.
	came      int      // lines
	searching bool     // where the lines seen last stand is not known
	begin     uint64   // hash of the stream's first line
	window    []uint64 // hashes of the last lines that came, while searching
	head      int      // so many lines that it began with are the lines seen last: those before may have been removed
}

// minHead is how many of the lines seen last a log must begin with to be known by them, if it does not hold more of them.
const minHead = 4

// MaxLast is how many of the lines seen last are remembered of a log without stamps.
const MaxLast = 16

// Newest returns when the last line was seen, in Unix nanoseconds; 0: none was.
func (u *Unstamped) Newest() int64 { return u.at }

// Started reports whether any line was seen.
func (u *Unstamped) Started() bool { return u.count > 0 }

// CaughtUp reports whether the stream came as far as was reached before.
func (u *Unstamped) CaughtUp() bool { return !u.searching && u.came >= u.count }

// Reopen tells that another stream begins, with the log's first line.
func (u *Unstamped) Reopen() { u.came, u.searching, u.window, u.head = 0, false, nil, 0 }

// Search tells that the stream which begins now may not have all lines of the log: those are repeats that come up to the lines seen last.
func (u *Unstamped) Search() {
	u.Reopen()
	u.searching = u.Started()
}

// TakeHead takes the place after the lines seen last that the log begins with, if there are enough of them. It is called at the log's end,
// where not all of them were found.
func (u *Unstamped) TakeHead() (ok bool) {
	if u.head < minHead {
		return false
	}
	u.first, u.count = u.begin, u.head
	u.Reopen()
	return true
}

// Forget tells that the log no longer holds the lines seen last: what it holds is new.
func (u *Unstamped) Forget() { *u = Unstamped{} }

// Doubt tells that the line seen last may be no line of the log: then another one may come in its place, without that being a repeat.
func (u *Unstamped) Doubt() { u.doubt = true }

// Clone returns a copy, to try a stream with.
func (u *Unstamped) Clone() *Unstamped {
	c := *u
	c.last, c.window = slices.Clone(u.last), slices.Clone(u.window)
	return &c
}

// Add says whether the line with this Hash, of stamp 0, that is seen at this time, in Unix nanoseconds, is new, and remembers it if
// so. NoOverlap: the stream does not begin as the log did that was seen.
func (u *Unstamped) Add(at int64, hash uint64) Verdict {
	if u.searching {
		u.search(hash)
		return Repeat
	}
	if u.came < u.count {
		known := u.came - (u.count - len(u.last)) // its index in last
		switch {
		case (u.came > 0 || hash == u.first) && (known < 0 || hash == u.last[known]):
			u.came++
			return Repeat
		case !u.doubt || u.came < u.count-1:
			return NoOverlap
		}
		u.count--
		u.last = u.last[:len(u.last)-1]
	}
	if u.count == 0 {
		u.first = hash
	}
	u.count++
	u.came, u.at, u.doubt = u.count, at, false
	u.last = remember(u.last, hash)
	return Fresh
}

// search takes a line up to the lines seen last.
func (u *Unstamped) search(hash uint64) {
	if u.came == 0 {
		u.begin = hash
	}
	u.came++
	u.window = remember(u.window, hash)
	if n := len(u.last) - u.came; n > 0 && slices.Equal(u.window, u.last[n:]) {
		u.head = u.came
	}
	if n := len(u.window) - len(u.last); n >= 0 && slices.Equal(u.window[n:], u.last) {
		u.first, u.count, u.searching, u.window = u.begin, u.came, false, nil
	}
}

// Ends reports whether the log ends with the lines seen last, by its last lines and how many of them came: if that is not MaxLast and one,
// for the first may be only a part of a line, they are all of the log. Otherwise it can't be known where they repeat themselves, and Ends
// reports false.
func (u *Unstamped) Ends(last []uint64, came int) bool {
	if came != MaxLast+1 {
		return came == u.count && slices.Equal(last, u.last)
	}
	for shift := 1; shift < len(last); shift++ {
		if slices.Equal(last[shift:], last[:len(last)-shift]) {
			return false
		}
	}
	return slices.Equal(last, u.last)
}

// Near reports whether one of the log's last lines may be the line seen last.
func (u *Unstamped) Near(last []uint64) bool {
	return len(u.last) > 0 && slices.Contains(last, u.last[len(u.last)-1])
}

// Tail returns hashes with one more, as Ends takes them: the last MaxLast.
func Tail(hashes []uint64, hash uint64) []uint64 { return remember(hashes, hash) }

func remember(hashes []uint64, hash uint64) []uint64 {
	if len(hashes) == MaxLast {
		copy(hashes, hashes[1:])
		hashes[MaxLast-1] = hash
		return hashes
	}
	return append(hashes, hash)
}

// SavedUnstamped is an Unstamped as it is kept between runs, in JSON.
type SavedUnstamped struct {
	First uint64 `json:"first"`
	Count int    `json:"count"`
	At    int64  `json:"at"`
	Last  []byte `json:"last"` // eight bytes each, little-endian
}

// Save returns what a later run needs to go on at this place.
func (u *Unstamped) Save() SavedUnstamped {
	s := SavedUnstamped{First: u.first, Count: u.count, At: u.at}
	for _, h := range u.last {
		s.Last = binary.LittleEndian.AppendUint64(s.Last, h)
	}
	return s
}

// Unstamped returns the place that was saved.
func (s SavedUnstamped) Unstamped() *Unstamped {
	u := &Unstamped{first: s.First, count: s.Count, at: s.At}
	for b := s.Last; len(b) >= 8; b = b[8:] {
		u.last = append(u.last, binary.LittleEndian.Uint64(b))
	}
	return u
}
