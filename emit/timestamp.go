package emit

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Timestamps is the form of timestamps in text, raw lines and templates. With the zero value, text and raw lines have none.
type Timestamps struct {
	layout string // of package time; "unix": seconds since 1970
	zone   *time.Location
}

// StampLayout is the layout of a record's stamp for package time. In UTC the stamp ends with Z.
const StampLayout = "2006-01-02T15:04:05.000000000Z07:00"

// NewTimestamps reads a form: default, short, unix, the name of a layout of package time such as RFC3339 in upper or lower case,
// or a layout. Not ok: the form is none of these.
func NewTimestamps(form string, zone *time.Location) (t Timestamps, ok bool) {
	layout, ok := map[string]string{
		"default": StampLayout, "short": "01-02 15:04:05", "unix": "unix",
		"ansic": time.ANSIC, "unixdate": time.UnixDate, "rubydate": time.RubyDate,
		"rfc822": time.RFC822, "rfc822z": time.RFC822Z, "rfc850": time.RFC850,
		"rfc1123": time.RFC1123, "rfc1123z": time.RFC1123Z, "rfc3339": time.RFC3339, "rfc3339nano": time.RFC3339Nano,
		"kitchen": time.Kitchen, "stamp": time.Stamp, "stampmilli": time.StampMilli, "stampmicro": time.StampMicro, "stampnano": time.StampNano,
		"datetime": time.DateTime, "dateonly": time.DateOnly, "timeonly": time.TimeOnly,
	}[strings.ToLower(form)]
	if ok {
		return Timestamps{layout, zone}, true
	}
	return Timestamps{form, zone}, isLayout(form)
}

// elements are the parts of layouts that have more than one digit, and fractions of seconds.
var elements = regexp.MustCompile(`2006|00[12]|0[1-6]|15|__2|_2|[.,](?:0+|9+)|[-Z]07(?::?00){0,2}`)

// isLayout reports whether a text is a layout of package time: it has elements, and no digits beside them. A misspelt name of a
// layout may have such digits.
func isLayout(form string) bool {
	at := time.Date(2001, 9, 8, 7, 16, 17, 180_000_000, time.UTC) // each element differs from the reference time's
	if at.Format(form) == form {
		return false
	}
	for digits := range strings.FieldsFuncSeq(elements.ReplaceAllString(form, " "), func(r rune) bool { return r < '0' || r > '9' }) {
		if len(digits) > 1 || digits < "1" || digits > "5" {
			return false
		}
	}
	return true
}

// append appends a record's stamp in its form, and a space.
func (t Timestamps) append(dst, stamp []byte) []byte {
	if t.layout == "" {
		return dst
	}
	return append(t.appendTime(dst, stamp), ' ')
}

// appendTime appends a record's stamp in its form; unchanged if there is no form.
func (t Timestamps) appendTime(dst, stamp []byte) []byte {
	if t.layout == "" || t.layout == StampLayout && t.zone == time.UTC {
		return append(dst, stamp...)
	}
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	switch {
	case err != nil:
		return append(dst, stamp...)
	case t.layout == "unix":
		dst = strconv.AppendInt(dst, at.Unix(), 10)
		dst = append(dst, '.')
		nanos := strconv.AppendInt(make([]byte, 0, 10), int64(1e9+at.Nanosecond()), 10)
		return append(dst, nanos[1:]...)
	}
	return at.In(t.zone).AppendFormat(dst, t.layout)
}
