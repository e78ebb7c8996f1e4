package emit

import (
	"bytes"
	"unicode/utf8"
)

// lastState returns what a terminal would show last of a line that was written over: what follows its last return to the first column,
// and with text taken back by backspaces where other text follows. Returns and backspaces that nothing follows have no effect, nor have
// sequences that erase the line or a part of it: nothing is hidden but what was written over. Without any of these, the line is returned
// as it is. With color, the colours of what was written over go on.
func lastState(line []byte, color bool) []byte {
	line = rewound(line)
	if bytes.IndexByte(line, '\r') < 0 && bytes.IndexByte(line, '\b') < 0 {
		return line
	}
	states := bytes.Split(line, []byte{'\r'})
	last := len(states) - 1
	for last > 0 && len(bytes.Trim(Plain(states[last]), "\b")) == 0 {
		last--
	}
	state := backspaced(states[last])
	if !color || last == 0 {
		return state
	}
	var before []byte
	for _, s := range states[:last] {
		for at := bytes.IndexByte(s, escape); at >= 0; at = bytes.IndexByte(s, escape) {
			n := colorSequence(s[at:])
			before = append(before, s[at:at+n]...)
			s = s[at+max(n, 1):]
		}
	}
	return append(before, state...)
}

// rewound returns a line with carriage returns for the sequences that move the cursor to the first column (CHA, as Node's progress bars
// have them), and without those that erase the line or a part of it (EL, which grep writes after each colour, too).
func rewound(line []byte) []byte {
	var out []byte
	from := 0
	for at := bytes.IndexByte(line, escape); at >= 0; {
		n, returns := lineSequence(line[at:])
		if n > 0 {
			if out = append(out, line[from:at]...); returns {
				out = append(out, '\r')
			}
			from = at + n
		}
		at += max(n, 1)
		next := bytes.IndexByte(line[at:], escape)
		if next < 0 {
			break
		}
		at += next
	}
	if from == 0 {
		return line
	}
	return append(out, line[from:]...)
}

// lineSequence returns the length of the sequence at the start of s if it is one of those that rewound replaces, and whether it moves
// the cursor.
func lineSequence(s []byte) (n int, returns bool) {
	s, ok := bytes.CutPrefix(s, []byte("\x1b["))
	if !ok || len(s) == 0 {
		return 0, false
	}
	n, parameter := len("\x1b[")+1, byte('0')
	if s[0] >= '0' && s[0] <= '2' && len(s) > 1 {
		parameter = s[0]
		s = s[1:]
		n++
	}
	switch {
	case s[0] == 'K':
		return n, false
	case s[0] == 'G' && parameter != '2':
		return n, true
	}
	return 0, false
}

// backspaced returns a text without what is written over after backspaces. A text with backspaces has no escape sequences then.
func backspaced(text []byte) []byte {
	if bytes.IndexByte(text, '\b') < 0 {
		return text
	}
	var out []byte
	back := 0 // how far from the end the next rune is written
	for text = Plain(text); len(text) > 0; {
		_, size := utf8.DecodeRune(text)
		if text[0] == '\b' {
			back++
		} else {
			for ; back > 0 && len(out) > 0; back-- {
				_, n := utf8.DecodeLastRune(out)
				out = out[:len(out)-n]
			}
			back = 0
			out = append(out, text[:size]...)
		}
		text = text[size:]
	}
	return out
}
