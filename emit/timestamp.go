package emit

import (
	"strconv"
	"time"
)

// Timestamps is how text and raw lines are stamped, and the time of templates looks. The zero value stamps none.
type Timestamps struct {
	layout string // of package time; "unix": seconds since 1970
	zone   *time.Location
}

// StampLayout is the form of a record's stamp for package time; in UTC it ends with Z, in other zones with their offsets.
const StampLayout = "2006-01-02T15:04:05.000000000Z07:00"

// NewTimestamps reads a form: default, short, RFC3339, unix, or a layout of package time; not ok: it is none of these.
func NewTimestamps(form string, zone *time.Location) (t Timestamps, ok bool) {
	switch form {
	case "default":
		form = StampLayout
	case "short":
		form = "01-02 15:04:05"
	case "RFC3339", "rfc3339":
		form = time.RFC3339
	case "unix":
	default:
		at := time.Date(2001, 9, 8, 7, 16, 17, 180_000_000, time.UTC) // each element differs from the layout's
		ok = at.Format(form) != form
		return Timestamps{form, zone}, ok
	}
	return Timestamps{form, zone}, true
}

// append appends a record's stamp in its form, and a space.
func (t Timestamps) append(dst, stamp []byte) []byte {
	if t.layout == "" {
		return dst
	}
	return append(t.appendTime(dst, stamp), ' ')
}

// appendTime appends a record's stamp in its form; as it is where none is wanted.
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
