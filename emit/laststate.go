package emit

import (
	"bytes"
	"unicode/utf8"
)

// lastState returns what a terminal would show last of a line that was written over: what follows its last carriage return, and with
// text taken back by backspaces where other text follows. Carriage returns and backspaces that nothing follows have no effect. Without
// any, the line is returned as it is. With color, the colours of what was written over go on.
func lastState(line []byte, color bool) []byte {
	if bytes.IndexByte(line, '\r') < 0 && bytes.IndexByte(line, '\b') < 0 {
		return line
	}
	states := bytes.Split(line, []byte{'\r'})
	last := len(states) - 1
	for last > 0 && len(bytes.Trim(Plain(states[last]), "\b")) == 0 {
		last--
	}
	state := backspaced(erased(states[last]))
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

// erased returns a state without the sequences at its beginning and end that erase the line (EL), as progress bars have them.
func erased(state []byte) []byte {
	for _, erase := range [][]byte{[]byte("\x1b[K"), []byte("\x1b[0K"), []byte("\x1b[1K"), []byte("\x1b[2K")} {
		state = bytes.TrimSuffix(bytes.TrimPrefix(state, erase), erase)
	}
	return state
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
