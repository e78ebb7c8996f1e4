package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// duration is a time.Duration that may also be given in days: 7d, 1d12h.
type duration time.Duration

var days = regexp.MustCompile(`^(\d+(?:\.\d+)?)d`)

// UnmarshalText reads the value of a flag.
func (d *duration) UnmarshalText(text []byte) error {
	s := string(text)
	switch s {
	case "":
		return errors.New("missing value")
	case "0":
		*d = 0
		return nil
	}
	var total time.Duration
	if m := days.FindStringSubmatch(s); m != nil {
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil || n > maxDays {
			return fmt.Errorf("%s is more than %d days", text, maxDays)
		}
		total = time.Duration(n * 24 * float64(time.Hour))
		s = s[len(m[0]):]
	}
	if s != "" {
		rest, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q is no time such as 30s, 15m, 48h or 7d", text)
		}
		if rest > maxDays*24*time.Hour-total {
			return fmt.Errorf("%s is more than %d days", text, maxDays)
		}
		total += rest
	}
	if total < 0 {
		return fmt.Errorf("%s must not be negative", text)
	}
	*d = duration(total)
	return nil
}

// maxDays is how long a duration may be, some 273 years: not much more fits into nanoseconds.
const maxDays = 100_000

// clockLayouts are the forms of a time without a zone, which means local time.
var clockLayouts = []string{"2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02"}

// parseTime reads the time of a flag: RFC 3339, one of clockLayouts in zone, a clock time of today, or a duration ago.
func parseTime(s string, now time.Time, zone *time.Location) (time.Time, error) {
	s = strings.TrimSpace(s)
	if before, ok := strings.CutSuffix(s, "ago"); ok {
		var d duration
		if d.UnmarshalText([]byte(strings.ReplaceAll(before, " ", ""))) != nil {
			return time.Time{}, fmt.Errorf("%q is no time", s)
		}
		return now.Add(-time.Duration(d)), nil
	}
	if s == "now" {
		return now, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	for _, layout := range clockLayouts {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			y, m, d := now.In(zone).Date()
			return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, zone), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time", s)
}

// isTime reports whether a pattern looks like a time or a duration, which was meant for another flag.
func isTime(pattern string) bool {
	if pattern == "0" || pattern == "now" {
		return false
	}
	if _, err := parseTime(pattern, time.Now(), time.Local); err == nil {
		return true
	}
	return new(duration).UnmarshalText([]byte(pattern)) == nil
}

// times reads --since-time and --until-time; a time is zero if it is not given. until may be past, which ends following at once. With
// --until-time, the default of --since does not count.
func (f *flags) times(now time.Time) (since, until time.Time, err error) {
	for _, t := range []struct {
		flag, text string
		into       *time.Time
	}{{"since-time", f.SinceTime, &since}, {"until-time", f.UntilTime, &until}} {
		if t.text == "" {
			continue
		}
		if *t.into, err = parseTime(t.text, now, time.Local); err != nil {
			return since, until, usagef(on{t.flag}, "give a time such as 2026-01-02T15:04:05Z, '2026-01-02 15:04' or '10m ago'", "reading --%s: %w", t.flag, err)
		}
		if year := t.into.UTC().Year(); year < 1678 || year > 2261 && t.into == &until { // no other years fit into nanoseconds
			return since, until, usagef(on{t.flag}, "give a time of the years 1678 to 2261", "--%s %s is too far away", t.flag, t.text)
		}
	}
	past := !until.IsZero() && !until.After(now)
	switch {
	case since.After(now):
		return since, until, usagef(on{"since-time"}, "give a time to look back to", "--since-time %s lies in the future", f.SinceTime)
	case !until.IsZero() && !since.Before(until):
		return since, until, usagef(on{"since-time", "until-time"}, "give times in that order", "--since-time %s is not before --until-time %s", f.SinceTime, f.UntilTime)
	case past && f.given("since") && f.Since > 0 && !now.Add(-time.Duration(f.Since)).Before(until):
		return since, until, usagef(on{"since", "until-time"}, "look back further", "--since %s is not before --until-time %s", time.Duration(f.Since), f.UntilTime)
	case past && f.Tail >= 0:
		return since, until, usagef(on{"tail", "until-time"}, "the last lines of a log may be later than that", "--tail %d contradicts --until-time %s", f.Tail, f.UntilTime)
	}
	if !until.IsZero() && !f.given("since") { // the default is for logs that are followed
		f.Since = 0
	}
	return since, until, nil
}
