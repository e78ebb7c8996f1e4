package emit

import (
	"regexp"
	"slices"
	"sync/atomic"
)

// GrepOptions chooses lines by their text.
type GrepOptions struct {
	Include []*regexp.Regexp // a line that matches none of these is left out; empty: no line is
	Exclude []*regexp.Regexp // a line that matches any of these is left out, even beside a match

	Before, After int  // how many lines of the source before and after a match are included
	Separate      bool // write a line "--" where lines between these are left out

	// Cut is called, once for a source, when fewer lines than Before are written before a match because more would take too much
	// memory. Many goroutines may call it. nil: nobody wants to know.
	Cut func(src Source, written int)
}

func (o *GrepOptions) includes(line []byte) bool {
	return len(o.Include) == 0 || slices.ContainsFunc(o.Include, func(re *regexp.Regexp) bool { return re.Match(line) })
}

func (o *GrepOptions) excludes(line []byte) bool {
	return slices.ContainsFunc(o.Exclude, func(re *regexp.Regexp) bool { return re.Match(line) })
}

// Grep returns f for the chosen lines. Gaps are never left out: one is shown with the lines before it, like a match, as they come
// before it.
func Grep(o GrepOptions, f Format) Format {
	if len(o.Include) == 0 && len(o.Exclude) == 0 {
		return f
	}
	total := new(atomic.Int64)
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
		g := &grep{o: o, src: src, encode: encode, before: contextLines{most: o.Before, total: total}}
		src.onEnd(g.before.free)
		return g.next
	}
}

// grep writes the lines around a match, too.
type grep struct {
	o       GrepOptions
	src     Source
	encode  Encode
	before  contextLines // that may come before a match
	after   int          // how many more lines are wanted after a match
	begun   bool         // a line was wanted
	skipped bool         // lines were left out since the last one that was wanted
	cut     bool         // o.Cut was called
}

func (g *grep) next(dst []byte, r *Record) []byte {
	switch {
	case r.Gap != nil:
		return g.match(dst, r)
	case g.o.excludes(r.Text()):
		return dst
	case !g.o.includes(r.Text()):
		if g.after > 0 {
			g.after--
			return g.encode(dst, r)
		}
		if g.o.Before == 0 || g.before.add(r) {
			g.skipped = true
		}
		return dst
	}
	g.after = g.o.After
	return g.match(dst, r)
}

// match writes a record with the lines before it.
func (g *grep) match(dst []byte, r *Record) []byte {
	begin := len(dst)
	if g.skipped && g.begun && g.o.Separate {
		dst = append(dst, "--\n"...)
	}
	empty := len(dst)
	if g.before.overfull && !g.cut && g.o.Cut != nil {
		g.cut = true
		g.o.Cut(g.src, g.before.n)
	}
	g.before.each(func(r *Record) { dst = g.encode(dst, r) })
	g.before.clear()
	g.begun, g.skipped = true, false
	if dst = g.encode(dst, r); len(dst) == empty { // the format leaves these lines out
		return dst[:begin]
	}
	return dst
}
