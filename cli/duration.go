package cli

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// duration is a time.Duration as people write it: 90s, 1h30m, 1.5h, 7d, 1w, 90 minutes.
type duration time.Duration

// durationForms are the forms that messages show.
const durationForms = "30s, 15m, 48h, 7d, 1w or '90 minutes'"

// maxDays is how long a duration may be, some 273 years: not much more fits into nanoseconds.
const maxDays = 100_000

// amount is a part of a duration.
var amount = regexp.MustCompile(`^ *(\d+(?:\.\d*)?|\.\d+) *([a-zA-Zµμ]+)`)

// units are those of amounts. A month or a year has no length of its own.
var units = map[string]time.Duration{
	"ns": time.Nanosecond, "nanosecond": time.Nanosecond, "us": time.Microsecond, "µs": time.Microsecond, "μs": time.Microsecond, "microsecond": time.Microsecond,
	"ms": time.Millisecond, "msec": time.Millisecond, "millisecond": time.Millisecond, "s": time.Second, "sec": time.Second, "second": time.Second,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute, "h": time.Hour, "hr": time.Hour, "hour": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour, "w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour,
}

// unitNamed returns the unit of an amount. Words may be in the plural, and begin with a capital; letters stand as they are, as M is
// a month elsewhere.
func unitNamed(name string) (time.Duration, bool) {
	if unit, ok := units[name]; ok || len(name) < 3 {
		return unit, ok
	}
	unit, ok := units[strings.TrimSuffix(strings.ToLower(name), "s")]
	return unit, ok
}

// UnmarshalText reads the value of a flag.
func (d *duration) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return errors.New("missing value")
	}
	parsed, err := parseDuration(string(text))
	*d = duration(parsed)
	return err
}

// lookback is the duration of --since, which is before now.
type lookback duration

// UnmarshalText reads the value of the flag.
func (d *lookback) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(strings.TrimSuffix(string(text), "ago"))
	if err := (*duration)(d).UnmarshalText([]byte(s)); err == nil {
		return nil
	} else if _, notTime := parseTime(string(text), time.Now(), time.UTC); notTime != nil || strings.HasPrefix(s, "-") {
		return err
	}
	return fmt.Errorf("%q is a time: use --since-time", text)
}

// parseDuration reads a sum of amounts, or 0.
func parseDuration(s string) (total time.Duration, err error) {
	rest := strings.TrimSpace(s)
	if rest == "0" {
		return 0, nil
	}
	if positive := strings.TrimPrefix(rest, "-"); positive != rest && positive != "" {
		if _, err := parseDuration(positive); err == nil {
			return 0, fmt.Errorf("%s must not be negative", s)
		}
	}
	rest = strings.TrimPrefix(rest, "+")
	for begun := false; rest != "" || !begun; begun = true {
		m := amount.FindStringSubmatch(rest)
		if m == nil {
			return 0, fmt.Errorf("invalid duration %q: use %s", s, durationForms)
		}
		unit, ok := unitNamed(m[2])
		if !ok {
			return 0, fmt.Errorf("invalid duration %q: unknown unit %q: use %s", s, m[2], durationForms)
		}
		whole, fraction, _ := strings.Cut(m[1], ".")
		n, _ := strconv.ParseInt("0"+whole, 10, 64) // the largest number if that is too large
		part, _ := strconv.ParseFloat("0."+fraction, 64)
		const most = maxDays * 24 * time.Hour
		if n > int64(most/unit) {
			return 0, fmt.Errorf("%s is more than %d days", s, maxDays)
		}
		if total += time.Duration(n)*unit + time.Duration(math.Round(part*float64(unit))); total > most {
			return 0, fmt.Errorf("%s is more than %d days", s, maxDays)
		}
		rest = rest[len(m[0]):]
	}
	return total, nil
}
