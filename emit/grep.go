package emit

import (
	"regexp"
	"slices"
)

// GrepOptions chooses lines by their text.
type GrepOptions struct {
	Include []*regexp.Regexp // a line that matches none is left out; empty: all are wanted
	Exclude []*regexp.Regexp // a line that matches any is left out, also as one beside a match

	Before, After int  // so many lines of the same source before and after one that matches come, too
	Separate      bool // a line "--" stands where lines are left out between those
}

func (o *GrepOptions) includes(line []byte) bool {
	return len(o.Include) == 0 || slices.ContainsFunc(o.Include, func(re *regexp.Regexp) bool { return re.Match(line) })
}

func (o *GrepOptions) excludes(line []byte) bool {
	return slices.ContainsFunc(o.Exclude, func(re *regexp.Regexp) bool { return re.Match(line) })
}

// Grep is f for the chosen lines. Gaps always come.
func Grep(o GrepOptions, f Format) Format {
	if len(o.Include) == 0 && len(o.Exclude) == 0 {
		return f
	}
	return func(src Source) Encode {
		encode := f(src)
		if o.Before == 0 && o.After == 0 {
			return func(dst []byte, r Record) []byte {
				if r.Gap == nil && (!o.includes(r.Line) || o.excludes(r.Line)) {
					return dst
				}
				return encode(dst, r)
			}
		}
		g := &grep{o: o, encode: encode}
		return g.next
	}
}

// grep shows lines beside those that match.
type grep struct {
	o       GrepOptions
	encode  Encode
	before  []Record // a ring of lines that may be wanted
	at      int      // the oldest of them, once the ring is full
	after   int      // so many lines are wanted yet
	begun   bool     // a line was wanted
	skipped bool     // since the last that was, others were not
}

func (g *grep) next(dst []byte, r Record) []byte {
	switch {
	case r.Gap != nil:
		return g.encode(dst, r)
	case g.o.excludes(r.Line):
		return dst
	case !g.o.includes(r.Line):
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
		dst = g.encode(dst, g.before[(g.at+i)%len(g.before)])
	}
	g.before, g.at = g.before[:0], 0
	g.begun, g.skipped, g.after = true, false, g.o.After
	if dst = g.encode(dst, r); len(dst) == empty { // nothing comes of these lines
		return dst[:begin]
	}
	return dst
}

// keep remembers a line that is not wanted now.
func (g *grep) keep(r Record) {
	if len(g.before) == g.o.Before { // one is let go, or this one
		g.skipped = true
	}
	if g.o.Before == 0 {
		return
	}
	if n := len(g.before); n < g.o.Before {
		g.before = slices.Grow(g.before, 1)[:n+1] // as far as there are lines: most sources have few
		copyRecord(&g.before[n], r)
		return
	}
	copyRecord(&g.before[g.at], r)
	g.at = (g.at + 1) % len(g.before)
}

// copyRecord makes a copy that outlives r, in the memory of the record that stood there.
func copyRecord(to *Record, r Record) {
	stamp, line := append(to.Stamp[:0], r.Stamp...), append(to.Line[:0], r.Line...)
	*to = r
	to.Stamp, to.Line = stamp, line
}
