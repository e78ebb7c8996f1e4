package emit

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEmbedded(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"object", `{"a": [1, "<b>"]}`, `{"a": [1, "<b>"]}`},
		{"text", `a "b"`, `"a \"b\""`},
		{"empty", ``, `""`},
		{"number", `12345678901234567890.0`, `12345678901234567890.0`},
		{"null", `null`, `null`},
		{"string", `"x\n"`, `"x\n"`},
		{"two values", `{} {}`, `"{} {}"`},
		{"cut", `{"a":`, `"{\"a\":"`},
		{"white space", " \t{\"a\"\t:\r1}\r", `{"a" : 1}`},
		{"controls and separators", "{\"\u0080\u2028\x7f\":\"ä\xff\"}", `{"\u0080\u2028\u007f":"ä\ufffd"}`},
		{"colours stay escaped", `{"a":"\u001b[31m"}`, `{"a":"\u001b[31m"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := string(JSONOptions{Embed: true}.Format(Source{})(nil, record(tt.line)))
			_, line, _ := strings.Cut(got, `"line":`)
			if line != tt.want+"}\n" || !json.Valid([]byte(got)) {
				t.Errorf("got  %swant %s", line, tt.want)
			}
		})
	}
	r := &Record{Stamp: []byte(stamp), Gap: &Gap{Reason: "rotated"}}
	if got := string(JSONOptions{Embed: true}.Format(Source{})(nil, r)); !strings.Contains(got, `"line":"","gap":{`) {
		t.Errorf("got %s", got)
	}
}

func TestIndented(t *testing.T) {
	const want = `{
  "cluster": "eu",
  "kubernetes": {
    "pod_namespace": "shop",
    "pod_name": "web-1",
    "container_name": "app"
  },
  "timestamp": "` + stamp + `",
  "message": {
    "a": [
      1
    ]
  },
  "restarts": 0,
  "truncated": true
}
`
	encode := JSONOptions{Schema: "vector", Fields: FieldRestarts, Embed: true, Indent: true}.Format(full())
	r := record(`{"a":[1]}`)
	r.Truncated = true
	for range 2 {
		if got := string(encode([]byte("before\n"), r)); got != "before\n"+want {
			t.Errorf("got %s", got)
		}
	}
}

// FuzzEmbedded tests that the line is embedded with its meaning, on one line, and safe to print.
func FuzzEmbedded(f *testing.F) {
	for _, s := range []string{"", "text", `{"a":[1,"b",null,true]}`, " [1]\r", "\"\u0080\x7f\u2028\xff\"", `"\u001b"`, "{\n}", "1e9", `{"a":1}{`, "\x1b[31m{\"a\":\"\x1b[1mb\"}\x1b[0m", "\x1b[31mred"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got := appendEmbedded(nil, in)
		var have, want any
		if err := json.Unmarshal(got, &have); err != nil {
			if _, ok := err.(*json.UnmarshalTypeError); ok { // 1e999
				return
			}
			t.Fatalf("%q: %v", got, err)
		}
		if json.Unmarshal(in, &want) != nil && json.Unmarshal(Plain(in), &want) != nil {
			want = strings.ToValidUTF8(string(bytes.ToValidUTF8(in, nil)), "")
			have = strings.ReplaceAll(have.(string), "\ufffd", "")
			want = strings.ReplaceAll(want.(string), "\ufffd", "")
		}
		if !reflect.DeepEqual(have, want) {
			t.Errorf("%q: got %q", in, got)
		}
		for _, r := range string(got) {
			if r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || !utf8.Valid(got) {
				t.Errorf("%q: %U is not escaped", in, r)
			}
		}
	})
}
