package emit

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/itchyny/gojq"
)

// outputs writes what a program makes of the records of one source.
type outputs struct {
	shape Shape
	lends bool   // the line as JSON, which is no key of a record that is let through
	self  Encode // of a record that is as it was; nil: such one is written as any
	plain Encode // likewise, without Seq and Indent; as JSON
	other map[[4]string]Encode
}

func newOutputs(src Source, o FilterOptions, shape Shape, lends bool) *outputs {
	out := &outputs{shape: shape, lends: lends, plain: JSONOptions{Fields: o.Fields}.Format(src)}
	switch {
	case shape.Text != nil:
		out.self = shape.Text(src)
		out.other = map[[4]string]Encode{{src.Cluster, src.Namespace, src.Pod, src.Container}: out.self}
	case !shape.Sort && !shape.Seq && shape.Indent == "":
		out.self = out.plain
	}
	return out
}

// append appends an output of the program for the record r. The error is that v is nothing that JSON has.
func (out *outputs) append(dst []byte, v any, in *input, r *Record) ([]byte, error) {
	unchanged := same(v, in.value)
	if unchanged && out.self != nil {
		return out.self(dst, *r), nil
	}
	if s, ok := v.(string); ok && out.shape.Raw {
		if out.shape.Text == nil {
			return append(append(dst, s...), '\n'), nil
		}
		for line := range strings.SplitSeq(s, "\n") {
			dst = append(appendVisible(dst, []byte(line), false), '\n')
		}
		return dst, nil
	}
	m, record := asRecord(v)
	if record && out.shape.Text != nil {
		if done, ok, err := out.text(dst, out.unparsed(m, in)); ok || err != nil {
			return done, err
		}
	}
	if out.shape.Seq {
		dst = append(dst, 0x1e)
	}
	begin := len(dst)
	var err error
	switch {
	case record && !out.shape.Sort && unchanged:
		dst = bytes.TrimSuffix(out.plain(dst, *r), []byte{'\n'})
	case record && !out.shape.Sort:
		dst, err = out.record(dst, out.unparsed(m, in))
	case record:
		dst, err = appendValue(dst, out.unparsed(m, in))
	default:
		dst, err = appendValue(dst, v)
	}
	if err != nil {
		return dst, err
	}
	if out.shape.Indent != "" {
		var wide bytes.Buffer
		if err := json.Indent(&wide, dst[begin:], "", out.shape.Indent); err != nil {
			return dst, err
		}
		dst = append(dst[:begin], wide.Bytes()...)
	}
	if out.shape.Text != nil {
		dst = appendVisible(dst[:begin], bytes.Clone(dst[begin:]), false)
	}
	return append(dst, '\n'), nil
}

// same tells whether two values are one and the same map.
func same(v, w any) bool {
	m, ok := v.(map[string]any)
	n, both := w.(map[string]any)
	return ok && both && reflect.ValueOf(m).UnsafePointer() == reflect.ValueOf(n).UnsafePointer()
}

// asRecord tells whether a value is a record: an object in which the six keys are strings.
func asRecord(v any) (m map[string]any, ok bool) {
	m, ok = v.(map[string]any)
	return m, ok && !slices.ContainsFunc(keys, func(key string) bool {
		_, ok := m[key].(string)
		return !ok
	})
}

// unparsed is m without the line as JSON if that was only lent to the program: it neither made it nor put it into an object.
func (out *outputs) unparsed(m map[string]any, in *input) map[string]any {
	if !out.lends {
		return m
	}
	lent := in.value[keyParsed]
	if v, ok := m[keyParsed]; !ok || !(v == nil && lent == nil) && !same(v, lent) {
		return m
	}
	m = maps.Clone(m)
	delete(m, keyParsed)
	return m
}

// builds tells whether a program has an object with that key anywhere in it: {key} or {key: …}.
func builds(program reflect.Value, key string) bool {
	switch program.Kind() {
	case reflect.Pointer:
		if kv, ok := program.Interface().(*gojq.ObjectKeyVal); ok {
			s := kv.KeyString
			if kv.Key == key || s != nil && s.Str == key && len(s.Queries) == 0 {
				return true
			}
		}
		return !program.IsNil() && builds(program.Elem(), key)
	case reflect.Slice:
		for i := range program.Len() {
			if builds(program.Index(i), key) {
				return true
			}
		}
	case reflect.Struct:
		for i := range program.NumField() {
			if builds(program.Field(i), key) {
				return true
			}
		}
	}
	return false
}

// lastKeys is the order of the keys that a record may have beside the six. Others come after them, sorted.
var lastKeys = append(strings.Split(FieldNames, ", "), "truncated", "gap")

// record appends a record as JSON, its keys in the order of records.
func (out *outputs) record(dst []byte, m map[string]any) ([]byte, error) {
	begin := len(dst)
	first := slices.Concat(keys, lastKeys)
	rest := slices.DeleteFunc(slices.Sorted(maps.Keys(m)), func(key string) bool { return slices.Contains(first, key) })
	for _, key := range slices.Concat(first, rest) {
		v, ok := m[key]
		if !ok {
			continue
		}
		dst = append(appendQuoted(append(dst, ','), []byte(key)), ':')
		var err error
		if dst, err = appendValue(dst, v); err != nil {
			return dst, err
		}
	}
	dst[begin] = '{'
	return append(dst, '}'), nil
}

// text appends a record as text; not ok: it can't be that. Keys that text has no place for stand as JSON after the line.
func (out *outputs) text(dst []byte, m map[string]any) (done []byte, ok bool, err error) {
	var values [6]string
	for i, key := range keys {
		values[i] = m[key].(string)
	}
	if _, err := time.Parse(StampLayout, values[4]); err != nil || m["gap"] != nil {
		return dst, false, nil
	}
	r := Record{Stamp: []byte(values[4]), Line: []byte(values[5])}
	r.Truncated, _ = m["truncated"].(bool)
	more := maps.Clone(m)
	maps.DeleteFunc(more, func(key string, _ any) bool { return slices.Contains(keys, key) || slices.Contains(lastKeys, key) })
	if len(more) > 0 {
		var err error
		if r.Line, err = appendObject(append(r.Line, ' '), more); err != nil {
			return dst, false, err
		}
	}
	source := [4]string(values[:4])
	encode := out.other[source]
	if encode == nil {
		if len(out.other) >= mostOther {
			clear(out.other)
		}
		encode = out.shape.Text(Source{Cluster: source[0], Namespace: source[1], Pod: source[2], Container: source[3]})
		out.other[source] = encode
	}
	return encode(dst, r), true, nil
}

// mostOther is how many sources of a program's making are kept.
const mostOther = 64
