package cli

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, zone)
	for text, want := range map[string]string{
		"2026-01-02T03:04:05Z":           "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05.25+02:00":   "2026-01-02T01:04:05.25Z",
		"2026-01-02 15:04":               "2026-01-02T14:04:00Z",
		"2026-01-02 15:04:59":            "2026-01-02T14:04:59Z",
		"2026-01-02":                     "2026-01-01T23:00:00Z",
		"12:30":                          "2026-01-02T11:30:00Z",
		"12:30:15":                       "2026-01-02T11:30:15Z",
		"10m ago":                        "2026-01-02T13:54:05Z",
		"1h 30m ago":                     "2026-01-02T12:34:05Z",
		"2d ago":                         "2025-12-31T14:04:05Z",
		" now":                           "2026-01-02T14:04:05Z",
		"2026-01-02T03:04:05.123456789Z": "2026-01-02T03:04:05.123456789Z",

		"12:30:15.9":                    "2026-01-02T11:30:15.9Z",
		"12:30:15,25Z":                  "2026-01-02T12:30:15.25Z",
		"2026-01-02 15:04:59.000000001": "2026-01-02T14:04:59.000000001Z",
		"2026-01-02 15:04:05 UTC":       "2026-01-02T15:04:05Z",
		"2026-01-02 15:04 +0200":        "2026-01-02T13:04:00Z",
		"2026-01-02t15:04:05-07":        "2026-01-02T22:04:05Z",
		"2026-01-02 UTC":                "2026-01-02T00:00:00Z",
		"today":                         "2026-01-01T23:00:00Z",
		"Yesterday":                     "2025-12-31T23:00:00Z",
		"tomorrow 1:30":                 "2026-01-03T00:30:00Z",
		"yesterday 15:04:05.5":          "2026-01-01T14:04:05.5Z",
		"yesterday 15:04Z":              "2026-01-01T15:04:00Z",
		"1w ago":                        "2025-12-26T14:04:05Z",
		"2 hours ago":                   "2026-01-02T12:04:05Z",
		"1 Day 30 mins ago":             "2026-01-01T13:34:05Z",
		"90 minutes  ago":               "2026-01-02T12:34:05Z",
		"1.5h ago":                      "2026-01-02T12:34:05Z",
		"-2h":                           "2026-01-02T12:04:05Z",
		"+10m":                          "2026-01-02T14:14:05Z",
		"@1700000000":                   "2023-11-14T22:13:20Z",
		"@1700000000.5":                 "2023-11-14T22:13:20.5Z",
		"@-1.25":                        "1969-12-31T23:59:58.75Z",
		"0s ago":                        "2026-01-02T14:04:05Z",
	} {
		got, err := parseTime(text, now, zone)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %s, %v, want %s", text, got.UTC().Format(time.RFC3339Nano), err, want)
		}
	}
	for text, want := range map[string]string{
		"": "", "ago": "", "2026-13-01": "", "2026-02-30": "", "25:00": "", "12:60": "", "12:00:60": "", "10 months ago": "", "-5m ago": "", "200000d ago": "", "monday": "",
		"@": "", "@x": "", "@1.": "", "@1e9": "", "1700000000": "", "UTC": "", "2026-01-02+01:00": "", "12:00+25:00": "", "--5m": "", "todays": "", "2026-01-02 15:04 CET": "",
		"2h": "is a duration", "90 minutes": "is a duration",
	} {
		if want == "" {
			want = fmt.Sprintf("invalid time %q", text)
		}
		if got, err := parseTime(text, now, zone); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}

