package position

// Kept returns how many lines the cursor remembers, and for how many it has room. Each takes eight bytes.
func (c *Cursor) Kept() (lines, room int) {
	for _, s := range c.seconds {
		lines += len(s.hashes)
		room += cap(s.hashes)
	}
	return lines, room
}
