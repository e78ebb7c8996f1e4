// Package position keeps the exact place that was reached in the log of a container's instance, although the log API can
// only be asked for whole seconds or numbers of lines, and lines carry no numbers. It knows nothing of Kubernetes but its stamps.
//
// A log may be read over many streams. Call Reopen before each but the first, and pass each line's stamp and Hash to Add, in the
// order in which they come: Add says which lines are new. A Cursor is not safe for use by several goroutines.
package position

import (
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
)

const (
	// Slack is how far stamps may step back within a log: stdout and stderr are stamped by two goroutines of the runtime. For as long a
	// line may come that is earlier than --until-time, too.
	Slack = 2 * time.Second
	// MaxHashes bounds how many lines are remembered: half a MiB.
	MaxHashes = 1 << 16
	// minHashes is how many lines are remembered however old they are.
	minHashes = 16
)

// Cursor is the place that was reached in one log, exact to the line. It remembers the lines that were seen last, in their order, and
// drops from a reopened stream exactly those, each as often as it was seen. A log is only ever appended to, so whatever comes before
// the first remembered line was seen too, and whatever comes after the line seen last is new: stamps decide nothing, and the node's
// clock may step in any direction. On a live stream nothing is compared. The zero value is the beginning of a log.
//
// It takes eight bytes for each line of the last three seconds or so, but at most for MaxHashes.
type Cursor struct {
	first   int64   // stamp of the first line seen, or of the first one after the node's clock was set back
	newest  int64   // greatest stamp seen; smaller after the node's clock was set back
	last    uint64  // hash of the line seen last
	lastAt  int64   // its stamp
	recent  window  // what was seen last
	part    bool    // the log has, or had, lines before those in recent
	clipped bool    // those that come right before may be equal to some in recent: a reopened stream may bring them as new
	givenUp bool    // lines with the stamp of the line seen last are not new, and those after them are; see GiveUpStamp
	loose   bool    // what was seen last may be in another log than the one that is opened next
	rests   Rests   // ends of the line seen last with which the log may begin; see Torn
	torn    bool    // the line seen last is the rest of the one before it, and the log has either; see AddRest
	older   *Cursor // of another instance, whose lines this one's log may hold; see Beside
	shared  bool    // the log did hold some of them

	// Of a stream that was opened again.
	begins    bool     // no line has come yet
	cut       bool     // the first one may not be the log's first
	replaying bool     // it may still repeat lines
	overlap   bool     // it has repeated one
	expecting bool     // it must do so before it brings a new one
	amid      bool     // it began with a line that has the stamp of the line seen last
	passing   bool     // what comes before that is passed over
	lasts     int      // how often it must still repeat the line seen last; then all is new
	until     int64    // stamps beyond it are no repeats
	index     []uint64 // the hashes in recent, sorted
	came      []uint64 // a bit for each of them: was repeated
}

// Verdict is what Add says of a line.
type Verdict int

const (
	Fresh     Verdict = iota // was not seen before
	Repeat                   // was
	NoOverlap                // is not remembered, nor is any that came before it; the cursor has not taken it
)

// Next returns the cursor for the instance after c's. The new log may hold lines that c has seen: the kubelet knows of a
// restart before the API does. c is used up by it.
func (c *Cursor) Next() *Cursor {
	if !c.Started() {
		return &Cursor{older: c.older}
	}
	c.older = nil
	c.Reopen(false)
	return &Cursor{older: c}
}

// At makes the cursor of a log of which one line was seen, at this time, in Unix nanoseconds.
func At(ns int64) *Cursor { return &Cursor{first: ns, newest: ns} }

// First returns the stamp of the first line seen, in Unix nanoseconds, or of the first one after the node's clock was set back; 0: none was.
func (c *Cursor) First() int64 { return c.first }

// Newest returns the greatest stamp seen, in Unix nanoseconds; a smaller one after the node's clock was set back.
func (c *Cursor) Newest() int64 { return c.newest }

