package emit

import (
	"regexp"
	"slices"
)

// GrepOptions chooses lines by their text.
type GrepOptions struct {
	Include []*regexp.Regexp // a line that matches none of these is left out; empty: no line is
	Exclude []*regexp.Regexp // a line that matches any of these is left out, even beside a match

	Before, After int  // how many lines of the source before and after a match are included
	Separate      bool // write a line "--" where lines between these are left out
}

func (o *GrepOptions) includes(line []byte) bool {
	return len(o.Include) == 0 || slices.ContainsFunc(o.Include, func(re *regexp.Regexp) bool { return re.Match(line) })
}

func (o *GrepOptions) excludes(line []byte) bool {
	return slices.ContainsFunc(o.Exclude, func(re *regexp.Regexp) bool { return re.Match(line) })
}

// Grep returns f for the chosen lines. Gaps are never left out.
func Grep(o GrepOptions, f Format) Format {
	if len(o.Include) == 0 && len(o.Exclude) == 0 {
		return f
	}
	return func(src Source) Encode {
		encode := f(src)
		if o.Before == 0 && o.After == 0 {
			return func(dst []byte, r *Record) []byte {
				if r.Gap == nil && (!o.includes(r.Text()) || o.excludes(r.Text())) {
					return dst
				}
				return encode(dst, r)
			}
		}
		g := &grep{o: o, encode: encode}
		return g.next
	}
}

// grep writes the lines around a match, too.
type grep struct {
	o       GrepOptions
	encode  Encode
	before  []Record // a ring of lines that may come before a match
	at      int      // the oldest of them, once the ring is full
	after   int      // how many more lines are wanted after a match
	begun   bool     // a line was wanted
	skipped bool     // lines were left out since the last one that was wanted
}

func (g *grep) next(dst []byte, r *Record) []byte {
	switch {
	case r.Gap != nil:
		return g.encode(dst, r)
	case g.o.excludes(r.Text()):
		return dst
	case !g.o.includes(r.Text()):
		if g.after > 0 {
			g.after--
			return g.encode(dst, r)
		}
		g.keep(r)
		return dst
	}
	begin := len(dst)
	if g.skipped && g.begun && g.o.Separate {
		dst = append(dst, "--\n"...)
	}
	empty := len(dst)
	for i := range g.before {
		dst = g.encode(dst, &g.before[(g.at+i)%len(g.before)])
	}
	g.before, g.at = g.before[:0], 0
	g.begun, g.skipped, g.after = true, false, g.o.After
	if dst = g.encode(dst, r); len(dst) == empty { // the format leaves these lines out
		return dst[:begin]
	}
	return dst
}

// keep copies a line that may be wanted if a match follows.
func (g *grep) keep(r *Record) {
	if len(g.before) == g.o.Before { // the oldest line is dropped, or this one
		g.skipped = true
	}
	if g.o.Before == 0 {
		return
	}
	if n := len(g.before); n < g.o.Before {
		g.before = slices.Grow(g.before, 1)[:n+1] // grown as lines come: most sources have few
		copyRecord(&g.before[n], r)
		return
	}
	copyRecord(&g.before[g.at], r)
	g.at = (g.at + 1) % len(g.before)
}

// copyRecord copies r, which is valid during the call only, and reuses the memory of the record that was there.
func copyRecord(to, r *Record) {
	stamp, line := append(to.Stamp[:0], r.Stamp...), append(to.Line[:0], r.Line...)
	*to = *r
	to.Stamp, to.Line, to.text = stamp, line, nil
}
