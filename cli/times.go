package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// timeForms are the forms of a time that messages show.
const timeForms = "2026-01-02T15:04:05Z, '2026-01-02 15:04', 15:04:05.5, yesterday, 'yesterday 15:04', '10m ago' or @1700000000"

// timeError is what is wrong with a time, and what to do.
type timeError struct{ message, hint string }

func (e *timeError) Error() string { return e.message }

// badTime is the error of a text that is not a time.
func badTime(s string) error {
	return &timeError{fmt.Sprintf("invalid time %q", s), "use a time such as " + timeForms}
}

var (
	// epochTime is a number of seconds since 1970, as GNU date and journalctl have it.
	epochTime = regexp.MustCompile(`^@(-?)(\d{1,11})(?:\.(\d{1,9})\d*)?$`)
	// calendarTime is a date, a clock time or both, and an offset from UTC.
	calendarTime = regexp.MustCompile(`^(?i:(\d{4}-\d\d-\d\d|today|yesterday|tomorrow)?(?:(?:^|T| +)(\d\d?:\d\d)(?::(\d\d(?:[.,]\d+)?))?)?(?: *(Z|UTC|[+-]\d\d(?::?\d\d)?))?)$`)
)

// parseTime reads the time of a flag, as RFC 3339, GNU date and journalctl have it: a date, a clock time or both; today, yesterday
// and tomorrow, which begin at midnight; now; seconds since 1970; or a duration before or after now. Without an offset it is a
// local time in zone, which must exist, once. Its error is a *timeError.
func parseTime(s string, now time.Time, zone *time.Location) (time.Time, error) {
	s = strings.TrimSpace(s)
	lower := strings.ToLower(s)
	switch before, ago := strings.CutSuffix(lower, "ago"); {
	case lower == "now":
		return now, nil
	case strings.HasPrefix(s, "@"):
		return parseEpoch(s)
	case ago && !strings.HasPrefix(s, "-"):
		if d, err := parseDuration(strings.TrimSpace(s[:len(before)])); err == nil {
			return now.Add(-d), nil
		}
		return time.Time{}, badTime(s)
	case strings.HasPrefix(s, "-"), strings.HasPrefix(s, "+"):
		d, err := parseDuration(s[1:])
		if err != nil {
			return time.Time{}, badTime(s)
		}
		if s[0] == '-' {
			d = -d
		}
		return now.Add(d), nil
	}
	if d, err := parseDuration(s); err == nil && d > 0 {
		return time.Time{}, &timeError{fmt.Sprintf("%q is a duration, not a time", s), fmt.Sprintf("use '%s ago'", s)}
	}
	return parseCalendar(s, now, zone)
}

// parseEpoch reads seconds since 1970.
func parseEpoch(s string) (time.Time, error) {
	m := epochTime.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}, badTime(s)
	}
	seconds, _ := strconv.ParseInt(m[2], 10, 64)
	nanos, _ := strconv.ParseInt((m[3] + "000000000")[:9], 10, 64)
	if m[1] != "" {
		seconds, nanos = -seconds, -nanos
	}
	return time.Unix(seconds, nanos), nil
}

// parseCalendar reads a date, a clock time or both.
func parseCalendar(s string, now time.Time, zone *time.Location) (time.Time, error) {
	m := calendarTime.FindStringSubmatch(s)
	if m == nil || m[1] == "" && m[2] == "" || m[2] == "" && strings.ContainsAny(m[4], "+-") {
		return time.Time{}, badTime(s)
	}
	local := m[4] == ""
	if !local {
		var err error
		if zone, err = parseOffset(m[4]); err != nil {
			return time.Time{}, badTime(s)
		}
	}
	date := strings.ToLower(m[1])
	if days, ok := map[string]int{"": 0, "today": 0, "yesterday": -1, "tomorrow": 1}[date]; ok {
		y, m, d := now.In(zone).Date()
		date = time.Date(y, m, d+days, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	}
	clock := m[2]
	if clock == "" {
		clock = "0:00"
	}
	if m[3] != "" {
		clock += ":" + strings.Replace(m[3], ",", ".", 1)
	} else {
		clock += ":00"
	}
	wall, err := time.Parse("2006-01-02 15:04:05", date+" "+clock)
	switch {
	case err != nil:
		return time.Time{}, badTime(s)
	case m[2] == "": // a day begins even where its first hour doesn't exist, or comes twice
		t, _ := instants(wall, zone)
		return t, nil
	}
	t, other := instants(wall, zone)
	if other.IsZero() {
		return t, nil
	}
	const form = "2006-01-02T15:04:05.999999999Z07:00"
	_, offset := t.Zone()
	_, otherOffset := other.Zone()
	if shows(t, wall) {
		return time.Time{}, &timeError{fmt.Sprintf("%q comes twice in local time, with the offsets %s and %s", s, t.Format("-07:00"), other.Format("-07:00")),
			"add an offset: " + t.Format(form) + " or " + other.Format(form)}
	}
	inZone := func(offset int) string { return wall.Add(-seconds(offset)).In(time.FixedZone("", offset)).Format(form) }
	return time.Time{}, &timeError{fmt.Sprintf("%q does not exist in local time, whose offset changes from %s to %s before it", s, other.Format("-07:00"), t.Format("-07:00")),
		"add an offset: " + inZone(otherOffset) + " or " + inZone(offset)}
}

// parseOffset reads an offset from UTC.
func parseOffset(s string) (*time.Location, error) {
	if !strings.ContainsAny(s, "+-") {
		return time.UTC, nil
	}
	s = strings.ReplaceAll(s, ":", "")
	t, err := time.Parse("-0700", (s + "00")[:5])
	if err != nil {
		return nil, err
	}
	return t.Location(), nil
}

// instants returns when the clocks of a zone show what wall has in UTC. If they do twice, that is t and then other. If they never do, as
// they are put forward, t is when that happens, and other just before.
func instants(wall time.Time, zone *time.Location) (t, other time.Time) {
	t = time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
	start, end := t.ZoneBounds()
	if !shows(t, wall) {
		change := start // t was taken with one of the two offsets, and is near the change
		if !end.IsZero() && end.Sub(t) < t.Sub(start) {
			change = end
		}
		return change, change.Add(-1)
	}
	for _, change := range []time.Time{start, end} {
		if change.IsZero() {
			continue
		}
		beside := change // in the time beside that of t
		if change.Equal(start) {
			beside = change.Add(-1)
		}
		_, offset := beside.Zone()
		switch o := wall.Add(-seconds(offset)).In(zone); {
		case o.Equal(t) || !shows(o, wall):
		case o.Before(t):
			return o, t
		default:
			return t, o
		}
	}
	return t, time.Time{}
}

// shows reports whether a clock shows at t what wall has in UTC.
func shows(t, wall time.Time) bool {
	_, offset := t.Zone()
	return t.Add(seconds(offset)).Equal(wall)
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// isTime reports whether a pattern looks like a time or a duration, which was meant for another flag. One that begins with a word may be
// a pattern, as may one with spaces.
func isTime(pattern string) bool {
	pattern = strings.TrimSpace(pattern)
	if pattern == "0" || pattern == "" || pattern[0] < '0' || pattern[0] > '9' {
		return false
	}
	if _, err := parseTime(pattern, time.Now(), time.UTC); err == nil {
		return true
	}
	_, err := parseDuration(pattern)
	return err == nil && !strings.Contains(pattern, " ")
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
			return since, until, usagef(on{t.flag}, err.(*timeError).hint, "reading --%s: %w", t.flag, err)
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