// Last returns the hash of the line seen last.
func (c *Cursor) Last() uint64 { return c.last }

// Overlap reports whether the reopened stream has repeated a line that was seen.
func (c *Cursor) Overlap() bool { return c.overlap }

// Shared reports whether the log held lines that were seen as those of the instance beside; see Beside.
func (c *Cursor) Shared() bool { return c.shared }

// Beside tells the cursor that its log may hold lines that were seen as those of another instance. They are repeats,
// each as often as the other's cursor, which is reopened and used up by that, holds it.
func (c *Cursor) Beside(other *Cursor) {
	other.Reopen(false)
	c.older = other
}

// Started reports whether any line was seen.
func (c *Cursor) Started() bool { return c.first != 0 }

// Lines returns how many lines are remembered: if fewer were written since, the last so many of the log begin with one of them.
// whole reports that the log had no others before them: it may as well be asked for as a whole.
func (c *Cursor) Lines() (n int, whole bool) { return c.recent.lines(), !c.part }

// Clip tells the cursor that its first stream leaves out what comes before the last lines, or a time.
func (c *Cursor) Clip() { c.part, c.clipped = true, true }

// Clipped reports whether the lines that are remembered may begin amid equal ones: a stream that brings more than those does not tell them apart.
func (c *Cursor) Clipped() bool { return c.clipped }

// Knows reports whether a line with this hash is remembered.
func (c *Cursor) Knows(hash uint64) bool { return slices.Contains(c.recent.hashes(), hash) }

// EndsWith reports whether a log ends with the line seen last, by its last line's stamp and hash. That another one is remembered proves nothing:
// a later one may be equal.
func (c *Cursor) EndsWith(stamp int64, hash uint64) bool {
	return hash == c.last || c.torn && hash == c.recent.lastButOne() || c.givenUp && stamp == c.lastAt
}

// Twice reports whether several lines with this hash are remembered.
func (c *Cursor) Twice(hash uint64) bool {
	all := c.recent.hashes()
	i := slices.Index(all, hash)
	return i >= 0 && slices.Contains(all[i+1:], hash)
}

// Since returns the time from which a log is to be asked for, in whole seconds, so that it begins before the line seen last. Lines
// that were written after the node's clock was set back may be earlier.
func (c *Cursor) Since() time.Time {
	return time.Unix(0, c.newest-int64(Slack)).Truncate(time.Second)
}

// Reopen tells the cursor that another stream of the same log begins: with its first line or, with cut, perhaps with a later one. Unless
// that brings a remembered line first, Add says NoOverlap.
func (c *Cursor) Reopen(cut bool) {
	c.forget()
	c.index = append(c.index[:0], c.recent.hashes()...)
	slices.Sort(c.index)
	c.came = make([]uint64, (len(c.index)+63)/64)
	c.lasts = 0
	if from, found := slices.BinarySearch(c.index, c.last); found {
		for c.lasts < len(c.index)-from && c.index[from+c.lasts] == c.last {
			c.lasts++
		}
	}
	c.begins, c.cut, c.replaying, c.overlap, c.expecting, c.amid, c.passing = true, cut, true, false, !c.loose, false, false
	c.until = max(c.newest, c.recent.latest()) + int64(Slack)
}

// forget forgets the lines before Since, and those from before the node's clock was set back, as far as no others came before them.
func (c *Cursor) forget() {
	if c.recent.forget(c.Since().Unix(), (c.newest+int64(Slack))/int64(time.Second)) {
		c.part, c.clipped = true, false // all lines of a second are forgotten, or none
	}
}

// Pass tells the cursor, after Reopen, that what comes before the first remembered line is to be passed over: it was seen, if such a
// line follows. If none does (see Overlap), nothing of what was read last is in the log, and the lines that were passed over are new.
func (c *Cursor) Pass() { c.passing = c.expecting }

