package emit

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"strconv"
	"time"
	"unicode/utf8"
)

// JSONOptions are the options of the JSON formats.
type JSONOptions struct {
	Schema string // one of SchemaNames; empty: mktail
	Fields Fields // come after the six keys
	Embed  bool   // do not quote a line that is JSON
	Indent bool   // indent each record, over several lines
}

// JSON is the format NDJSON: each record is an object on one line with the keys cluster, ns, pod, container, ts and line, in
// this order, always strings. A truncated line also has "truncated":true, and a gap has an object "gap".
func JSON(src Source) Encode { return JSONOptions{}.Format(src) }

// Format is JSON with options.
func (o JSONOptions) Format(src Source) Encode {
	keys, fields := schemaOf(o.Schema), o.Fields|src.Given
	head, middle, tail, end := keys.frame(src, fields)
	nanos, restarts, embed := keys.nanos, fields.Has(FieldRestarts), o.Embed
	encode := func(dst []byte, r *Record) []byte {
		dst = append(dst, head...)
		if nanos {
			dst = appendNanos(dst, r.Stamp)
		} else {
			dst = append(dst, r.Stamp...)
		}
		dst = append(dst, middle...)
		if embed && r.Gap == nil {
			dst = appendEmbedded(dst, r.Line)
		} else {
			dst = AppendQuoted(dst, r.Line)
		}
		dst = append(dst, tail...)
		if restarts {
			dst = strconv.AppendInt(dst, int64(r.Restarts), 10)
			dst = append(dst, end...)
		}
		if r.Truncated {
			dst = append(dst, `,"truncated":true`...)
		}
		if r.Gap != nil {
			dst = appendGap(dst, r.Gap)
		}
		return append(dst, '}', '\n')
	}
	if o.Indent {
		return indented(encode)
	}
	return encode
}

func appendGap(dst []byte, g *Gap) []byte {
	dst = append(dst, `,"gap":{"from":`...)
	dst = AppendQuoted(dst, []byte(g.From))
	dst = append(dst, `,"to":`...)
	dst = AppendQuoted(dst, []byte(g.To))
	dst = append(dst, `,"reason":`...)
	dst = AppendQuoted(dst, []byte(g.Reason))
	return append(dst, '}')
}

// appendNanos appends a stamp as nanoseconds since 1970, which do not fit into 64 bits before 1678 and after 2261.
func appendNanos(dst, stamp []byte) []byte {
	var t time.Time
	if t.UnmarshalText(stamp) != nil {
		return append(dst, '0')
	}
	if year := t.Year(); year >= 1678 && year <= 2261 {
		return strconv.AppendInt(dst, t.UnixNano(), 10)
	}
	n := new(big.Int).Mul(big.NewInt(t.Unix()), big.NewInt(1e9))
	return n.Add(n, big.NewInt(int64(t.Nanosecond()))).Append(dst, 10)
}

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s to dst as a JSON string. Invalid UTF-8 becomes U+FFFD, a byte at a time as encoding/json does.
// Control characters (C0, DEL, C1) and U+2028/2029 are escaped; `<`, `>` and `&` are not.
func AppendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	for {
		n := plainPrefix(s)
		dst = append(dst, s[:n]...)
		s = s[n:]
		if len(s) == 0 {
			return append(dst, '"')
		}
		c := s[0]
		if c < utf8.RuneSelf {
			dst = appendEscaped(dst, c)
			s = s[1:]
			continue
		}
		r, size := utf8.DecodeRune(s)
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, `\ufffd`...)
		case r < 0xa0, r == 0x2028, r == 0x2029:
			dst = append(dst, '\\', 'u', hexDigits[r>>12], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
		default:
			dst = append(dst, s[:size]...)
		}
		s = s[size:]
	}
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\t':
		return append(dst, '\\', 't')
	case '\r':
		return append(dst, '\\', 'r')
	case '\n':
		return append(dst, '\\', 'n')
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainPrefix returns how many bytes at the start of s need no escape in a JSON string: printable ASCII except quote and
// backslash. It looks at eight bytes at once: a subtraction sets the high bit of each byte that was smaller, and a borrow only
// reaches bytes after one that is found already.
func plainPrefix(s []byte) int {
	n := 0
	for ; len(s)-n >= 8; n += 8 {
		w := binary.LittleEndian.Uint64(s[n:])
		special := w | (w - ones*0x20) | (w ^ ones*'"' - ones) | (w ^ ones*'\\' - ones) | (w ^ ones*0x7f - ones)
		if special &= highs; special != 0 {
			return n + bits.TrailingZeros64(special)/8
		}
	}
	for ; n < len(s); n++ {
		if c := s[n]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			break
		}
	}
	return n
}
