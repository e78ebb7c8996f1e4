package jq

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/itchyny/gojq"

	"mktail/emit"
)

// outputs writes the outputs of a program for the records of one source.
type outputs struct {
	shape Shape
	lends []string                  // the keys of Options.Parse that are left out of records that are let through
	self  emit.Encode               // of a record that is unchanged; nil: it is written as any output
	plain emit.Encode               // of a record that is unchanged, as JSON without Seq and Indent
	other map[[4]string]emit.Encode // with Shape.Text, by cluster, ns, pod and container
}

func newOutputs(src emit.Source, o Options, shape Shape, lends []string) *outputs {
	out := &outputs{shape: shape, lends: lends, plain: emit.JSONOptions{Fields: o.Fields}.Format(src)}
	switch {
	case shape.Text != nil:
		out.self = shape.Text(src)
		out.other = map[[4]string]emit.Encode{{src.Cluster, src.Namespace, src.Pod, src.Container}: out.self}
	case !shape.Sort && !shape.Seq && shape.Indent == "":
		out.self = out.plain
	}
	return out
}

// append appends v, an output of the program for the record r. The error says that JSON has no form for v.
func (out *outputs) append(dst []byte, v any, in *input, r *emit.Record) ([]byte, error) {
	unchanged := same(v, in.value)
	if unchanged && out.self != nil {
		return out.self(dst, r), nil
	}
	if s, ok := v.(string); ok && out.shape.Raw {
		if out.shape.Text == nil {
			return append(append(dst, s...), '\n'), nil
		}
		for line := range strings.SplitSeq(s, "\n") {
			dst = append(emit.AppendVisible(dst, []byte(line)), '\n')
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
		dst = bytes.TrimSuffix(out.plain(dst, r), []byte{'\n'})
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
		dst = emit.AppendVisibleJSON(dst[:begin], bytes.Clone(dst[begin:]))
	}
	return append(dst, '\n'), nil
}

// same reports whether two values are one and the same map, or equal strings.
func same(v, w any) bool {
	if s, ok := v.(string); ok {
		return s == w
	}
	m, ok := v.(map[string]any)
	n, both := w.(map[string]any)
	return ok && both && reflect.ValueOf(m).UnsafePointer() == reflect.ValueOf(n).UnsafePointer()
}

// asRecord reports whether a value is a record: an object in which the six keys are strings.
func asRecord(v any) (m map[string]any, ok bool) {
	m, ok = v.(map[string]any)
	return m, ok && !slices.ContainsFunc(recordKeys, func(key string) bool {
		_, ok := m[key].(string)
		return !ok
	})
}

// unparsed returns m without the keys of Options.Parse that are there only because the program saw them: the program neither changed them
// nor put them into an object itself.
func (out *outputs) unparsed(m map[string]any, in *input) map[string]any {
	original := m
	for _, key := range out.lends {
		lent := in.value[key]
		if v, ok := m[key]; !ok || !(v == nil && lent == nil) && !same(v, lent) {
			continue
		}
		if same(m, original) {
			m = maps.Clone(m)
		}
		delete(m, key)
	}
	return m
}

// builds reports whether a program puts a value under that key of an object anywhere: {key}, {key: …}, .key = …, or setpath(["key"]; …).
func builds(program reflect.Value, key string) bool {
	literal := func(s *gojq.String) bool { return s != nil && s.Str == key && len(s.Queries) == 0 }
	switch program.Kind() {
	case reflect.Pointer:
		switch q := program.Interface().(type) {
		case *gojq.ObjectKeyVal:
			if q.Key == key || q.Key == "$"+key || literal(q.KeyString) {
				return true
			}
		case *gojq.Query:
			if q != nil && q.Op >= gojq.OpAssign && q.Op <= gojq.OpUpdateAlt && names(q.Left, key) {
				return true
			}
		case *gojq.Func:
			if q != nil && q.Name == "setpath" && len(q.Args) == 2 && q.Args[0].String() == `["`+key+`"]` {
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

// names reports whether a path is that of a key of its input: .key, ."key" or .["key"].
func names(path *gojq.Query, key string) bool {
	s := path.String()
	return s == "."+key || s == `."`+key+`"` || s == `.["`+key+`"]`
}

// lastKeys are the keys that a record may have beside the six, in their order. Other keys come after these, sorted.
var lastKeys = append(strings.Split(emit.FieldNames, ", "), "truncated", "gap")

// record appends a record as JSON, its keys in the order of records.
func (out *outputs) record(dst []byte, m map[string]any) ([]byte, error) {
	begin := len(dst)
	first := slices.Concat(recordKeys, lastKeys)
	rest := slices.DeleteFunc(slices.Sorted(maps.Keys(m)), func(key string) bool { return slices.Contains(first, key) })
	for _, key := range slices.Concat(first, rest) {
		v, ok := m[key]
		if !ok {
			continue
		}
		dst = append(emit.AppendQuoted(append(dst, ','), []byte(key)), ':')
		var err error
		if dst, err = appendValue(dst, v); err != nil {
			return dst, err
		}
	}
	dst[begin] = '{'
	return append(dst, '}'), nil
}

// text appends a record as text; not ok: text has no form for it. Keys that text has no place for follow the line as JSON.
func (out *outputs) text(dst []byte, m map[string]any) (done []byte, ok bool, err error) {
	var values [6]string
	for i, key := range recordKeys {
		values[i] = m[key].(string)
	}
	if _, err := time.Parse(emit.StampLayout, values[4]); err != nil || m["gap"] != nil {
		return dst, false, nil
	}
	r := &emit.Record{Stamp: []byte(values[4]), Line: []byte(values[5]), Joined: strings.Contains(values[5], "\n")}
	r.Truncated, _ = m["truncated"].(bool)
	more := maps.Clone(m)
	maps.DeleteFunc(more, func(key string, _ any) bool {
		return slices.Contains(recordKeys, key) || slices.Contains(lastKeys, key)
	})
	if len(more) > 0 {
		var err error
		if r.Line, err = appendObject(append(r.Line, ' '), more); err != nil {
			return dst, false, err
		}
	}
	source := [4]string(values[:4])
	encode := out.other[source]
	if encode == nil {
		if len(out.other) >= maxOther {
			clear(out.other)
		}
		encode = out.shape.Text(emit.Source{Cluster: source[0], Namespace: source[1], Pod: source[2], Container: source[3]})
		out.other[source] = encode
	}
	return encode(dst, r), true, nil
}

// maxOther is how many encoders are kept for sources that a program has made up.
const maxOther = 64
