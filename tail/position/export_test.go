package position

// Kept returns how many lines the cursor remembers, and for how many it has room. Each takes eight bytes.
func (c *Cursor) Kept() (lines, room int) {
	return c.recent.lines(), cap(c.recent.all) + cap(c.index)
}
