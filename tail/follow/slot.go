package follow

// vacate gives the follower's stream to others, if it has one.
func (f *Follower) vacate() {
	if f.placed {
		f.placed, f.kept = false, false
		f.c.exit()
	}
}
