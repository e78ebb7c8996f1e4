package position

import "encoding/binary"

// Saved is a cursor as it is kept between runs, in JSON. Its fields are those of Cursor.
type Saved struct {
	First   int64         `json:"first,omitempty"`
	Newest  int64         `json:"newest,omitempty"`
	Last    uint64        `json:"last,omitempty"`
	Partial bool          `json:"partial,omitempty"`
	Cutoff  int64         `json:"cutoff,omitempty"`
	Loose   bool          `json:"loose,omitempty"`
	Seconds []SavedSecond `json:"seconds,omitempty"`
	Older   *Saved        `json:"older,omitempty"`
}

// SavedSecond is what is kept of one second, as it is kept between runs.
type SavedSecond struct {
	Unix   int64  `json:"unix"`
	Hashes []byte `json:"hashes"` // eight bytes each, little-endian
	More   int    `json:"more,omitempty"`
}

// Save returns what a later run needs to go on at this place.
func (c *Cursor) Save() Saved {
	s := c.saved(false)
	if c.older != nil {
		older := c.older.SavePending()
		s.Older = &older
	}
	return s
}

// SavePending is Save of a cursor that is beside another (see Beside): it holds only the lines that may still be repeated.
func (c *Cursor) SavePending() Saved { return c.saved(true) }

func (c *Cursor) saved(pending bool) Saved {
	s := Saved{First: c.first, Newest: c.newest, Last: c.last, Partial: c.partial, Cutoff: c.cutoff, Loose: c.loose}
	for i := range c.seconds {
		second := &c.seconds[i]
		hashes := make([]byte, 0, 8*len(second.hashes))
		for k, h := range second.hashes {
			if !pending || second.pending(k) {
				hashes = binary.LittleEndian.AppendUint64(hashes, h)
			}
		}
		more := second.more
		if pending {
			more = second.excess
		}
		s.Seconds = append(s.Seconds, SavedSecond{second.unix, hashes, more})
	}
	return s
}

// Cursor returns the cursor that was saved.
func (s Saved) Cursor() *Cursor {
	c := &Cursor{first: s.First, newest: s.Newest, last: s.Last, partial: s.Partial, cutoff: s.Cutoff, loose: s.Loose}
	for _, saved := range s.Seconds {
		hashes := make([]uint64, 0, len(saved.Hashes)/8)
		for b := saved.Hashes; len(b) >= 8; b = b[8:] {
			hashes = append(hashes, binary.LittleEndian.Uint64(b))
		}
		c.seconds = append(c.seconds, second{unix: saved.Unix, hashes: hashes, more: saved.More})
	}
	if s.Older != nil {
		c.Beside(s.Older.Cursor())
	}
	return c
}
