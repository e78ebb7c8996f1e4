package sim

import (
	"bytes"
	"sync"
	"time"
)

// stampForm is how the kubelet writes a stamp: nine digits, and the node's offset.
const stampForm = "2006-01-02T15:04:05.000000000Z07:00"

const (
	blockSize  = 64 << 10 // bytes after which a new block is begun
	maxPartial = 16 << 10 // bytes after which the runtime splits a line into partial records
)

// Record is one record of a log file, as the container runtime writes it.
type Record struct {
	Stamp   time.Time
	Stderr  bool
	Partial bool   // the line goes on in the next record
	Text    string // without a newline
}

// Block is a piece of a log that is rendered once and may be in the logs of many containers; see Prerender.
type Block struct {
	buf  []byte // of each record: stamp, space, text, newline unless partial
	recs []rec
	min  int64 // the least stamp
	size int64 // bytes in the runtime's form, see appendCRI
	torn bool  // has partial records, so that buf is not what a reader gets
}

// rec is where a record begins and what can be asked of it without parsing.
type rec struct {
	ns    int64
	off   uint32
	flags uint8
}

const (
	isStderr  = 1
	isPartial = 2
)

// Prerender makes a block of n lines, stamped from start in steps of step. Up to 4 GiB.
func Prerender(n int, start time.Time, step time.Duration, line func(i int) string) *Block {
	b := &Block{}
	for i := range n {
		b.add(Record{Stamp: start.Add(time.Duration(i) * step), Text: line(i)}, time.UTC)
	}
	return b
}

func (b *Block) add(r Record, zone *time.Location) {
	e := rec{ns: r.Stamp.UnixNano(), off: uint32(len(b.buf))}
	if len(b.recs) == 0 || e.ns < b.min {
		b.min = e.ns
	}
	b.buf = r.Stamp.In(zone).AppendFormat(b.buf, stampForm)
	b.buf = append(b.buf, ' ')
	b.buf = append(b.buf, r.Text...)
	if r.Stderr {
		e.flags |= isStderr
	}
	if r.Partial {
		e.flags |= isPartial
		b.torn = true
	} else {
		b.buf = append(b.buf, '\n')
	}
	b.recs = append(b.recs, e)
	b.size += b.sizeCRI(len(b.recs) - 1)
}

// record gives the i-th record's bytes, from its stamp on.
func (b *Block) record(i int) []byte {
	end := len(b.buf)
	if i+1 < len(b.recs) {
		end = int(b.recs[i+1].off)
	}
	return b.buf[b.recs[i].off:end]
}

// logFile is the log of one container instance: the current file and the ones before it, on the disk or not.
type logFile struct {
	zone    *time.Location
	now     func() time.Time
	max     int    // bytes of a file after which it is rotated; 0 for never
	keep    int    // files that are kept, the current one too
	skip    bool   // followers of older files jump to the newest
	settled func() // called when a follower has caught up

	mu        sync.Mutex
	file      *file
	all       []*file // every file so far, in order; the last is the current one
	turned    time.Time
	closed    bool // the container has ended; nothing more is written
	wake      chan struct{}
	followers int
	idle      int // of them, how many have been sent everything
	epoch     int // of idle: counts what was written
}

// file is what lies under the log's name until it is rotated.
type file struct {
	blocks []*Block // all but the last are full
	shared bool     // the last block is others' too
	size   int64    // without shared blocks
	next   *file    // the file after rotation
	from   place    // where a follower of the file before goes on in this one

	form    form
	stamp   string    // in the name, once rotated
	cut     place     // once rotated: what lies behind was moved to the file after
	written time.Time // last
	packed  time.Time // when it was compressed
	zipped  []byte    // once asked for
}

// place is a position in a file: a block, and a record of it.
type place struct{ block, rec int }

func newLogFile(o Options, now func() time.Time, settled func()) *logFile {
	f := &file{written: now()}
	return &logFile{zone: o.Zone, now: now, max: o.MaxLog, keep: o.MaxLogFiles, skip: o.SkipRotated, settled: settled,
		file: f, all: []*file{f}, turned: f.written, wake: make(chan struct{})}
}