// TestParseTimeOfChange tests times of days on which clocks change: they must be one instant.
func TestParseTimeOfChange(t *testing.T) {
	for _, tt := range []struct{ zone, text, want, hint string }{
		{"Europe/Berlin", "2026-03-29 01:59:59.9", "2026-03-29T01:59:59.9+01:00", ""},
		{"Europe/Berlin", "2026-03-29 02:00", "does not exist in local time, whose offset changes from +01:00 to +02:00", "2026-03-29T02:00:00+01:00 or 2026-03-29T02:00:00+02:00"},
		{"Europe/Berlin", "2026-03-29 02:59:59.5", "does not exist", "2026-03-29T02:59:59.5+01:00 or 2026-03-29T02:59:59.5+02:00"},
		{"Europe/Berlin", "2026-03-29 03:00", "2026-03-29T03:00:00+02:00", ""},
		{"Europe/Berlin", "2026-10-25 01:59", "2026-10-25T01:59:00+02:00", ""},
		{"Europe/Berlin", "2026-10-25 02:00", "comes twice in local time, with the offsets +02:00 and +01:00", "2026-10-25T02:00:00+02:00 or 2026-10-25T02:00:00+01:00"},
		{"Europe/Berlin", "2026-10-25 02:59:59", "comes twice", "2026-10-25T02:59:59+02:00 or 2026-10-25T02:59:59+01:00"},
		{"Europe/Berlin", "2026-10-25 03:00", "2026-10-25T03:00:00+01:00", ""},
		{"Europe/Berlin", "2026-10-25 02:30+02:00", "2026-10-25T02:30:00+02:00", ""},
		{"Europe/Berlin", "2026-10-25", "2026-10-25T00:00:00+02:00", ""},
		{"America/New_York", "02:30", "does not exist", "2026-03-08T02:30:00-05:00 or 2026-03-08T02:30:00-04:00"},
		{"America/New_York", "today", "2026-03-08T00:00:00-05:00", ""},
		{"America/New_York", "yesterday 02:30", "2026-03-07T02:30:00-05:00", ""},
		{"Africa/Cairo", "2025-04-25", "2025-04-25T01:00:00+03:00", ""},
		{"Africa/Cairo", "2025-04-25 00:30", "does not exist", "2025-04-25T00:30:00+02:00 or 2025-04-25T00:30:00+03:00"},
		{"America/Havana", "2025-11-02", "2025-11-02T00:00:00-04:00", ""},
		{"America/Havana", "2025-11-02 00:30", "comes twice", "2025-11-02T00:30:00-04:00 or 2025-11-02T00:30:00-05:00"},
		{"Australia/Lord_Howe", "2026-10-04 02:15", "does not exist", "2026-10-04T02:15:00+10:30 or 2026-10-04T02:15:00+11:00"},
		{"Pacific/Apia", "2011-12-30 12:00", "does not exist", "2011-12-30T12:00:00-10:00 or 2011-12-30T12:00:00+14:00"},
		{"UTC", "2026-03-29 02:30", "2026-03-29T02:30:00Z", ""},
	} {
		zone, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Skip(err)
		}
		got, err := parseTime(tt.text, time.Date(2026, 3, 8, 12, 0, 0, 0, zone), zone)
		if tt.hint == "" {
			if text := got.Format(time.RFC3339Nano); err != nil || text != tt.want {
				t.Errorf("%s in %s: %s, %v, want %s", tt.text, tt.zone, text, err, tt.want)
			}
			continue
		}
		if e, ok := errors.AsType[*timeError](err); !ok || !strings.Contains(e.message, tt.want) || e.hint != "add an offset: "+tt.hint {
			t.Errorf("%s in %s: %s, %#v", tt.text, tt.zone, got, err)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"0": 0, "90s": 90 * time.Second, "7d": 168 * time.Hour, "1.5d": 36 * time.Hour, "1d12h": 36 * time.Hour, "100000d": 2_400_000 * time.Hour,
		"1w": 168 * time.Hour, "90 minutes": 90 * time.Minute, "1 hour 30 min": 90 * time.Minute, " 2 Weeks ": 336 * time.Hour, "1h2d": 49 * time.Hour, "+5m": 5 * time.Minute,
		".5s": time.Second / 2, "1.s": time.Second, "1.000000001s": time.Second + 1, "99999999999999999ns": 99999999999999999, "0s": 0, "1h30m": 90 * time.Minute, "5us": 5000, "5µs": 5000} {
		var d duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%q: %s, %v", text, time.Duration(d), err)
		}
	}
	for text, want := range map[string]string{
		"": "missing value", " ": "invalid", "5": "invalid", "d": "invalid", "1d-2h": "invalid", "1d-25h": "invalid", "-1h": "must not be negative", "--1h": "invalid", "-": "invalid", "+": "invalid",
		"1M": `unknown unit "M"`, "1D": `unknown unit "D"`, "1 month": `unknown unit "month"`, "1y": "unknown unit", "1h30": "invalid", "1.2.3h": "invalid", "2 hours ago": "invalid",
		"15250w": "more than", "99999999999999999999s": "more than",
		"200000d": "more than 100000 days", "100000d1ns": "more than 100000 days", "2500000h": "more than 100000 days", "99999d2500000h": "more than 100000 days",
	} {
		var d duration
		if err := d.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %s, %v, want %s", text, time.Duration(d), err, want)
		}
	}
}

// TestIsTime tests which patterns are taken for times.
func TestIsTime(t *testing.T) {
	for _, pattern := range []string{"10m", "90s", "1h30m", "1.5h", "7d", "1d12h", "2026-11-28", "2026-11-28 10:00", "2026-11-28T10:00:05Z", "2026-11-28T10:00:05.25+01:00", "10:00", "10:00:05", "10m ago", " 10:00 "} {
		if !isTime(pattern) {
			t.Errorf("%q is taken for a pattern", pattern)
		}
	}
	for _, pattern := range []string{"(?:10m)", "10 m", "10", "0", "now", "m", "ready", "2026", "2026-11", "10m$", "200 OK", "ago", "d"} {
		if isTime(pattern) {
			t.Errorf("%q is taken for a time", pattern)
		}
	}
}
