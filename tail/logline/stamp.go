package logline

import (
	"bytes"
	"encoding/binary"
	"time"
)

const (
	stampLayout = "2006-01-02T15:04:05.000000000Z" // of records: UTC, nine digits
	// StampRoom is the maximum length of a stamp and its space at the start of a line: nine digits and an offset.
	StampRoom = len("2006-01-02T15:04:05.000000000+07:00 ")
)

// SplitStamp splits a line of the log API into its time, in Unix nanoseconds, and the text after the space, which is part
// of line. ok is false if the line does not begin with an RFC 3339 time between 1970 and 2262 and a space: such a line
// may be a message of the kubelet, or the rest of a line that began before the time asked for. The first nanosecond of 1970, which nodes
// send that know no time, is taken for the second one: to mktail no time is 0.
func SplitStamp(line []byte) (ns int64, text []byte, ok bool) {
	i := bytes.IndexByte(line[:min(len(line), StampRoom)], ' ')
	if i < 0 {
		return 0, nil, false
	}
	ns, ok = parseStamp(line[:i])
	return ns, line[i+1:], ok
}

// HasNineDigits reports whether a line that SplitStamp has split has nine digits of the second in its stamp, as all stamps of kubelets
// have. A program that stamps its lines itself writes fewer, as a rule.
func HasNineDigits(line []byte) bool {
	const point = len("2006-01-02T15:04:05")
	if len(line) < len(stampLayout) || line[point] != '.' {
		return false
	}
	_, ok := nineDigits(line[point+1:])
	return ok && (line[point+10] < '0' || line[point+10] > '9')
}

// BeginsStamp reports whether text, which has no space, may be the beginning of a stamp that was cut off.
func BeginsStamp(text []byte) bool {
	return len(text) > 0 && len(text) < StampRoom && text[0] >= '0' && text[0] <= '9' && len(bytes.Trim(text, "0123456789-T:.Z+")) == 0
}

// Stamps splits the lines of one stream, faster than SplitStamp: most stamps are of the same second as the one before.
// The zero value is ready to use.
type Stamps struct {
	second [len("2006-01-02T15:04:05.")]byte // that was read last
	ns     int64                             // which this is
}

// Split returns what SplitStamp returns.
func (s *Stamps) Split(line []byte) (ns int64, text []byte, ok bool) {
	const begin, end = len(s.second), len(stampLayout)
	whole := len(line) > end && line[end] == ' ' && line[end-1] == 'Z' && line[begin-1] == '.'
	if whole && string(line[:begin]) == string(s.second[:]) {
		if frac, ok := nineDigits(line[begin:]); ok {
			return notZero(s.ns + frac), line[end+1:], true
		}
	}
	ns, text, ok = SplitStamp(line)
	if whole && ok {
		copy(s.second[:], line)
		s.ns = ns - ns%1e9
	}
	return ns, text, ok
}

// nineDigits reads the number that b begins with. It takes eight digits at once: it adds neighbours to numbers of two
// digits, those to numbers of four, and those.
func nineDigits(b []byte) (n int64, ok bool) {
	const zeros = 0x3030303030303030
	w, last := binary.LittleEndian.Uint64(b), b[8]-'0'
	if w&(0xf0*ones) != zeros || (w+6*ones)&(0xf0*ones) != zeros || last > 9 {
		return 0, false
	}
	w = (w ^ zeros) * (1 + 10<<8) >> 8 & 0x00ff00ff00ff00ff
	w = w * (1 + 100<<16) >> 16 & 0x0000ffff0000ffff
	w = w * (1 + 10_000<<32) >> 32
	return int64(w)*10 + int64(last), true
}

const ones = 0x0101010101010101

// parseStamp reads an RFC 3339 time, which is not 0. The form that kubelets on UTC nodes send is read by hand, all else by time.Parse.
func parseStamp(b []byte) (ns int64, ok bool) {
	if ns, ok := parseUTC(b); ok {
		return ns, true
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil || t.Year() < 1970 || t.Year() >= 2262 { // what nanoseconds in an int64 can hold
		return 0, false
	}
	return notZero(t.UnixNano()), true
}

// notZero returns ns, or what is taken for 0: whoever has no time yet has 0.
func notZero(ns int64) int64 {
	if ns == 0 {
		return 1
	}
	return ns
}

// parseUTC reads a time of the form of records. ok is false for all others, and for days that not every month has.
func parseUTC(b []byte) (ns int64, ok bool) {
	if len(b) != len(stampLayout) || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[19] != '.' || b[29] != 'Z' {
		return 0, false
	}
	year, ok1 := digits(b[0:4])
	month, ok2 := digits(b[5:7])
	day, ok3 := digits(b[8:10])
	hour, ok4 := digits(b[11:13])
	minute, ok5 := digits(b[14:16])
	second, ok6 := digits(b[17:19])
	frac, ok7 := digits(b[20:29])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || !ok7 || year < 1970 || year >= 2262 ||
		month < 1 || month > 12 || day < 1 || day > 28 || hour >= 24 || minute >= 60 || second >= 60 {
		return 0, false
	}
	return notZero((daysSince1970(year, month, day)*86400+hour*3600+minute*60+second)*1e9 + frac), true
}

func digits(b []byte) (n int64, ok bool) {
	for _, c := range b {
		c -= '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, true
}

// daysSince1970 counts days in the Gregorian calendar, with years that begin in March so that the leap day is last.
func daysSince1970(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era, inEra := year/400, year%400
	inYear := (153*(month-3)+2)/5 + day - 1
	return era*146097 + inEra*365 + inEra/4 - inEra/100 + inYear - 719468
}

// IsRecordStamp reports whether a stamp that SplitStamp has accepted has the form that AppendStamp writes.
func IsRecordStamp(stamp []byte) bool {
	return len(stamp) == len(stampLayout) && stamp[len(stamp)-1] == 'Z'
}

// AppendStamp appends a time, in Unix nanoseconds, in the form of records: UTC, nine digits, Z.
func AppendStamp(dst []byte, ns int64) []byte {
	return time.Unix(0, ns).UTC().AppendFormat(dst, stampLayout)
}
