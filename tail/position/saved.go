package position

import "encoding/binary"

// Saved is a cursor as it is kept between runs, in JSON. Its fields are those of Cursor.
type Saved struct {
	First   int64         `json:"first,omitempty"`
	Newest  int64         `json:"newest,omitempty"`
	Last    uint64        `json:"last,omitempty"`
	LastAt  int64         `json:"lastAt,omitempty"`
	Part    bool          `json:"partial,omitempty"`
	Clipped bool          `json:"clipped,omitempty"`
	GivenUp bool          `json:"givenUp,omitempty"`
	Loose   bool          `json:"loose,omitempty"`
	Rests   Rests         `json:"ends,omitempty"`
	Torn    bool          `json:"torn,omitempty"`
	Seconds []SavedSecond `json:"seconds,omitempty"`
	Older   *Saved        `json:"older,omitempty"`
}

// SavedSecond is a number of lines in a row that were stamped in one second, as it is kept between runs.
type SavedSecond struct {
	Unix   int64  `json:"unix"`
	Hashes []byte `json:"hashes"` // eight bytes each, little-endian
}

// Save returns what a later run needs to go on at this place.
func (c *Cursor) Save() Saved {
	s := c.saved(nil)
	if c.older != nil {
		older := c.older.SavePending()
		s.Older = &older
	}
	return s
}

// SavePending is Save of a cursor that is beside another (see Beside): it holds only the lines that may still be repeated.
func (c *Cursor) SavePending() Saved { return c.saved(c.repeated()) }

// saved leaves out each line as often as without says.
func (c *Cursor) saved(without map[uint64]int) Saved {
	s := Saved{First: c.first, Newest: c.newest, Last: c.last, LastAt: c.lastAt, Part: c.part, Clipped: c.clipped, GivenUp: c.givenUp, Loose: c.loose, Rests: c.rests, Torn: c.torn}
	left := c.recent.hashes()
	for _, r := range c.recent.runs {
		hashes := make([]byte, 0, 8*r.lines)
		for _, h := range left[:r.lines] {
			if without[h] > 0 {
				without[h]--
				continue
			}
			hashes = binary.LittleEndian.AppendUint64(hashes, h)
		}
		s.Seconds = append(s.Seconds, SavedSecond{r.unix, hashes})
		left = left[r.lines:]
	}
	return s
}

// Cursor returns the cursor that was saved.
func (s Saved) Cursor() *Cursor {
	c := &Cursor{first: s.First, newest: s.Newest, last: s.Last, lastAt: s.LastAt, part: s.Part, clipped: s.Clipped, givenUp: s.GivenUp, loose: s.Loose, rests: s.Rests, torn: s.Torn}
	for _, saved := range s.Seconds {
		r := run{unix: saved.Unix, lines: len(saved.Hashes) / 8}
		for b := saved.Hashes; len(b) >= 8; b = b[8:] {
			c.recent.all = append(c.recent.all, binary.LittleEndian.Uint64(b))
		}
		c.recent.runs = append(c.recent.runs, r)
	}
	if s.Older != nil {
		c.Beside(s.Older.Cursor())
	}
	return c
}
