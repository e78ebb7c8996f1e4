package emit

import (
	"testing"
	"time"
)

func TestTimestamps(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	stamp := []byte("2026-01-02T03:04:05.012345678Z")
	for _, tt := range []struct {
		form string
		zone *time.Location
		want string
	}{
		{"default", time.UTC, "2026-01-02T03:04:05.012345678Z "},
		{"default", zone, "2026-01-02T04:04:05.012345678+01:00 "},
		{"short", zone, "01-02 04:04:05 "},
		{"RFC3339", time.UTC, "2026-01-02T03:04:05Z "},
		{"unix", zone, "1767323045.012345678 "},
		{"15:04", zone, "04:04 "},
		{"RFC3339Nano", time.UTC, "2026-01-02T03:04:05.012345678Z "},
		{"rfc1123z", time.UTC, "Fri, 02 Jan 2026 03:04:05 +0000 "},
		{"Kitchen", time.UTC, "3:04AM "},
		{"DATETIME", time.UTC, "2026-01-02 03:04:05 "},
		{"StampMilli", time.UTC, "Jan  2 03:04:05.012 "},
		{"Short", time.UTC, "01-02 03:04:05 "},
		{"20060102T150405.000Z0700", zone, "20260102T040405.012+0100 "},
		{"2006-002 15h04m05,999999s -07:00:00", zone, "2026-002 04h04m05,012345s +01:00:00 "},
		{"Mon 2 January __2 _2/1/06 3:4:5pm Z07", time.UTC, "Fri 2 January   2  2/1/26 3:4:5am Z "},
	} {
		ts, ok := NewTimestamps(tt.form, tt.zone)
		if got := string(ts.append(nil, stamp)); !ok || got != tt.want {
			t.Errorf("%s in %s: %q, %v, want %q", tt.form, tt.zone, got, ok, tt.want)
		}
	}
	for _, form := range []string{"", "nonsense", "long", "now", "iso8601", "ISO-8601", "RFC3339Milli", "RFC9999", "rfc-3339", "RFC1123x", "UTC", "unixnano", "15:04:05.123", "0", "1970"} {
		if _, ok := NewTimestamps(form, time.UTC); ok {
			t.Errorf("%q is a form", form)
		}
	}
	if got := string(Timestamps{}.append(nil, stamp)); got != "" {
		t.Errorf("none: %q", got)
	}
	ts, _ := NewTimestamps("default", time.UTC)
	got := string(Raw(RawOptions{Timestamps: ts, Prefix: true})(Source{Pod: "web", Container: "app"})(nil, &Record{Stamp: stamp, Line: []byte("x")}))
	if want := "[pod/web/app] 2026-01-02T03:04:05.012345678Z x\n"; got != want {
		t.Errorf("raw: %q, want %q", got, want)
	}
	got = string(Text(TextOptions{Timestamps: ts})(Source{Cluster: "eu", Pod: "web", Container: "app"})(nil, &Record{Stamp: stamp, Line: []byte("x")}))
	if want := "eu web app 2026-01-02T03:04:05.012345678Z x\n"; got != want {
		t.Errorf("text: %q, want %q", got, want)
	}
}
