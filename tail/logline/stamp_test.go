package logline_test

import (
	"bytes"
	"fmt"
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
		"1970-01-01T00:00:00.000000000Z", "2100-03-01T00:00:00.000000000Z", "2000-12-31T12:00:00.1Z", "2026-01-02T03:04:60.000000000Z", "2026-01-02T03:04:05Z x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		ns, _, ok := logline.SplitStamp(append(in[:len(in):len(in)], ' '))
		stamp, _, _ := bytes.Cut(in, []byte(" "))
		want, valid := reference(string(stamp))
		valid = valid && len(stamp) < logline.StampRoom
		if ok != valid || ok && ns != want {
			t.Errorf("%q: got %d, %v, want %d, %v", in, ns, ok, want, valid)
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

// reference is what SplitStamp and Split must return of a stamp and a text.
func reference(stamp string) (ns int64, ok bool) {
	t, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil || t.Year() < 1970 || t.Year() >= 2262 {
		return 0, false
	}
	if ns = t.UnixNano(); ns == 0 {
		ns = 1
	}
	return ns, true
}

// agree checks SplitStamp, and Split on a stream whose line before had the other stamp, against the reference.
func agree(t *testing.T, before, stamp string) {
	t.Helper()
	want, valid := reference(stamp)
	line := []byte(stamp + " text")
	var s logline.Stamps
	s.Split([]byte(before + " x"))
	for name, split := range map[string]func([]byte) (int64, []byte, bool){"SplitStamp": logline.SplitStamp, "Split": s.Split} {
		ns, text, ok := split(line)
		if ok != valid || ok && (ns != want || string(text) != "text") {
			t.Errorf("%s of %q after %q: %d %q %v, want %d %v", name, stamp, before, ns, text, ok, want, valid)
		}
	}
}

// One byte that differs from a good stamp makes another stamp or none.
func TestStampsOneByteOff(t *testing.T) {
	for _, good := range []string{"2026-01-02T03:04:05.123456789Z", "1970-01-01T00:00:00.000000000Z", "2261-12-31T23:59:59.999999999Z", "2024-02-28T20:50:50.090909090Z"} {
		for i := range good {
			for _, c := range []byte("0123456789/:;-+.TtZz\x00\xb5") {
				changed := good[:i] + string([]byte{c}) + good[i+1:]
				agree(t, good, changed)
				agree(t, changed, good)
			}
		}
	}
}

// Every day that nanoseconds hold, and some that they don't.
func TestStampsOfAllDays(t *testing.T) {
	for day := time.Date(1969, 12, 1, 23, 59, 59, 999_999_999, time.UTC); day.Year() < 2263; day = day.AddDate(0, 0, 1) {
		stamp := day.Format("2006-01-02T15:04:05.000000000Z")
		ns, _, ok := logline.SplitStamp([]byte(stamp + " "))
		if valid := day.Year() >= 1970 && day.Year() < 2262; ok != valid || ok && ns != day.UnixNano() {
			t.Fatalf("%s: %d, %v", stamp, ns, ok)
		}
	}
}

// The longest stamp has nine digits and an offset; what is longer is none.
func TestStampRoom(t *testing.T) {
	const longest = "2026-01-02T03:04:05.123456789+07:00"
	if _, text, ok := logline.SplitStamp([]byte(longest + " x")); !ok || string(text) != "x" {
		t.Errorf("the longest: %q, %v", text, ok)
	}
	if _, _, ok := logline.SplitStamp([]byte("2026-01-02T03:04:05.1234567890+07:00 x")); ok {
		t.Error("a longer one is taken")
	}
	for text, want := range map[string]bool{"": false, "2": true, "0": true, "9": true, "/": false, ":": false, "2026-01-02T03:04:05.123456789Z": true,
		"2026-01-02T03:04:05.12345678+": true, longest: true, longest + "0": false, "2026-": true, "20x": false, "-": false, "T": false} {
		if got := logline.BeginsStamp([]byte(text)); got != want {
			t.Errorf("BeginsStamp(%q) = %v", text, got)
		}
	}
	for stamp, want := range map[string]bool{"2026-01-02T03:04:05.123456789Z": true, "2026-01-02T03:04:05.12345678Z": false, "2026-01-02T03:04:05.1234567+07": false, "": false} {
		if got := logline.IsRecordStamp([]byte(stamp)); got != want {
			t.Errorf("IsRecordStamp(%q) = %v", stamp, got)
		}
	}
}

// Characters are not cut in two.
func TestTrim(t *testing.T) {
	for _, tt := range []struct {
		in   string
		max  int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"abc", 0, ""}, {"", 0, ""},
		{"aé", 2, "a"}, {"aé", 3, "aé"}, {"éa", 2, "é"}, {"a€", 3, "a"}, {"a\U0001f600", 4, "a"}, {"a\U0001f600b", 5, "a\U0001f600"},
		{"\x80\x80\x80\x80\x80", 4, "\x80\x80\x80\x80"}, {"a\x80\x80\x80\x80\x80", 5, "a\x80\x80\x80\x80"}, {"ab\x80\x80\x80\x80", 5, "ab\x80\x80\x80"}, {"é", 1, "\xc3"}, {"a\x80\x80\x80\x80", 4, "a\x80\x80\x80"},
	} {
		if got := string(logline.Trim([]byte(tt.in), tt.max)); got != tt.want {
			t.Errorf("Trim(%q, %d) = %q, want %q", tt.in, tt.max, got, tt.want)
		}
	}
}

// Days that no month has, and months that no year has.
func TestStampsOfNoDay(t *testing.T) {
	for _, year := range []int{1900, 1969, 1970, 2000, 2023, 2024, 2100, 2261, 2262} {
		for month := range 20 {
			for _, day := range []int{0, 1, 2, 27, 28, 29, 30, 31, 32, 40} {
				agree(t, "2026-01-02T03:04:05.123456789Z", fmt.Sprintf("%04d-%02d-%02dT03:04:05.123456789Z", year, month, day))
			}
		}
	}
	var s logline.Stamps
	if _, _, ok := s.Split([]byte("2026-01-02T03:04:05.123456789Z")); ok {
		t.Error("a stamp without a space after it")
	}
}

// All stamps of the form of records are read by hand, but for days that not every month has.
func TestParseUTC(t *testing.T) {
	for _, date := range []string{"1970-01-01", "2261-12-28", "2024-02-28", "1999-10-10", "2026-11-03", "2077-06-05"} {
		for _, clock := range []string{"00:00:00", "23:59:59", "12:34:56", "09:08:07", "20:10:01"} {
			for _, frac := range []string{"000000000", "999999999", "123456789", "987654321"} {
				stamp := date + "T" + clock + "." + frac + "Z"
				want, valid := reference(stamp)
				if ns, ok := logline.ParseUTC([]byte(stamp)); !valid || !ok || ns != want {
					t.Errorf("%s: %d, %v, want %d", stamp, ns, ok, want)
				}
			}
		}
	}
	for _, stamp := range []string{"2024-01-29T00:00:00.000000000Z", "2024-01-00T00:00:00.000000000Z", "2024-00-01T00:00:00.000000000Z", "2024-13-01T00:00:00.000000000Z",
		"1969-12-28T00:00:00.000000000Z", "2262-01-01T00:00:00.000000000Z", "2024-01-01T24:00:00.000000000Z", "2024-01-01T00:60:00.000000000Z", "2024-01-01T00:00:60.000000000Z",
		"2024-01-01T00:00:00.00000000Z", "2024-01-01T00:00:00.0000000000Z", ""} {
		if ns, ok := logline.ParseUTC([]byte(stamp)); ok {
			t.Errorf("%q is read as %d", stamp, ns)
		}
	}
	// What differs in one byte is read right, or not at all.
	const good = "2026-01-02T03:04:05.123456789Z"
	for i := range good {
		for c := range 256 {
			stamp := good[:i] + string([]byte{byte(c)}) + good[i+1:]
			if ns, ok := logline.ParseUTC([]byte(stamp)); ok {
				if want, valid := reference(stamp); !valid || ns != want {
					t.Errorf("%q is read as %d, want %d, %v", stamp, ns, want, valid)
				}
			}
		}
	}
}

// The second that was read last serves for stamps of the form of records, and for no others.
func TestStampsOfOneSecond(t *testing.T) {
	const second, shift = "2024-02-29T23:59:59.", int64(time.Hour)
	start, _ := reference(second + "0Z")
	for _, tt := range []struct {
		before, line string
		want         int64 // after the second's beginning
		serves       bool
	}{
		{second + "5Z x", second + "123456789Z x", 123456789, false},
		{second + "000000000Z x", second + "000000000Z x", 0, true},
		{second + "000000000Z x", second + "999999999Z x", 999999999, true},
		{second + "999999999Z x", second + "123456789Z x", 123456789, true},
		{second + "500000000Z x", second + "987654321Z ", 987654321, true},
		{second + "500000000Z ", second + "010101010Z x", 10101010, true},
		{second + "000000000Z x", second + "5Z x", 500000000, false},
		{second + "000000000Z x", second + "12345678Z x", 123456780, false},
		{second + "000000000Z x", second + "12345678Z  x", 123456780, false},
		{second + "000000000Z x", second + "123456789+00:00 x", 123456789, false},
		{"2024-02-29T23:59:58.000000000Z x", second + "123456789Z x", 123456789, false},
		{"2024-02-29T23:59:58.000000000Z x", "2024-02-29T23:59:58.123456789Z x", 123456789 - int64(time.Second), true},
		{"2024-02-29T23:59:58.000000000+00:00 x", "2024-02-29T23:59:58.123456789Z x", 123456789 - int64(time.Second), false},
		{"2024-02-30T23:59:58.000000000Z x", second + "123456789Z x", 123456789, false},
	} {
		var s logline.Stamps
		s.Split([]byte(tt.before))
		s.Shift(shift)
		ns, _, ok := s.Split([]byte(tt.line))
		if want := start + tt.want; !ok || ns != want && !tt.serves || tt.serves && ns != want+shift {
			t.Errorf("%q after %q: %d, %v, want %d; by the second before: %v", tt.line, tt.before, ns-start, ok, tt.want, tt.serves)
		}
	}
}
