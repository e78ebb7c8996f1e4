package sim

import (
	"slices"
	"strings"
	"time"
)

// nameForm is of the stamp in a rotated file's name, in the node's own time.
const nameForm = "20060102-150405"

// form is how a file lies on the disk.
type form int

const (
	plain      form = iota
	halfZipped      // plain, with the beginning of its compressed form in a .tmp beside it
	doubled         // plain, with its compressed form beside it
	zipped          // compressed only
	removed
)

// rotate begins a new file that holds the last keep records of the old one.
func (l *logFile) rotate(keep int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(keep)
	l.news()
}

// turn is rotate with mu held. It goes as rotateLog in the kubelet's container_log_manager.go: what is too much and what was
// left by halves is removed, what was rotated before is compressed, and the current file gets a name of its own.
func (l *logFile) turn(keep int) {
	old, fresh := l.file, &file{written: l.now()}
	rotated := l.rotated()
	excess := max(0, len(rotated)-max(0, l.keep-2))
	for i, f := range rotated {
		switch {
		case i < excess:
			f.form, f.zipped = removed, nil
		case f.form != zipped:
			f.form, f.packed = zipped, l.now()
		}
	}
	// A kubelet that rotates twice within one second gives the same name twice, and loses a file at the next rotation.
	at := l.now()
	for l.taken(at) {
		at = at.Add(time.Second)
	}
	l.turned, old.stamp = l.now(), l.name(at)

	old.cut = old.tail(int64(keep))
	for at := old.cut; at.block < len(old.blocks); at = (place{at.block + 1, 0}) {
		b := old.blocks[at.block]
		for i := at.rec; i < len(b.recs); i++ {
			fresh.add(b.parse(i), l.zone)
		}
	}
	fresh.from = fresh.end()
	old.next = fresh
	l.file, l.all = fresh, append(l.all, fresh)
}

// overwrite takes the last but one of the rotated files from the disk, as the last one does where both were made within a
// second.
func (l *logFile) overwrite() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.all); n > 2 {
		l.all = slices.Delete(l.all, n-3, n-2)
	}
}

// Overwrite shows the node's disk as if the last two rotations had been made within one second: a kubelet gives their files
// the same name, and the first one is lost.
func (c *Container) Overwrite() {
	if in := c.current(); in != nil {
		in.log.overwrite()
	}
}

// Empty reports whether nothing was written to the current file of the present instance, which a kubelet does not rotate then.
func (c *Container) Empty() bool {
	in := c.current()
	if in == nil {
		return true
	}
	in.log.mu.Lock()
	defer in.log.mu.Unlock()
	return len(in.log.file.blocks) == 0
}

// name is the stamp in the name of a file that was rotated at a time.
func (l *logFile) name(at time.Time) string { return at.In(l.zone).Format(nameForm) }

// taken reports whether a file was rotated in the same second; called with mu held.
func (l *logFile) taken(at time.Time) bool {
	return slices.ContainsFunc(l.all, func(f *file) bool { return f.stamp == l.name(at) })
}

// rotated are the files on the disk besides the current one, by their names, as the kubelet takes them: oldest first, unless
// the node's clock was set back. It is called with mu held.
func (l *logFile) rotated() []*file {
	onDisk := slices.DeleteFunc(slices.Clone(l.all[:len(l.all)-1]), func(f *file) bool { return f.form == removed })
	slices.SortFunc(onDisk, func(a, b *file) int { return strings.Compare(a.stamp, b.stamp) })
	return onDisk
}

// compressing leaves the newest rotated file, which alone is not compressed yet, as a kubelet does that dies meanwhile.
func (l *logFile) compressing(done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) < 2 {
		return
	}
	f := l.all[len(l.all)-2]
	if f.form, f.packed = halfZipped, l.now(); done {
		f.form = doubled
	}
}

// Compressing shows the node's disk in the middle of a rotation, or after the kubelet died there: beside the newest rotated
// file lies the beginning of its compressed form, named .tmp, or once that is done the whole of it. The next rotation tidies up.
func (c *Container) Compressing(done bool) {
	if in := c.current(); in != nil {
		in.log.compressing(done)
	}
}

// Truncate empties the current file where it lies, as an operator does whose disk is full.
func (c *Container) Truncate() {
	in := c.current()
	if in == nil {
		return
	}
	l := in.log
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := &file{written: l.now()}
	l.file.next = fresh
	l.file, l.all[len(l.all)-1] = fresh, fresh
	l.news()
}
