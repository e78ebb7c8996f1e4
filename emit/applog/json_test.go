package applog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
)

// flattened is what members makes of an object, as encoding/json reads it.
func flattened(t *testing.T, object []byte, prefix string, depth int) (all []string) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		key := prefix + name.(string)
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			t.Fatal(err)
		}
		var text string
		switch {
		case value[0] == '"':
			if err := json.Unmarshal(value, &text); err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%q: text %q", key, text))
		case value[0] == '{' && depth < maxDepth && compact.Len() > 2:
			all = append(all, flattened(t, value, key+".", depth+1)...)
		default:
			all = append(all, fmt.Sprintf("%q: %s", key, valid(compact.Bytes())))
		}
	}
	return all
}

// valid returns text with U+FFFD in place of each byte that is not UTF-8, as encoding/json does.
func valid(s []byte) string { return string([]rune(string(s))) }

func FuzzObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `{"a" : { "b" : [ 1 , "x y" ] , "c" : {} } , "" : null }`, `{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":{"j":1}}}}}}}}}}`,
		`{"\u0061\n":"\ud83d\ude00\ud83d\ud83d\ude00\/\"\\"}`, "{\"\xff\":\"\xe2\x80\"}", `{"a":-1.5e+7,"a":true}`, `{"a":"\ud83d`, `{"a":"\\"}`, `{"a":["}"]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		line := bytes.TrimSpace(in)
		if len(line) < 2 || line[0] != '{' {
			return
		}
		var p Parser
		if got, want := p.object(line), json.Valid(line); got != want {
			t.Fatalf("%q: %v, want %v", in, got, want)
		} else if !got {
			return
		}
		var got []string
		for _, field := range p.entry.Fields {
			if field.Text {
				got = append(got, fmt.Sprintf("%q: text %q", valid(field.Key), valid(field.Value)))
			} else {
				got = append(got, fmt.Sprintf("%q: %s", valid(field.Key), valid(field.Value)))
			}
		}
		if want := flattened(t, line, "", 1); !slices.Equal(got, want) {
			t.Errorf("%q:\ngot  %q\nwant %q", in, got, want)
		}
	})
}

// FuzzParse tests that a parser reads each line as a new one would, and changes no line.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"level":"info","msg":"a\nb","time":"x1"}`), []byte(`I0102 03:04:05.123456   12345 a.go:1] m`))
	f.Add([]byte(`time=1 level=info msg="a\"b"`), []byte("2026-01-02 03:04:05\tINFO\tx.go:7\tm\t{}"))
	f.Add([]byte(`::1 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 - "-" "`), []byte("[WARN] [2026-01-02T03:04:05Z] x"))
	f.Add([]byte(`INFO[0007] x`), []byte("I, [2026-01-02T03:04:05 #7]  INFO -- a: b"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		show := func(p *Parser, line []byte) string {
			e, ok := p.Parse(line)
			if !ok {
				return ""
			}
			shown := fmt.Sprintf("%q %v %q %q", e.Time, e.Level, e.Name, e.Message)
			for _, f := range e.Fields {
				shown += fmt.Sprintf(" %q=%q", f.Key, f.Value)
			}
			return shown
		}
		var p Parser
		was := bytes.Clone(second)
		show(&p, first)
		if got, want := show(&p, second), show(new(Parser), second); got != want {
			t.Errorf("%q after %q: %s, want %s", second, first, got, want)
		}
		if !bytes.Equal(second, was) {
			t.Errorf("%q was changed to %q", was, second)
		}
	})
}

func TestParseLevel(t *testing.T) {
	for name, want := range map[string]Level{"TRACE": Trace, "dbg": Debug, "Information": Info, "warning": Warn, "err": Error, "CRITICAL": Fatal, "": Unknown, "loud": Unknown} {
		if got, ok := ParseLevel(name); got != want || ok != (want != Unknown) {
			t.Errorf("%q: %v %v", name, got, ok)
		}
	}
}
