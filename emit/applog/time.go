package applog

import (
	"bytes"
	"strconv"
	"time"
)

// time returns the time that a field has: as it is written, or a number of seconds, or of thousandths, millionths or billionths of one, since
// 1970 in RFC 3339. A number that would be before 1973 is not a time: it must count from another beginning.
func (p *Parser) time(f *Field) (text []byte, ok bool) {
	v := bytes.TrimSpace(f.Value)
	number := digits(v) > 8 && bytes.Trim(v, "0123456789.") == nil || !f.Text
	switch {
	case number:
		return p.epoch(v)
	case digits(v) == 0 && !bytes.ContainsAny(v, "0123456789"):
		return nil, false
	}
	return v, true
}

// epoch returns a number of seconds, or of parts of one, since 1970 in RFC 3339.
func (p *Parser) epoch(v []byte) (text []byte, ok bool) {
	t, err := Epoch(string(v))
	if err != nil || t.Unix() < earliest {
		return nil, false
	}
	return p.format(t), true
}

// earliest is the first time, in seconds since 1970, that a number is taken for.
const earliest = 1e8

// format returns a time in RFC 3339.
func (p *Parser) format(t time.Time) []byte {
	n := len(p.buf)
	p.buf = t.UTC().AppendFormat(p.buf, time.RFC3339Nano)
	return p.kept(n)
}

// parts takes the time of a line that has its seconds and nanoseconds under two keys: those of log4j2 and of Google's loggers.
func (p *Parser) parts() (ok bool) {
	for i := range p.entry.Fields {
		f := &p.entry.Fields[i]
		for _, keys := range [...][2]string{{"instant.epochSecond", "instant.nanoOfSecond"}, {"timestamp.seconds", "timestamp.nanos"}, {"timestampSeconds", "timestampNanos"}} {
			if string(f.Key) != keys[0] {
				continue
			}
			seconds, err := strconv.ParseInt(string(f.Value), 10, 64)
			if err != nil || seconds < earliest || seconds > 1e11 {
				continue
			}
			var ns int64
			for j := range p.entry.Fields {
				if g := &p.entry.Fields[j]; string(g.Key) == keys[1] {
					if ns, err = strconv.ParseInt(string(g.Value), 10, 64); err == nil && ns >= 0 && ns < 1e9 {
						g.used = true
					}
					break
				}
			}
			p.entry.Time, f.used = p.format(time.Unix(seconds, ns)), true
			return true
		}
	}
	return false
}

// date returns the length of the time that text begins with: a date and a time of day, or that alone; 0: there is none.
func date(s []byte) (n int) {
	form := func(s []byte, form string) bool {
		if len(s) < len(form) {
			return false
		}
		for i := range len(form) {
			if c := s[i]; form[i] == '0' && (c < '0' || c > '9') || form[i] != '0' && c != form[i] {
				return false
			}
		}
		return true
	}
	switch {
	case form(s, "0000-00-00T00:00:00"), form(s, "0000-00-00 00:00:00"), form(s, "0000/00/00 00:00:00"):
		n = 19
	case form(s, "00:00:00"):
		n = 8
	case form(s, "0:00PM"), form(s, "0:00AM"):
		return 6
	case form(s, "00:00PM"), form(s, "00:00AM"):
		return 7
	default:
		return 0
	}
	if n < len(s)-1 && (s[n] == '.' || s[n] == ',') {
		if more := digits(s[n+1:]); more > 0 {
			n += 1 + more
		}
	}
	switch zone := s[n:]; {
	case form(zone, "Z"):
		n++
	case form(zone, "+00:00"), form(zone, "-00:00"):
		n += 6
	case form(zone, "+0000"), form(zone, "-0000"):
		n += 5
	case form(zone, " UTC"), form(zone, " GMT"):
		n += 4
	}
	if n < len(s) && s[n] != ' ' && s[n] != '\t' && s[n] != ']' && s[n] != '|' && s[n] != ':' {
		return 0
	}
	return n
}
