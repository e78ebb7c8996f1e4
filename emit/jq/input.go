package jq

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"mktail/emit"
	"mktail/emit/applog"
)

// input makes the objects that a program sees of the records of one source, one after another. All are the same map: what a
// program makes of one record must be used up before the next record.
type input struct {
	o     Options
	value map[string]any
	valid []byte // the line, if it had to be changed

	parser applog.Parser // for the level
}

// The keys that Options.Parse adds: of the parsed line, and of the level of the line.
const (
	keyParsed = "json"
	keyLevel  = "level"
)

func newInput(src emit.Source, o Options) *input {
	o.Fields |= src.Given
	in := &input{o: o, value: fieldValues(o.Fields, src)}
	in.value["cluster"], in.value["ns"], in.value["pod"], in.value["container"] = src.Cluster, src.Namespace, src.Pod, src.Container
	return in
}

// fieldValues are the fields of a source by their keys, except the restarts, which are the record's.
func fieldValues(fields emit.Fields, src emit.Source) map[string]any {
	all := make(map[string]any)
	object := func(m map[string]string) map[string]any {
		o := make(map[string]any, len(m))
		for k, v := range m {
			o[k] = v
		}
		return o
	}
	for _, field := range []struct {
		is    emit.Fields
		key   string
		value any
	}{
		{emit.FieldNode, "node", src.Node},
		{emit.FieldUID, "uid", src.UID},
		{emit.FieldLabels, "labels", object(src.Labels)},
		{emit.FieldAnnotations, "annotations", object(src.Annotations)},
		{emit.FieldContext, "context", src.Context},
		{emit.FieldImage, "image", src.Image},
	} {
		if fields.Has(field.is) {
			all[field.key] = field.value
		}
	}
	return all
}

// line returns a record's line as programs see it: with U+FFFD in place of each byte that is not UTF-8, as in JSON. The result
// is valid until the next call.
func (in *input) line(r *emit.Record) []byte {
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

// set makes the object of a record whose line is as line returned it.
func (in *input) set(r *emit.Record, line []byte) map[string]any {
	m := in.value
	m["ts"], m["line"] = string(r.Stamp), string(line)
	if in.o.Fields.Has(emit.FieldRestarts) {
		m["restarts"] = r.Restarts
	}
	if in.o.Parse {
		m[keyParsed], m[keyLevel] = objectOf(line), in.level(line)
	}
	if delete(m, "truncated"); r.Truncated {
		m["truncated"] = true
	}
	if delete(m, "gap"); r.Gap != nil {
		m["gap"] = map[string]any{"from": r.Gap.From, "to": r.Gap.To, "reason": r.Gap.Reason}
	}
	return m
}

// level returns the level of a line, as applog.Level has it; nil if it has none.
func (in *input) level(line []byte) any {
	if level := in.parser.Level(emit.Plain(line)); level != applog.Unknown {
		return level.String()
	}
	return nil
}

// objectOf returns the JSON object that a line is, as fromjson would; nil if the line is not an object.
func objectOf(line []byte) any {
	line = emit.Plain(line)
	if begin := bytes.TrimLeft(line, " \t\r\n"); len(begin) == 0 || begin[0] != '{' {
		return nil
	}
	v, err := ParseJSON(line)
	if err != nil {
		return nil
	}
	return v
}

// ParseJSON reads one JSON value as programs take it, for Options.Variables. Numbers keep their digits.
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
