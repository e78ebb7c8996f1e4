package emit

import (
	"bytes"
	"regexp"
	"unicode/utf8"
)

// TextOptions are the options of text for people.
type TextOptions struct {
	Color      bool // colour the prefix, and let the application's own colour sequences through
	Timestamps Timestamps
	Highlight  []*regexp.Regexp // with Color: highlight what matches in lines
	Prefix     *Prefix          // nil: all names
	Colors     *Colors          // nil: those of the default palette

	Terminal bool // of a line that was written over, as by a progress bar, show the last state
	Pretty   bool // show the lines of loggers as time, level, message and key=value; other lines stay as they are
}

// Text is the format for people: the names of the source, as Prefix chooses them, before the line. Control characters of the line are
// escaped, so that a log cannot steer the terminal. A carriage return at the end of the line is left out.
func Text(o TextOptions) Format {
	if o.Prefix == nil {
		o.Prefix = NewPrefix(PrefixFull)
	}
	if o.Colors == nil {
		o.Colors = NewColors(Palette{})
	}
	return func(src Source) Encode {
		prefix := o.Prefix.of(src, o.Color, o.Colors)
		var logger *pretty
		if o.Pretty {
			logger = &pretty{o: &o}
		}
		return func(dst []byte, r *Record) []byte {
			dst = append(dst, prefix.bytes()...)
			if r.Gap != nil {
				return r.Gap.appendText(dst)
			}
			line := r.Line
			if !r.Joined {
				line = o.shown(line)
			}
			begin, shown := len(dst), false
			if dst = o.Timestamps.append(dst, r.Stamp); logger != nil {
				dst, shown = logger.append(dst, line)
			}
			switch {
			case shown:
			case r.Joined:
				dst = o.appendJoined(dst, prefix.head, len(dst)-begin, r)
			default:
				dst = o.appendLine(dst, line)
			}
			if r.Truncated {
				dst = append(dst, "…"...)
			}
			return append(dst, '\n')
		}
	}
}

// shown returns what of a line is shown.
func (o *TextOptions) shown(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if o.Terminal {
		line = lastState(line, o.Color)
	}
	return line
}

// appendJoined appends each of the lines of a record, the further ones behind head and as many spaces as the time takes.
func (o *TextOptions) appendJoined(dst, head []byte, indent int, r *Record) []byte {
	first := true
	for line := range bytes.SplitSeq(r.Line, []byte{'\n'}) {
		if !first {
			dst = append(append(dst, '\n'), head...)
			for range indent {
				dst = append(dst, ' ')
			}
		}
		dst = o.appendLine(dst, o.shown(line))
		first = false
	}
	return dst
}

func (o TextOptions) appendLine(dst, line []byte) []byte {
	if o.Color && len(o.Highlight) > 0 {
		return appendHighlighted(dst, line, o.Highlight)
	}
	return appendVisible(dst, line, o.Color)
}

func (g *Gap) appendText(dst []byte) []byte {
	dst = append(dst, "··· lines may be missing"...)
	if g.From != "" {
		dst = append(append(dst, " from "...), g.From...)
	}
	if g.To != "" {
		dst = append(append(dst, " to "...), g.To...)
	}
	dst = appendVisible(append(dst, ": "...), []byte(g.Reason), false)
	return append(dst, " ···\n"...)
}

// Cut returns the beginning of a text, of limit bytes at most, which does not end within a rune.
func Cut[T string | []byte](text T, limit int) T {
	if len(text) <= limit {
		return text
	}
	for end := limit; end >= max(0, limit-utf8.UTFMax+1); end-- {
		if utf8.RuneStart(text[end]) {
			return text[:end]
		}
	}
	return text[:limit] // there are no runes
}
