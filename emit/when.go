package emit

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// timeOf reads a time as loggers write it: text in one of many layouts, or a number since 1970. The time of nil is the zero time.
func timeOf(v any) (time.Time, error) {
	switch v := v.(type) {
	case nil: // such as a key that is missing
		return time.Time{}, nil
	case time.Time:
		return v, nil
	case string:
		if t, err := epoch(v); err == nil {
			return t, nil
		}
		return parseTime(v)
	case json.Number:
		return epoch(v.String())
	case float64:
		return epoch(strconv.FormatFloat(v, 'f', -1, 64))
	case int, int32, int64, uint, uint32, uint64:
		return epoch(fmt.Sprint(v))
	}
	return time.Time{}, fmt.Errorf("%T is no time", v)
}

var errNoTime = errors.New("this is no time")

// epoch reads a decimal number since 1970: in seconds up to the year 5138; larger numbers are in milli-, micro- or nanoseconds.
// All digits count.
func epoch(number string) (time.Time, error) {
	if strings.ContainsAny(number, "eE") {
		f, err := strconv.ParseFloat(number, 64)
		if err != nil || math.Abs(f) > math.MaxInt64 {
			return time.Time{}, errNoTime
		}
		number = strconv.FormatFloat(f, 'f', -1, 64)
	}
	whole, fraction, _ := strings.Cut(number, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, errNoTime
	}
	unit, digits := int64(time.Second), 9 // of a fraction, down to the nanosecond
	for size := n; size >= 1e11 || size <= -1e11; size /= 1000 {
		unit /= 1000
		digits -= 3
		if unit == 1 {
			break
		}
	}
	var nanos int64
	for i := range digits {
		nanos *= 10
		if i < len(fraction) {
			if fraction[i] < '0' || fraction[i] > '9' {
				return time.Time{}, errNoTime
			}
			nanos += int64(fraction[i] - '0')
		}
	}
	if strings.HasPrefix(whole, "-") {
		nanos = -nanos
	}
	perSecond := int64(time.Second) / unit
	return time.Unix(n/perSecond, n%perSecond*unit+nanos), nil
}

// parseTime reads a time in one of the layouts that occur in logs. A time without a zone is in UTC.
func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999",
		"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 -0700 MST", "2006-01-02 15:04:05.999999999 -0700",
		"2006-01-02 15:04:05.999999999 Z07:00", "2006-01-02 15:04:05.999999999 -07:00", "2006-01-02 15:04:05.999999999Z0700", "2006-01-02 15:04:05.999999999", "2006/01/02 15:04:05.999999999", time.DateOnly,
		time.RFC1123Z, time.RFC1123, time.RFC822Z, time.RFC822, time.RFC850, time.ANSIC, time.UnixDate, time.RubyDate,
		"02/Jan/2006:15:04:05 -0700", "02 Jan 2006", time.Stamp, time.Kitchen,
	} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time", text)
}
