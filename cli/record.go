package cli

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"mktail/emit"
)

// recordBegin is the beginning of the JSON of every record.
const recordBegin = `{"cluster":`

// jsonRecord is the JSON of a record, with the keys of --fields.
type jsonRecord struct {
	Cluster   *string `json:"cluster"`
	Namespace *string `json:"ns"`
	Pod       *string `json:"pod"`
	Container *string `json:"container"`
	TS        *string `json:"ts"`
	Line      *string `json:"line"`

	Node        *string           `json:"node"`
	UID         *string           `json:"uid"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Restarts    *int              `json:"restarts"`
	Context     *string           `json:"context"`
	Image       *string           `json:"image"`

	Truncated bool      `json:"truncated"`
	Gap       *emit.Gap `json:"gap"`
}

// parse reads a line that is a record of mktail's. Not ok: it is not, or a time in it is not valid. Keys that no record has are left
// out, which is reported once.
func (l *stdinLines) parse(line []byte) (source emit.Source, r *emit.Record, ok bool) {
	if !bytes.HasPrefix(line, []byte(recordBegin)) {
		return source, r, false
	}
	got, known := jsonRecord{}, false
	if !l.foreign {
		got, known = decodeKnown(line)
	}
	if !known {
		got = jsonRecord{}
		if json.Unmarshal(line, &got) != nil {
			return source, r, false
		}
	}
	if !got.normalize() {
		return source, r, false
	}
	if !known && !l.foreign {
		if keys := foreignKeys(line); len(keys) > 0 {
			l.foreign = true
			l.log.Warn().Msgf("reading stdin: keys that are not mktail's are left out: %s", strings.Join(keys, ", "))
		}
	}
	source = emit.Source{
		Cluster: *got.Cluster, Namespace: *got.Namespace, Pod: *got.Pod, Container: *got.Container,
		Context: value(got.Context), Node: value(got.Node), UID: value(got.UID), Image: value(got.Image),
		Labels: got.Labels, Annotations: got.Annotations, Given: got.given(),
	}
	return source, &emit.Record{Stamp: []byte(*got.TS), Line: []byte(*got.Line), Restarts: value(got.Restarts), Truncated: got.Truncated, Gap: got.Gap, Joined: strings.Contains(*got.Line, "\n")}, true
}

// value returns what p points to, if to anything.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// given returns the keys of --fields that the record has.
func (r *jsonRecord) given() (fields emit.Fields) {
	add := func(field emit.Fields, given bool) {
		if given {
			fields |= field
		}
	}
	add(emit.FieldNode, r.Node != nil)
	add(emit.FieldUID, r.UID != nil)
	add(emit.FieldLabels, r.Labels != nil)
	add(emit.FieldAnnotations, r.Annotations != nil)
	add(emit.FieldRestarts, r.Restarts != nil)
	add(emit.FieldContext, r.Context != nil)
	add(emit.FieldImage, r.Image != nil)
	return fields
}

// decodeKnown reads JSON that has only keys of records. Not ok: it has others, or is not JSON.
func decodeKnown(line []byte) (got jsonRecord, ok bool) {
	line = bytes.TrimRight(line, " \t\r")
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	ok = d.Decode(&got) == nil && d.InputOffset() == int64(len(line))
	return got, ok
}

// foreignKeys returns the keys of an object that no record has, sorted.
func foreignKeys(line []byte) []string {
	var all map[string]json.RawMessage
	if json.Unmarshal(line, &all) != nil {
		return nil
	}
	for field := range reflect.TypeFor[jsonRecord]().Fields() {
		delete(all, field.Tag.Get("json"))
	}
	return slices.Sorted(maps.Keys(all))
}

// normalize brings the times into the form of stamps. It reports whether r is a record: it has the six keys, its times are valid,
// and it has no line if it is a gap.
func (r *jsonRecord) normalize() bool {
	for _, key := range []*string{r.Cluster, r.Namespace, r.Pod, r.Container, r.TS, r.Line} {
		if key == nil {
			return false
		}
	}
	times := []*string{r.TS}
	if g := r.Gap; g != nil {
		if *r.Line != "" {
			return false
		}
		for _, t := range []*string{&g.From, &g.To} {
			if *t != "" { // an empty one is not known
				times = append(times, t)
			}
		}
	}
	for _, t := range times {
		var at time.Time
		if at.UnmarshalText([]byte(*t)) != nil {
			return false
		}
		if len(*t) == stampLength && (*t)[19] == '.' && (*t)[29] == 'Z' {
			continue // it has that form already
		}
		if *t = at.UTC().Format(emit.StampLayout); len(*t) != stampLength {
			return false
		}
	}
	return true
}

// stampLength is the length of every stamp; years have four digits.
const stampLength = len("2006-01-02T15:04:05.000000000Z")

// sourceKey is equal for equal sources, and comparable.
type sourceKey struct {
	names [10]string
	given emit.Fields
}

func keyOf(s emit.Source) sourceKey {
	text := func(m map[string]string) string {
		if len(m) == 0 {
			return ""
		}
		b, _ := json.Marshal(m) // its keys are sorted
		return string(b)
	}
	return sourceKey{[10]string{s.Cluster, s.Namespace, s.Pod, s.Container, s.Context, s.Node, s.UID, s.Image, text(s.Labels), text(s.Annotations)}, s.Given}
}