// append writes records; false once the log is closed.
func (l *logFile) append(rs ...Record) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	for _, r := range rs {
		l.file.add(r, l.zone)
		l.file.written = l.now()
		if l.max > 0 && l.file.size >= int64(l.max) && !r.Partial {
			l.turn(0)
		}
	}
	l.news()
	return true
}

func (f *file) add(r Record, zone *time.Location) {
	n := len(f.blocks)
	if n == 0 || f.shared || len(f.blocks[n-1].buf) >= blockSize {
		f.blocks = append(f.blocks, &Block{})
		f.shared, n = false, n+1
	}
	b := f.blocks[n-1]
	before := b.size
	b.add(r, zone)
	f.size += b.size - before
}

// fill adds a shared block.
func (l *logFile) fill(b *Block) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.file.blocks = append(l.file.blocks, b)
	l.file.shared = true
	l.file.written = l.now()
	l.news()
}

// news wakes the followers; called with mu held.
func (l *logFile) news() {
	l.idle = 0
	l.epoch++
	close(l.wake)
	l.wake = make(chan struct{})
}

// close ends the log: followers end when they have read everything.
func (l *logFile) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		l.news()
	}
}

// parse gives back the i-th record as it was written.
func (b *Block) parse(i int) Record {
	e := b.recs[i]
	_, text, _ := bytes.Cut(b.record(i), []byte(" "))
	r := Record{Stamp: time.Unix(0, e.ns), Stderr: e.flags&isStderr != 0, Partial: e.flags&isPartial != 0, Text: string(text)}
	if !r.Partial {
		r.Text = r.Text[:len(r.Text)-1]
	}
	return r
}

// tail is where the last n records begin. The kubelet counts records too, not lines.
func (f *file) tail(n int64) place {
	for i := len(f.blocks) - 1; i >= 0; i-- {
		if m := int64(len(f.blocks[i].recs)); n <= m {
			return place{i, int(m - n)}
		} else {
			n -= m
		}
	}
	return place{}
}

func (f *file) end() place {
	if n := len(f.blocks); n > 0 {
		return place{n - 1, len(f.blocks[n-1].recs)}
	}
	return place{}
}

// cursor is a reader's position.
type cursor struct {
	f  *file
	at place
}

// open gives a reader's start: the last tail records of the current file, all if negative.
func (l *logFile) open(tail int64, follow bool) cursor {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := cursor{f: l.file}
	if tail >= 0 {
		c.at = c.f.tail(tail)
	}
	if follow {
		l.followers++
	}
	return c
}

// leave ends what open began for a follower; waiting is what read gave last.
func (l *logFile) leave(idle bool, epoch int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followers--
	if idle && epoch == l.epoch {
		l.idle--
	}
}

// view is a run of records of one block that a reader takes at once. The slices are never written again.
type view struct {
	Block
	from int // the first record to take
}

// read gives what lies at the cursor and moves it on. An empty view means the end: of everything if wait is nil, else what
// there is so far; then a follower counts as idle until wait is closed, in epoch.
func (l *logFile) read(c *cursor, follow bool) (v view, wait <-chan struct{}, epoch int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for c.at.block < len(c.f.blocks) {
			b := c.f.blocks[c.at.block]
			if c.at.rec < len(b.recs) {
				v = view{*b, c.at.rec}
				c.at.rec = len(b.recs)
				return v, nil, 0
			}
			if c.at.block == len(c.f.blocks)-1 {
				break
			}
			c.at = place{c.at.block + 1, 0}
		}
		if !follow {
			return view{}, nil, 0
		}
		next := c.f.next
		if next == nil {
			break
		}
		if l.skip {
			next = l.file
		}
		c.f, c.at = next, next.from
	}
	if l.closed {
		return view{}, nil, 0
	}
	l.idle++
	l.settled()
	return view{}, l.wake, l.epoch
}

// caughtUp reports whether at least n followers are there and all have been sent everything.
func (l *logFile) caughtUp(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.followers >= n && l.idle == l.followers
}
