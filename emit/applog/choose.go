package applog

import "bytes"

// kind says what a key's value is.
type kind byte

const (
	other kind = iota
	isTime
	isLevel
	isMessage
)

// maxKey is the length of the longest key that is known.
const maxKey = 26

// kindOf returns what loggers write under a key, in any case. If a line has several keys of a kind, the one of the lowest rank counts.
func kindOf(key []byte) (k kind, rank int, scale numbers) {
	if len(key) > maxKey || len(key) == 0 {
		return other, 0, 0
	}
	var lower [maxKey]byte
	for i, c := range key {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		lower[i] = c
	}
	switch string(lower[:len(key)]) {
	case "time", "ts", "timestamp", "@timestamp", "@t", "datetime", "asctime", "timeunixnano", "timemillis":
		return isTime, 0, 0
	case "instant", "date", "t", "event_time", "eventtime", "_source_realtime_timestamp":
		return isTime, 1, 0
	case "__realtime_timestamp", "observedtimeunixnano":
		return isTime, 2, 0
	case "level", "lvl", "severity", "log.level", "loglevel", "log_level", "levelname", "@l", "severitytext":
		return isLevel, 0, tens
	case "priority":
		return isLevel, 1, syslog
	case "l":
		return isLevel, 1, tens
	case "severitynumber":
		return isLevel, 2, otel
	case "msg", "message", "@m":
		return isMessage, 0, 0
	case "@mt", "short_message", "body", "body.stringvalue", "textpayload":
		return isMessage, 1, 0
	case "event", "m":
		return isMessage, 2, 0
	}
	return other, 0, 0
}

// choose takes time, level and message from the fields, and leaves the rest. ok is false if there are fewer than two of them.
func (p *Parser) choose() (ok bool) {
	var best, ranks [4]int
	gelf := false
	scales := tens
	fields := p.entry.Fields
	found := 0
	for i := range fields {
		k, rank, scale := kindOf(fields[i].Key)
		if k == other || best[k] > 0 && ranks[k] <= rank || !p.fits(k, &fields[i]) {
			continue
		}
		if k == isMessage {
			gelf = bytes.Equal(fields[i].Key, []byte("short_message"))
		}
		if best[k] == 0 {
			found++
		}
		if best[k], ranks[k] = i+1, rank; k == isLevel {
			scales = scale
		}
	}
	if gelf && scales == tens {
		scales = syslog
	}
	if p.parts() {
		if best[isTime] == 0 {
			found++
		}
	} else if i := best[isTime]; i > 0 {
		fields[i-1].used = true
	}
	if found < 2 {
		return false
	}
	if i := best[isLevel]; i > 0 {
		fields[i-1].used = p.setLevel(&fields[i-1], scales)
	}
	if i := best[isMessage]; i > 0 {
		p.entry.Message, fields[i-1].used = fields[i-1].Value, true
	}
	if i := best[isTime]; best[isLevel] == 0 && i > 0 && string(fields[i-1].Key) == "@t" { // Serilog leaves this level out
		p.entry.Level, p.entry.Name = Info, []byte("INFO")
	}
	p.rest()
	return true
}

// fits reports whether a field can be what its key says. If it is a time, that is the entry's from then on.
func (p *Parser) fits(k kind, f *Field) bool {
	switch k {
	case isTime:
		text, ok := p.time(f)
		if ok {
			p.entry.Time = text
		}
		return ok
	case isLevel:
		if len(f.Key) == 1 { // zap's key on a terminal; elsewhere it may be anything
			l, _ := levelOf(f.Value)
			return f.Text && l != Unknown
		}
		return f.Text && len(bytes.TrimSpace(f.Value)) > 0 || !f.Text && digits(f.Value) == len(f.Value)
	}
	return f.Text
}

// rest drops the fields that are used.
func (p *Parser) rest() {
	all := p.entry.Fields
	left := all[:0]
	for _, f := range all {
		if !f.used {
			left = append(left, f)
		}
	}
	p.entry.Fields = left
}
