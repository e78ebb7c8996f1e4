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

// recordBegin is how the JSON of each record begins.
const recordBegin = `{"cluster":`

// jsonRecord is a record as mktail writes it, with the keys of --fields.
type jsonRecord struct {
	Cluster   *string `json:"cluster"`
	Namespace *string `json:"ns"`
	Pod       *string `json:"pod"`
	Container *string `json:"container"`
	TS        *string `json:"ts"`
	Line      *string `json:"line"`

	Node        string            `json:"node"`
	UID         string            `json:"uid"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Restarts    int               `json:"restarts"`
	Context     string            `json:"context"`
	Image       string            `json:"image"`

	Truncated bool      `json:"truncated"`
	Gap       *emit.Gap `json:"gap"`
}

// parse tells a record of mktail's from another line; one with a time that is none is another line. That records have keys
// which are left out is said once.
func (l *stdinLines) parse(line []byte) (source emit.Source, r emit.Record, ok bool) {
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
		Context: got.Context, Node: got.Node, UID: got.UID, Image: got.Image, Labels: got.Labels, Annotations: got.Annotations,
	}
	return source, emit.Record{Stamp: []byte(*got.TS), Line: []byte(*got.Line), Restarts: got.Restarts, Truncated: got.Truncated, Gap: got.Gap}, true
}

// decodeKnown reads JSON that has no other keys than a record may have; not ok: it has, or is none.
func decodeKnown(line []byte) (got jsonRecord, ok bool) {
	line = bytes.TrimRight(line, " \t\r")
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	ok = d.Decode(&got) == nil && d.InputOffset() == int64(len(line))
	return got, ok
}

// foreignKeys are the keys of an object that no record of mktail's has.
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

// normalize brings the times into the form of records. It tells whether this is one: it has the six keys, each time is one,
// and a gap has no line.
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
			if *t != "" { // else it is not known
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
			continue // it has that form
		}
		if *t = at.UTC().Format(emit.StampLayout); len(*t) != stampLength {
			return false
		}
	}
	return true
}

// stampLength is that of each stamp; years have four digits.
const stampLength = len("2006-01-02T15:04:05.000000000Z")

// sourceKey tells sources apart.
type sourceKey [10]string

func keyOf(s emit.Source) sourceKey {
	text := func(m map[string]string) string {
		if len(m) == 0 {
			return ""
		}
		b, _ := json.Marshal(m) // sorted by its keys
		return string(b)
	}
	return sourceKey{s.Cluster, s.Namespace, s.Pod, s.Container, s.Context, s.Node, s.UID, s.Image, text(s.Labels), text(s.Annotations)}
}
