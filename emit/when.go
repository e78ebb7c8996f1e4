package emit

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"mktail/emit/applog"
)

// timeOf reads a time as loggers write it: text in one of many layouts, or a number since 1970. The time of nil is the zero time.
func timeOf(v any) (time.Time, error) {
	switch v := v.(type) {
	case nil: // such as a key that is missing
		return time.Time{}, nil
	case time.Time:
		return v, nil
	case string:
		if t, err := applog.Epoch(v); err == nil {
			return t, nil
		}
		return parseTime(v)
	case json.Number:
		return applog.Epoch(v.String())
	case float64:
		return applog.Epoch(strconv.FormatFloat(v, 'f', -1, 64))
	case int, int32, int64, uint, uint32, uint64:
		return applog.Epoch(fmt.Sprint(v))
	}
	return time.Time{}, fmt.Errorf("%T is no time", v)
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
