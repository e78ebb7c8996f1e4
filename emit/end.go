package emit

// onEnd has the stream of the source call free when it ends, so that an Encode which is referred to afterwards keeps no memory.
func (s Source) onEnd(free func()) {
	if s.ended != nil {
		*s.ended = append(*s.ended, free)
	}
}

// End is Flush when nothing more is expected of the source: what its format keeps for later records is dropped. A gap may be added
// even so.
func (s *Stream) End() error {
	if s.held != nil {
		s.endHeld()
	}
	for _, free := range s.ended {
		free()
	}
	if !s.over {
		s.over = true
		s.out.open.Add(-1)
	}
	return s.Flush()
}
