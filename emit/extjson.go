package emit

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// appendEmbedded appends a line that is JSON, perhaps but for escape sequences, unquoted and without these, on one line, and any other
// line as a JSON string. In both, invalid UTF-8 becomes U+FFFD, and control characters and U+2028/2029 are escaped.
func appendEmbedded(dst, line []byte) []byte {
	text := line
	if !json.Valid(text) {
		if text = Plain(line); !json.Valid(text) {
			return AppendQuoted(dst, line)
		}
	}
	for s := bytes.TrimSpace(text); len(s) > 0; {
		c := s[0]
		switch {
		case c < 0x20: // between two tokens
			dst = append(dst, ' ')
			s = s[1:]
		case c < 0x7f:
			dst = append(dst, c)
			s = s[1:]
		default: // within a string
			_, size := utf8.DecodeRune(s)
			n := len(dst)
			dst = AppendQuoted(dst, s[:size])
			dst = append(dst[:n], dst[n+1:len(dst)-1]...)
			s = s[size:]
		}
	}
	return dst
}

// indented returns an encoder whose records are those of a JSON encoder, indented over several lines.
func indented(encode Encode) Encode {
	var b bytes.Buffer
	return func(dst []byte, r *Record) []byte {
		n := len(dst)
		dst = encode(dst, r)
		b.Reset()
		if json.Indent(&b, dst[n:], "", "  ") != nil {
			return dst
		}
		dst = append(dst[:n], b.Bytes()...)
		if b.Cap() > batchBytes { // one giant line must not hold its memory for ever
			b = bytes.Buffer{}
		}
		return dst
	}
}
