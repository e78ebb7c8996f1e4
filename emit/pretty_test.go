package emit

import (
	"strings"
	"testing"
	"unicode"
)

func TestPretty(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"zap", `{"level":"info","ts":1767323045.1234567,"caller":"a/b.go:7","msg":"server up","port":8080}`,
			"2026-01-02T03:04:05.1234567Z INFO server up caller=a/b.go:7 port=8080"},
		{"zerolog", `{"level":"warn","user":"a b","time":1767323045,"message":"slow"}`, `2026-01-02T03:04:05Z WARN slow user="a b"`},
		{"logrus", `{"level":"error","msg":"boom","time":"2026-01-02T03:04:05Z","error":"x=\"y\""}`, `2026-01-02T03:04:05Z ERROR boom error="x=\"y\""`},
		{"slog", `{"time":"2026-01-02T03:04:05.5+01:00","level":"INFO+2","msg":"hi","g":{"a": [1, 2],"b":null},"ok":true}`,
			`2026-01-02T03:04:05.5+01:00 INFO+2 hi g={"a":[1,2],"b":null} ok=true`},
		{"bunyan", `{"name":"api","hostname":"h","pid":1,"level":50,"msg":"boom","time":"2026-01-02T03:04:05.123Z","v":0}`,
			"2026-01-02T03:04:05.123Z ERROR boom name=api hostname=h pid=1 v=0"},
		{"pino", `{"level":10,"time":1767323045123,"msg":"m"}`, "2026-01-02T03:04:05.123Z TRACE m"},
		{"logstash", `{"@timestamp":"2026-01-02T03:04:05.123Z","@version":"1","message":"m","level":"DEBUG","level_value":10000}`,
			"2026-01-02T03:04:05.123Z DEBUG m @version=1 level_value=10000"},
		{"nanoseconds", `{"ts":1767323045123456789,"msg":"m"}`, "2026-01-02T03:04:05.123456789Z m"},
		{"levels between and beyond", `{"level":35,"msg":"m","lvl":99}`, "INFO m lvl=99"},
		{"key of two words", `{"time ts":"x","level":"info"}`, `{"time ts":"x","level":"info"}`},
		{"a level beyond", `{"level":99,"msg":"m"}`, "99 m"},
		{"digits stay", `{"level":"i","msg":"","n":12345678901234567890.10}`, "I n=12345678901234567890.10"},
		{"uptime is no time", `{"ts":12.5,"level":"info","msg":"m"}`, "INFO m ts=12.5"},
		{"second of its kind stays", `{"msg":"a","message":"b","level":"info"}`, "INFO a message=b"},
		{"message that is none", `{"level":"info","ts":1767323045,"msg":{"a":1}}`, `2026-01-02T03:04:05Z INFO msg={"a":1}`},
		{"stack trace", `{"level":"error","msg":"a\nb","stack":"x\n\ty"}`, `ERROR a\x0ab stack="x\n\ty"`},
		{"empty value and odd key", `{"level":"info","msg":"m","":"","a b":"\\"}`, `INFO m ""="" "a b"="\\"`},
		{"carriage return at the end", `{"level":"info","msg":"m"}` + "\r", "INFO m"},

		{"text", "plain {text}", "plain {text}"},
		{"another object", `{"a": 1, "message":"x"}`, `{"a": 1, "message":"x"}`},
		{"array", `["level","msg"]`, `["level","msg"]`},
		{"cut", `{"level":"info","msg":"m"`, `{"level":"info","msg":"m"`},
		{"more than an object", `{"level":"info","msg":"m"} {}`, `{"level":"info","msg":"m"} {}`},
		{"not quite JSON", `{"level":"info","msg":"m",}`, `{"level":"info","msg":"m",}`},
		{"braces", `{}`, `{}`},
		{"empty", ``, ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := string(Text(TextOptions{Pretty: true})(Source{Cluster: "c", Pod: "p", Container: "a"})(nil, record(tt.line)))
			if want := "c p a " + tt.want + "\n"; got != want {
				t.Errorf("got  %swant %s", got, want)
			}
		})
	}
}

func TestPrettyColor(t *testing.T) {
	for level, want := range map[string]string{
		`10`: "\x1b[35mTRACE\x1b[0m", `"debug"`: "\x1b[35mDEBUG\x1b[0m", `"Information"`: "\x1b[34mINFORMATION\x1b[0m", `"WARN-2"`: "\x1b[33mWARN-2\x1b[0m",
		`50`: "\x1b[31mERROR\x1b[0m", `60`: "\x1b[36mFATAL\x1b[0m", `"odd"`: "ODD", `"alert"`: "\x1b[36mALERT\x1b[0m", `"\u001b[31m"`: `\x1b[31M`,
	} {
		e, ok := readEntry([]byte(`{"msg":"m","level":` + level + `}`))
		if got := string(e.appendText(nil, true)); !ok || got != want+" m" {
			t.Errorf("%s: got %q", level, got)
		}
	}
}

// FuzzPretty tests that no logger can steer a terminal, and that all of an entry is on one line.
func FuzzPretty(f *testing.F) {
	for _, s := range []string{`{"level":"\u001b]0;x\u0007","msg":"\u009b2J\u202e\n","time":"\u001b[31m"}`, `{"msg":"m","level":10,"\u001b[A":{"\u202e":"` + "\u202e\xff" + `"}}`,
		`{"level":60,"ts":-1e18,"msg":""}`, `{"level":{},"ts":[],"msg":1}`, `{`, `{"a"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out := string(Text(TextOptions{Pretty: true})(Source{})(nil, &Record{Line: in}))
		for _, r := range strings.TrimSuffix(out, "\n") {
			if unicode.IsControl(r) && r != '\t' || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
				t.Errorf("%q: %U in %q", in, r, out)
			}
		}
	})
}