// ExpectNone tells the cursor, after Reopen, that this stream need not bring a remembered line before a new one: the log held nothing just
// before.
func (c *Cursor) ExpectNone() { c.expecting, c.passing = false, false }

// Loosen tells the cursor that what was seen last need not come again before a new line does: it was lost to rotation, or
// is in another log.
func (c *Cursor) Loosen() {
	c.loose = true
	c.ExpectNone()
}

// Fasten takes Loosen back, but not Skip: the line seen last is in the log.
func (c *Cursor) Fasten() { c.loose = c.recent.lines() == 0 && !c.givenUp }

// Skip is Loosen where lines of the log are given up: none of those that come before the next line is new then.
func (c *Cursor) Skip() {
	c.recent, c.part = window{}, true
	c.Loosen()
}

// Amid reports whether the reopened stream is of no use, as its first line has the stamp of the line seen last: it may be one that was seen, or a
// later one that is equal.
func (c *Cursor) Amid() bool { return c.amid }

// BeginStamp tells the cursor, after Add has found it Amid, that no line before the stream's first one has that stamp. Then Add is called again.
func (c *Cursor) BeginStamp() { c.amid = false }

// LastAt returns the stamp of the line seen last.
func (c *Cursor) LastAt() int64 { return c.lastAt }

// GiveUpStamp gives up what was not seen of the lines with the stamp of the line seen last, which can't be told from those that were seen. What
// comes after them is new.
func (c *Cursor) GiveUpStamp() {
	c.recent, c.part, c.givenUp, c.loose, c.rests, c.torn = window{}, true, true, false, nil, false
}

// AddRest tells the cursor that a file begins with the rest of the line seen last. The log API serves it as a line of its own, once that
// file is the current one.
func (c *Cursor) AddRest(stamp int64, hash uint64) {
	c.Add(stamp, hash)
	c.torn = true
}

// Rest is an end of a line that may be a line of its own in another file of the log.
type Rest struct {
	Hash uint64 `json:"hash"` // with stamp 0
	At   int64  `json:"at"`   // about when it was written, as its node stamps it, in Unix nanoseconds

	Later bool `json:"later,omitempty"` // or later, as the stream was opened after the line had begun
}

// Rests are the ends of one line.
type Rests []Rest

// restSlack is how far the stamp of a rest may be from the time when it was written, as far as that is known: that it takes longer to
// arrive than the line's beginning did counts, too.
const restSlack = time.Second

// Torn tells the cursor that the line seen last may lie in two files of the log: rotation may have come before one of these ends of it.
// If a reopened stream has the log's first line, and that is such an end, of about that time, it is a repeat. One of another time is that
// of another line: a kubelet that is behind puts it behind the beginning of this one, and leaves out what lies between.
func (c *Cursor) Torn(rests Rests) { c.rests = slices.Clone(rests) }

// Rests returns the ends of the line seen last with which the log may begin; see Torn. They are not changed later.
func (c *Cursor) Rests() Rests { return c.rests }

// Contain reports whether a line with this stamp and hash is one of the ends.
func (rs Rests) Contain(stamp int64, hash uint64) bool {
	return slices.ContainsFunc(rs, func(r Rest) bool {
		off := time.Duration(stamp - r.At)
		return r.Hash == hash-stamped(stamp) && off > -restSlack && (off < restSlack || r.Later)
	})
}

// Loose reports whether what was seen last need not come again.
func (c *Cursor) Loose() bool { return c.loose }

// NoOverlap reports whether a reopened stream has not repeated anything yet of what was seen last.
func (c *Cursor) NoOverlap() bool { return c.replaying && c.expecting }

