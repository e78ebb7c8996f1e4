package sim

import "slices"

// Written gives every line that all instances wrote so far, in the order of their ends, without stamps. Text that a newline
// has not ended is none. The cluster remembers what it has removed from the disk.
func (c *Container) Written() []string {
	c.pod.mu.Lock()
	logs := slices.Clone(c.logs)
	c.pod.mu.Unlock()
	var all []string
	for _, l := range logs {
		all = l.lines(all, false)
	}
	return all
}

// OnDisk gives those of Written that are still whole in files on the node: of the present instance and of the one before.
// It is empty once the pod is gone.
func (c *Container) OnDisk() []string {
	p := c.pod
	if p.c.Pod(p.namespace, p.name) != p {
		return nil
	}
	var all []string
	for _, in := range c.kept() {
		all = in.log.lines(all, true)
	}
	return all
}

// lines appends the log's whole lines to dst: all, or those on the disk.
func (l *logFile) lines(dst []string, onDisk bool) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var parts [2]string // of a line that goes on, of each stream
	var lost [2]bool    // whether a part of that line is not on the disk
	for _, f := range l.all {
		for _, p := range f.content().parts {
			for i := range p.recs {
				r, s := p.parse(i), 0
				if r.Stderr {
					s = 1
				}
				parts[s] += r.Text
				lost[s] = lost[s] || f.form == removed
				if r.Partial {
					continue
				}
				if !onDisk || !lost[s] {
					dst = append(dst, parts[s])
				}
				parts[s], lost[s] = "", false
			}
		}
	}
	return dst
}
