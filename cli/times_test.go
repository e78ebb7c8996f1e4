package cli

import (
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
	} {
		got, err := parseTime(text, now, zone)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %s, %v, want %s", text, got.UTC().Format(time.RFC3339Nano), err, want)
		}
	}
	for _, text := range []string{"", "ago", "yesterday", "2026-13-01", "25:00", "10 minutes ago", "-5m ago", "200000d ago"} {
		if got, err := parseTime(text, now, zone); err == nil || err.Error() != fmt.Sprintf("%q is no time", text) {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"0": 0, "90s": 90 * time.Second, "7d": 168 * time.Hour, "1.5d": 36 * time.Hour, "1d12h": 36 * time.Hour, "100000d": 2_400_000 * time.Hour} {
		var d duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%q: %s, %v", text, time.Duration(d), err)
		}
	}
	for text, want := range map[string]string{
		"": "missing value", "5": "is no time", "d": "is no time", "1h2d": "is no time", "-1h": "must not be negative", "1d-25h": "must not be negative",
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