// Add says whether the line with this stamp, in Unix nanoseconds, and this Hash is new, and remembers it if so.
func (c *Cursor) Add(stamp int64, hash uint64) Verdict {
	if c.replaying {
		begins := c.begins
		c.begins = false
		switch {
		case c.givenUp && stamp == c.lastAt:
			c.overlap, c.expecting, c.passing = true, false, false
			return Repeat
		case c.givenUp && c.overlap && stamp >= c.lastAt-int64(Slack) && stamp <= min(c.newest, c.lastAt+int64(Slack)): // stamps step back
			return Repeat
		case c.givenUp && c.overlap:
			c.settle()
		case begins && c.cut && c.expecting && stamp == c.lastAt: // it may be a later one of several equal lines
			c.amid, c.passing = true, false
			return NoOverlap
		case c.again(hash):
			if begins && !c.cut {
				c.part = false // no others come before it
			}
			c.overlap, c.expecting, c.passing = true, false, false
			if hash == c.last || c.torn && hash == c.recent.lastButOne() {
				if c.lasts--; c.lasts <= 0 {
					c.settle()
					c.loose = false // it is in this log
				}
			}
			return Repeat
		case begins && !c.cut && c.expecting && c.rests.Contain(stamp, hash):
			c.overlap, c.part = true, false
			c.settle()
			c.AddRest(stamp, hash)
			return Repeat
		case c.passing:
			return Repeat
		case c.expecting:
			return NoOverlap
		case stamp > c.until:
			c.settle()
		}
	}
	v := Fresh
	if c.older != nil {
		switch {
		case c.older.again(hash):
			v, c.shared = Repeat, true
		case stamp > c.older.until:
			c.older = nil
		}
	}
	if !c.Started() {
		c.first = stamp
	}
	unix, was := stamp/int64(time.Second), c.newest
	same := c.recent.endsIn(unix) // then the cursor's second is the same, too, unless the clock was set back
	switch {
	case stamp > was:
		c.newest = stamp
	case !c.replaying && stamp < was-int64(Slack):
		c.first, c.newest, same = stamp, stamp, false // the clock was set back; from here on it counts
	}
	if !same {
		if c.newest/int64(time.Second) != was/int64(time.Second) {
			c.forget()
		}
		if !c.recent.endsIn(unix) {
			c.recent.begin(unix)
		}
	}
	if c.recent.add(hash) {
		c.part, c.clipped = true, true
	}
	c.last, c.lastAt, c.givenUp, c.loose, c.expecting, c.rests, c.torn = hash, stamp, false, false, false, nil, false
	return v
}

// Hash returns what a cursor knows a line by: its stamp in Unix nanoseconds, its text, and how many bytes were cut from the
// text's end. It is the same on every machine.
func Hash(stamp int64, text []byte, cut int) uint64 {
	return xxhash.Sum64(text) + stamped(stamp) + uint64(cut)
}

// stamped is the stamp's part of a hash.
func stamped(stamp int64) uint64 { return uint64(stamp) * 0x9e3779b97f4a7c15 }

// again reports whether the line is one that the reopened stream may repeat, and has not yet.
func (c *Cursor) again(hash uint64) bool {
	i, _ := slices.BinarySearch(c.index, hash)
	for ; i < len(c.index) && c.index[i] == hash; i++ {
		if bit := uint64(1) << (i % 64); c.came[i/64]&bit == 0 {
			c.came[i/64] |= bit
			return true
		}
	}
	return false
}

// repeated returns how often each of the remembered lines was repeated, by hash.
func (c *Cursor) repeated() map[uint64]int {
	times := make(map[uint64]int)
	for i, hash := range c.index {
		if c.came[i/64]&(1<<(i%64)) != 0 {
			times[hash]++
		}
	}
	return times
}

// settle ends the comparing: what comes now can't be a repeat.
func (c *Cursor) settle() {
	c.replaying = false
	c.index, c.came = nil, nil
}

// CaughtUp reports whether the stream came as far as was reached before: a stream that ends earlier was cut short.
func (c *Cursor) CaughtUp() bool { return c.Started() && (!c.replaying || c.givenUp && c.overlap) }
