package emit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// input is what a program gets of the records of one source, one after another. What a program makes of one must be used up
// before the next: they share a map.
type input struct {
	o     FilterOptions
	value map[string]any
	valid []byte // the line, where it had to be changed
}

// keyParsed is the key of the line as JSON.
const keyParsed = "json"

func newInput(src Source, o FilterOptions) *input {
	in := &input{o: o, value: o.Fields.values(src)}
	in.value["cluster"], in.value["ns"], in.value["pod"], in.value["container"] = src.Cluster, src.Namespace, src.Pod, src.Container
	return in
}

// line is a record's line as programs see it: with U+FFFD in place of each byte that is no UTF-8, as in JSON. It is valid
// until the next call.
func (in *input) line(r *Record) []byte {
	if utf8.Valid(r.Line) {
		return r.Line
	}
	in.valid = in.valid[:0]
	for s := r.Line; len(s) > 0; {
		c, size := utf8.DecodeRune(s)
		in.valid = utf8.AppendRune(in.valid, c)
		s = s[size:]
	}
	return in.valid
}

// set makes the value of a record.
func (in *input) set(r *Record, line []byte) map[string]any {
	m := in.value
	m["ts"], m["line"] = string(r.Stamp), string(line)
	if in.o.Fields.Has(FieldRestarts) {
		m["restarts"] = r.Restarts
	}
	if in.o.Parse {
		m[keyParsed] = objectOf(line)
	}
	if delete(m, "truncated"); r.Truncated {
		m["truncated"] = true
	}
	if delete(m, "gap"); r.Gap != nil {
		m["gap"] = map[string]any{"from": r.Gap.From, "to": r.Gap.To, "reason": r.Gap.Reason}
	}
	return m
}

// objectOf is the JSON object that a line is, as fromjson has it; nil if it is none.
func objectOf(line []byte) any {
	if begin := bytes.TrimLeft(line, " \t\r\n"); len(begin) == 0 || begin[0] != '{' {
		return nil
	}
	v, err := ParseJSON(line)
	if err != nil {
		return nil
	}
	return v
}

// ParseJSON reads one JSON value for programs. Numbers keep their digits.
func ParseJSON(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one value")
	}
	return v, nil
}
