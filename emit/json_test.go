package emit

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

const stamp = "2026-01-02T03:04:05.000000000Z"

func record(line string) *Record { return &Record{Stamp: []byte(stamp), Line: []byte(line), Number: 1} }

func TestJSON(t *testing.T) {
	src := Source{Cluster: "prod-eu", Namespace: "shop", Pod: "web-7d9c-x2x", Container: "app"}
	const head = `{"cluster":"prod-eu","ns":"shop","pod":"web-7d9c-x2x","container":"app","ts":"` + stamp + `","line":`
	tests := []struct{ name, line, want string }{
		{"plain", "GET / 200", `"GET / 200"`},
		{"empty", "", `""`},
		{"quotes and backslashes", `a "b" \c`, `"a \"b\" \\c"`},
		{"html stays", "<a href='x'>&</a>", `"<a href='x'>&</a>"`},
		{"carriage return is data", "a\r", `"a\r"`},
		{"controls", "\x00\x1b[31m\a\t\x7f", `"\u0000\u001b[31m\u0007\t\u007f"`},
		{"C1 controls", "\u0080\u009b\u009f\u00a0", "\"\\u0080\\u009b\\u009f\u00a0\""},
		{"line separators", "a\u2028b\u2029", `"a\u2028b\u2029"`},
		{"invalid UTF-8", "a\xffb\xe2\x82", `"a\ufffdb\ufffd\ufffd"`},
		{"letters beyond ASCII", "grüße, 世界 🙂", `"grüße, 世界 🙂"`},
		{"json", `{"level":"info"}`, `"{\"level\":\"info\"}"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := string(JSON(src)(nil, record(tt.line)))
			if want := head + tt.want + "}\n"; got != want {
				t.Errorf("got  %swant %s", got, want)
			}
		})
	}
	t.Run("truncated", func(t *testing.T) {
		r := record("ab")
		r.Truncated = true
		got := string(JSON(src)(nil, r))
		if want := head + `"ab","truncated":true}` + "\n"; got != want {
			t.Errorf("got  %swant %s", got, want)
		}
	})
	t.Run("names are quoted", func(t *testing.T) {
		got := string(JSON(Source{Cluster: "a\"b\n"})(nil, record("")))
		if !strings.HasPrefix(got, `{"cluster":"a\"b\n","ns":"",`) {
			t.Errorf("got %s", got)
		}
	})
}

// FuzzQuoted compares the quoting with that of encoding/json: the meaning is the same, and the result safe to print.
func FuzzQuoted(f *testing.F) {
	for _, s := range []string{"", "plain text of some length", "12345678\"", "\"1234567", "a\\b", "\xc2\x80", "é", "\xed\xa0\x80",
		"\u2028", "1234567\x7f", "\x1f\x20\x21", "\xff\xfe12345678901234567890\x00", "aaaaaaa\xc3",
		"\u0080\u009f\u00a0\u2027\u2029\u202a", "\xed\xa0\xbd\xed\xb8\x80", "\xc0\x80\xf4\x90\x80\x80\xf8\x88\x80\x80\x80", "\ufffd\ufeff\uffff\U0010ffff",
		"\x1b]52;c;eA==\a\x1b]8;;x\x1b\\", `\ud800\u0000`, "<&>\b\f\v\r\n\t", "1234567\"\\\x00\x7f\x80\xff2345678"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got := AppendQuoted(nil, in)
		var back, want string
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		ref, err := json.Marshal(string(in))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(ref, &want); err != nil {
			t.Fatal(err)
		}
		if back != want {
			t.Errorf("%q: quoted %q, want %q", in, back, want)
		}
		if !utf8.Valid(got) {
			t.Errorf("%q: invalid UTF-8", got)
		}
		for _, r := range string(got) {
			if r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
				t.Errorf("%q: %U is not escaped", got, r)
			}
		}
	})
}

func BenchmarkJSON(b *testing.B) {
	for _, bb := range []struct{ name, line string }{
		{"plain", "2026/01/02 03:04:05 GET /api/v1/items/12345 200 12ms user=alice region=eu-west-1 cache=hit bytes=5120"},
		{"json", `{"level":"info","ts":1767323045.123,"msg":"request done","path":"/api/v1/items","status":200,"ms":12}`},
		{"utf8", "2026/01/02 Größe geändert: 世界 GET /api/v1/items/12345 200 12ms user=alice region=eu-west-1 übrig"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			encode := JSON(Source{Cluster: "prod-eu", Namespace: "shop", Pod: "web-7d9c-x2x", Container: "app"})
			r := record(bb.line)
			var dst []byte
			b.ReportAllocs()
			b.SetBytes(int64(len(bb.line)))
			for b.Loop() {
				dst = encode(dst[:0], r)
			}
		})
	}
}

// BenchmarkQuoted quotes a line that needs no escapes, and one that is JSON.
func BenchmarkQuoted(b *testing.B) {
	for name, line := range map[string]string{
		"plain": "GET /api/v1/orders/1003 200 41ms " + strings.Repeat("x", 67),
		"json":  `{"level":"info","ts":"2026-01-02T03:04:05Z","msg":"payment accepted","order":1003,"amount":44.99,"ok":true}`,
	} {
		b.Run(name, func(b *testing.B) {
			var dst []byte
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				dst = AppendQuoted(dst[:0], []byte(line))
			}
		})
	}
}
