package logline_test

import (
	"bytes"
	"testing"
	"time"

	"mktail/tail/logline"
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
			ns, text, ok := logline.SplitStamp([]byte(tt.line))
			if ok != (tt.stamp != "") {
				t.Fatalf("ok = %v", ok)
			}
			if !ok {
				return
			}
			if got := string(logline.AppendStamp(nil, ns)); got != tt.stamp || string(text) != tt.text {
				t.Errorf("got %q %q, want %q %q", got, text, tt.stamp, tt.text)
			}
		})
	}
}

// FuzzSplitStamp holds the hand-written parser against time.Parse.
func FuzzSplitStamp(f *testing.F) {
	for _, s := range []string{"2026-01-02T03:04:05.000000010Z", "2024-02-29T23:59:59.999999999Z", "2026-01-02T03:04:05+07:00",
		"1970-01-01T00:00:00.000000000Z", "2100-03-01T00:00:00.000000000Z", "2000-12-31T12:00:00.1Z", "2026-01-02T03:04:60.000000000Z"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		ns, _, ok := logline.SplitStamp(append(in[:len(in):len(in)], ' '))
		want, err := time.Parse(time.RFC3339Nano, string(in))
		valid := err == nil && want.Year() >= 1970 && want.Year() < 2262 && len(in) < logline.StampRoom
		if ok != valid || ok && ns != want.UnixNano() {
			t.Errorf("%q: got %d, %v, want %d, %v", in, ns, ok, want.UnixNano(), valid)
		}
	})
}

// FuzzStamps holds what is read after another stamp against what is read by itself.
func FuzzStamps(f *testing.F) {
	const stamp = "2026-01-02T03:04:05.123456789Z "
	for _, s := range []string{stamp, stamp + "x", "2026-01-02T03:04:05.000000000Z x", "2026-01-02T03:04:05.99999999:Z x", "2026-01-02T03:04:05./99999999Z x",
		"2026-01-02T03:04:05.1Z 45678Z x", "2026-01-02T03:04:05.1234567890 x", "2026-01-02T03:04:06.123456789Z x", "9026-01-02T03:04:05.123456789Z x", "unable"} {
		f.Add([]byte(stamp), []byte(s))
		f.Add([]byte(s), []byte(stamp))
	}
	f.Fuzz(func(t *testing.T, before, in []byte) {
		var s logline.Stamps
		s.Split(before)
		ns, text, ok := s.Split(in)
		wantNS, wantText, want := logline.SplitStamp(in)
		if ok != want || ok && (ns != wantNS || !bytes.Equal(text, wantText)) {
			t.Errorf("%q after %q: got %d %q %v, want %d %q %v", in, before, ns, text, ok, wantNS, wantText, want)
		}
	})
}

func BenchmarkStamps(b *testing.B) {
	line := []byte("2026-01-02T03:04:05.123456789Z line")
	for name, split := range map[string]func([]byte) (int64, []byte, bool){"alone": logline.SplitStamp, "inStream": new(logline.Stamps).Split} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				split(line)
			}
		})
	}
}
