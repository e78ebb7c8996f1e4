package tail

import (
	"bytes"
	"testing"
	"time"
)

func TestSplitStamp(t *testing.T) {
	tests := []struct{ name, line, stamp, text string }{
		{"nine digits, UTC", "2026-01-02T03:04:05.000000010Z GET /", "2026-01-02T03:04:05.000000010Z", "GET /"},
		{"offset", "2026-01-02T03:04:05.123456789+05:30 x", "2026-01-01T21:34:05.123456789Z", "x"},
		{"few digits", "2026-01-02T03:04:05.5Z x", "2026-01-02T03:04:05.500000000Z", "x"},
		{"no digits", "2026-01-02T03:04:05Z x", "2026-01-02T03:04:05.000000000Z", "x"},
		{"last of a month", "2024-02-29T23:59:59.999999999Z x", "2024-02-29T23:59:59.999999999Z", "x"},
		{"empty text", "2026-01-02T03:04:05.000000000Z ", "2026-01-02T03:04:05.000000000Z", ""},
		{"text begins with a space", "2026-01-02T03:04:05.000000000Z  x", "2026-01-02T03:04:05.000000000Z", " x"},
		{"the kubelet speaks", "failed to create fsnotify watcher: too many open files", "", ""},
		{"no space", "2026-01-02T03:04:05.000000000Z", "", ""},
		{"no such day", "2026-02-30T03:04:05.000000000Z x", "", ""},
		{"no such hour", "2026-02-03T24:04:05.000000000Z x", "", ""},
		{"beyond what nanoseconds hold", "9026-01-02T03:04:05.000000000Z x", "", ""},
		{"empty", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ns, text, ok := splitStamp([]byte(tt.line))
			if ok != (tt.stamp != "") {
				t.Fatalf("ok = %v", ok)
			}
			if !ok {
				return
			}
			if got := string(appendStamp(nil, ns)); got != tt.stamp || string(text) != tt.text {
				t.Errorf("got %q %q, want %q %q", got, text, tt.stamp, tt.text)
			}
		})
	}
}

// FuzzParseStamp holds the hand-written parser against time.Parse.
func FuzzParseStamp(f *testing.F) {
	for _, s := range []string{"2026-01-02T03:04:05.000000010Z", "2024-02-29T23:59:59.999999999Z", "2026-01-02T03:04:05+07:00",
		"1970-01-01T00:00:00.000000000Z", "2100-03-01T00:00:00.000000000Z", "2000-12-31T12:00:00.1Z", "2026-01-02T03:04:60.000000000Z"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		ns, ok := parseStamp(in)
		want, err := time.Parse(time.RFC3339Nano, string(in))
		valid := err == nil && want.Year() >= 1970 && want.Year() < 2262
		if ok != valid || ok && ns != want.UnixNano() {
			t.Errorf("%q: got %d, %v, want %d, %v", in, ns, ok, want.UnixNano(), valid)
		}
	})
}

func BenchmarkParseStamp(b *testing.B) {
	in := bytes.Repeat([]byte("2026-01-02T03:04:05.123456789Z"), 1)
	b.ReportAllocs()
	for b.Loop() {
		parseStamp(in)
	}
}
