package emit

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func templated(t *testing.T, text string, o TemplateOptions, r *Record) string {
	t.Helper()
	tmpl, err := ParseTemplate("--template", text, o)
	if err != nil {
		t.Fatal(err)
	}
	encode := tmpl.Format(func(_ Source, _ *Record, err error) bool { t.Errorf("%s: %v", text, err); return false })(full())
	return strings.TrimPrefix(string(encode([]byte("before\n"), r)), "before\n")
}

// TestTemplate tests the fields and functions, in colour.
func TestTemplate(t *testing.T) {
	const (
		zap    = `{"level":"warn","ts":1767323045.123456789,"msg":"hi","a.b":1,"a":{"b":2,"c":{"d":"e"}},"big":12345678901234567890}`
		bunyan = `{"level":50,"msg":"<hi>"}`
		web    = "\x1b[38;5;170mweb-1\x1b[0m"
	)
	for _, tt := range []struct{ name, text, line, want string }{
		{"fields", `{{.Message}} {{.Timestamp}} {{.NodeName}} {{.Namespace}} {{.PodName}} {{.ContainerName}} {{.Labels.a}} {{index .Annotations "x/y"}} {{.Cluster}} {{.Context}} {{.UID}} {{.Image}} {{.Restarts}}`,
			"x", "x " + stamp + ` n1 shop web-1 app "b" z eu admin@eu u-1 web:2 3`},
		{"a missing label", `{{.Labels.nope}}`, "", "<no value>"},
		{"newline of its own", "{{.PodName}}\n", "", "web-1\n"},
		{"several lines", "a\nb", "", "a\nb"},
		{"nothing", `{{with tryParseJSON .Message}}x{{end}}`, "text", ""},
		{"json", `{{json .}}`, "<x>", `{"message":"\u003cx\u003e","timestamp":"` + stamp + `","cluster":"eu","context":"admin@eu","nodeName":"n1","namespace":"shop","podName":"web-1","uid":"u-1","containerName":"app","image":"web:2","restarts":3,"labels":{"a":"\"b\"","app.kubernetes.io/name":"web"},"annotations":{"x/y":"z"}}`},
		{"json of a value", `{{json .Labels}}`, "", `{"a":"\"b\"","app.kubernetes.io/name":"web"}`},
		{"parseJSON", `{{(parseJSON .Message).msg}}`, zap, "hi"},
		{"tryParseJSON keeps digits", `{{(tryParseJSON .Message).big}}`, zap, "12345678901234567890"},
		{"extractJSONParts", `{{extractJSONParts .Message "msg" "a.b" "a.c.d" "x.y"}}`, zap, "hi, 1, e, <nil>"},
		{"tryExtractJSONParts", `{{tryExtractJSONParts .Message "msg"}}`, zap, "hi"},
		{"tryExtractJSONParts of text", `{{tryExtractJSONParts .Message "msg"}}`, "text", "text"},
		{"prettyJSON", `{{prettyJSON .Message}}`, `{"b":1,"a":[2]}`, "{\n  \"b\": 1,\n  \"a\": [\n    2\n  ]\n}"},
		{"prettyJSON of an object", `{{prettyJSON (parseJSON .Message)}}`, `{"b":1}`, "{\n  \"b\": 1\n}"},
		{"prettyJSON of text", `{{prettyJSON .Message}}{{prettyJSON 5}}`, "[1]", "[1]5"},
		{"extjson", `{{extjson .}}`, bunyan, `{"cluster":"eu","namespace":"shop","pod":"web-1","container":"app","timestamp":"` + stamp + `","message":` + bunyan + `}`},
		{"extjson of text", `{{extjson .Message}}`, "<x>", `"<x>"`},
		{"ppextjson", `{{ppextjson .Message}}`, bunyan, "{\n  \"level\": 50,\n  \"msg\": \"<hi>\"\n}"},
		{"toUTC", `{{toUTC (tryParseJSON .Message).ts | toRFC3339Nano}}`, zap, "2026-01-02T03:04:05.123456789Z"},
		{"toRFC3339Nano of text", `{{toRFC3339Nano .Timestamp}} {{toRFC3339Nano "x"}}`, "", "2026-01-02T03:04:05Z 0001-01-01T00:00:00Z"},
		{"toTimestamp", `{{toTimestamp .Timestamp "15:04"}} {{toTimestamp .Timestamp "15:04 MST" "Asia/Tokyo"}} {{toTimestamp 1767323045 "15:04:05" "UTC"}}`, "", "03:04 12:04 JST 03:04:05"},
		{"color", `{{color .PodColor .PodName}} {{color .ContainerColor "x"}}`, "", web + " \x1b[38;5;170mx\x1b[0m"},
		{"colorCustom", `{{colorCustom "Hi" 3 96}}{{colorCustom "x"}}`, "", "\x1b[3;96mHi\x1b[23;0m\x1b[mx\x1b[m"},
		{"colours", `{{colorBlack "a"}}{{colorRed "b"}}{{colorGreen "c"}}{{colorYellow "d"}}{{colorBlue "e"}}{{colorMagenta "f"}}{{colorCyan "g"}}{{colorWhite "h"}}`, "",
			"\x1b[30ma\x1b[0m\x1b[31mb\x1b[0m\x1b[32mc\x1b[0m\x1b[33md\x1b[0m\x1b[34me\x1b[0m\x1b[35mf\x1b[0m\x1b[36mg\x1b[0m\x1b[37mh\x1b[0m"},
		{"a colour's format", `{{colorRed "%d%%" 5}}{{colorRed "%d"}}`, "", "\x1b[31m5%\x1b[0m\x1b[31m%d\x1b[0m"},
		{"levelColor", `{{levelColor "DEBUG"}}{{levelColor "info"}}{{levelColor "warning"}}{{levelColor "panic"}}{{levelColor "critical"}}{{levelColor "odd"}}{{levelColor 5}}`, "",
			"\x1b[35mDEBUG\x1b[0m\x1b[34minfo\x1b[0m\x1b[33mwarning\x1b[0m\x1b[31mpanic\x1b[0m\x1b[36mcritical\x1b[0modd"},
		{"bunyanLevelColor", `{{bunyanLevelColor (tryParseJSON .Message).level}}{{bunyanLevelColor (parseJSON .Message).level}}{{bunyanLevelColor "x"}}`, bunyan, "\x1b[31m50\x1b[0m\x1b[31m50\x1b[0m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := record(tt.line)
			r.Restarts = 3
			want := tt.want
			if want != "" && !strings.HasSuffix(want, "\n") {
				want += "\n"
			}
			if got := templated(t, tt.text, TemplateOptions{Color: true}, r); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
	if got := templated(t, `{{colorRed "a"}}{{color .PodColor "b"}}{{levelColor "info"}}{{bunyanLevelColor 50.0}}{{colorCustom "c" 1}}`, TemplateOptions{}, record("")); got != "abinfo50c\n" {
		t.Errorf("without colours: %q", got)
	}
}

// The time of a record has the form that is wanted, and is there if none is.
func TestTemplateTimestamp(t *testing.T) {
	short, _ := NewTimestamps("short", time.FixedZone("CET", 3600))
	for _, tt := range []struct {
		form Timestamps
		want string
	}{{Timestamps{}, stamp + "\n"}, {short, "01-02 04:04:05\n"}} {
		if got := templated(t, "{{.Timestamp}}", TemplateOptions{Timestamps: tt.form}, record("x")); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// No log steers a terminal, by its lines or by the values in them; colours of the template pass.
func TestTemplateVisible(t *testing.T) {
	const line = `{"msg":"\u001b]0;title\u0007\u009b2J\u202e\u001b[31mred"}`
	for _, tt := range []struct {
		name, text string
		o          TemplateOptions
		line, want string
	}{
		{"line", "{{.Message}}", TemplateOptions{Visible: true}, "\x1b]0;x\a\x1b[31mred\r", `\x1b]0;x\x07\x1b[31mred`},
		{"line in colour", "{{colorBlue .Message}}", TemplateOptions{Visible: true, Color: true}, "\x1b[2Jx", "\x1b[34m" + `\x1b[2Jx` + "\x1b[0m\x1b[0m"},
		{"value", "{{(parseJSON .Message).msg}}", TemplateOptions{Visible: true}, line, `\x1b]0;title\x07\x9b2J\u202e\x1b[31mred`},
		{"line breaks stay", "{{.PodName}}\n\n{{.Message}}\n", TemplateOptions{Visible: true}, "x", "web-1\n\nx"},
		{"in a pipe", "{{.Message}}", TemplateOptions{}, "\x1b]0;x\a\xff\r", "\x1b]0;x\a\xff\r"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := templated(t, tt.text, tt.o, record(tt.line)); got != tt.want+"\n" {
				t.Errorf("got  %q\nwant %q", got, tt.want+"\n")
			}
		})
	}
}

// A field that the data doesn't have is a mistake before any record comes, wherever it stands.
func TestTemplateFields(t *testing.T) {
	for text, want := range map[string]string{
		`{{.Foo}}`: "--template:1:2: there is no field Foo; there are Annotations, Cluster, ContainerColor, ContainerName, Context, Image, Labels, " +
			"Message, Namespace, NodeName, PodColor, PodName, Restarts, Timestamp, UID",
		"\n{{.PodName}} {{printf \"%s\" .Foo}}":                              "--template:2:27: there is no field Foo;",
		`{{if eq .Cluster "x"}}{{.message}}{{end}}`:                          "there is no field message;",
		`{{if .Labels}}x{{else}}{{.Foo}}{{end}}`:                             "there is no field Foo;",
		`{{with .Foo}}{{end}}`:                                               "there is no field Foo;",
		`{{with tryParseJSON .Message}}{{.msg}}{{else}}{{.Foo}}{{end}}`:      "there is no field Foo;",
		`{{range $k, $v := .Labels}}{{.x}}{{$.Foo}}{{end}}`:                  "there is no field Foo;",
		`{{$x := (json .Foo)}}`:                                              "there is no field Foo;",
		`{{.PodName.Foo}}`:                                                   "there is no field Foo in PodName",
		`{{.Labels.app.Foo}}`:                                                "there is no field Foo in Labels.app",
		`{{template "x" .Foo}}{{define "x"}}{{end}}`:                         "there is no field Foo;",
		`{{(tryParseJSON .Foo).x.y}}`:                                        "there is no field Foo;",
		`{{with tryParseJSON .Message}}{{.msg.x}}{{$.Labels.x}}{{end}}`:      "",
		`{{range .Labels}}{{.Foo}}{{end}}{{block "x" .Labels}}{{.y}}{{end}}`: "",
		`{{define "x"}}{{end}}`:                                              "",
		`{{color .PodColor .PodName}}{{. | json}}{{$}}`:                      "",
	} {
		_, err := ParseTemplate("--template", text, TemplateOptions{})
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// An error stands in place of the output of its record, beside the line; so does output without end, and a gap is none.
func TestTemplateError(t *testing.T) {
	for _, text := range []string{"{{", "{{nope}}", "{{.Message | nope}}", "{{if}}"} {
		if _, err := ParseTemplate("-T x.tpl", text, TemplateOptions{}); err == nil || !strings.HasPrefix(err.Error(), "-T x.tpl:1: ") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		`{{.PodName}} {{(parseJSON .Message).a}}`:                   `error calling parseJSON`,
		`{{define "x"}}{{.Nope}}{{end}}{{template "x" .}}`:          "can't evaluate field Nope",
		`{{.PodName}}{{range 100000}}{{printf "%01000d" 1}}{{end}}`: "more than 64 MiB of output from one record",
		`x{{toTimestamp "no time" "15"}}`:                           `"no time" is no time`,
		`x{{toTimestamp .Timestamp "15" "X/Y"}}`:                    "unknown time zone X/Y",
		`{{define "r"}}{{template "r"}}{{end}}{{template "r"}}`:     "exceeded maximum template depth",
	} {
		var errs []string
		tmpl, err := ParseTemplate("--template", text, TemplateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		encode := tmpl.Format(func(src Source, _ *Record, err error) bool {
			errs = append(errs, src.Pod+": "+err.Error())
			return true
		})(full())
		got := string(encode([]byte("before\n"), record("no json")))
		if !strings.HasPrefix(got, "before\n[") || !strings.HasSuffix(got, "] no json\n") || !strings.Contains(got, want) || strings.Count(got, "\n") != 2 {
			t.Errorf("%s: got %.60q", text, got)
		}
		if got := string(encode(nil, record("more"))); got != "" {
			t.Errorf("%s: after the end: %q", text, got)
		}
		if len(errs) != 1 || !strings.HasPrefix(errs[0], "web-1: ") || strings.Contains(errs[0], "template: ") || !strings.Contains(errs[0], want) {
			t.Errorf("%s: errors %.300q", text, errs)
		}
	}
	for _, color := range []bool{false, true} { // an error has what a pod wrote in it
		tmpl, err := ParseTemplate("--template", `{{toTimestamp .Message "15"}}`, TemplateOptions{Visible: true, Color: color})
		if err != nil {
			t.Fatal(err)
		}
		line := strings.Repeat("é\x1b[2J", 1000)
		got := string(tmpl.Format(func(Source, *Record, error) bool { return false })(full())(nil, record(line)))
		if strings.Contains(got, "\x1b[2J") || strings.Count(got, "\n") != 1 || strings.Count(got, "é") < 1000 || len(got) > 1000*len("é\\x1b[2J")+maxFailure*6 {
			t.Errorf("colour %t: %.200q, %d bytes", color, got, len(got))
		}
	}
	tmpl, err := ParseTemplate("--template", `{{.PodName}} {{(parseJSON .Message).a}}`, TemplateOptions{Visible: true})
	if err != nil {
		t.Fatal(err)
	}
	got := string(tmpl.Format(func(Source, *Record, error) bool { return false })(full())([]byte("before\n"), record("no json")))
	if !strings.HasPrefix(got, "before\n[") || !strings.HasSuffix(got, "] no json\n") {
		t.Errorf("on a terminal, after other records: %q", got)
	}
	r := &Record{Stamp: []byte(stamp), Gap: &Gap{}}
	if got := templated(t, "x", TemplateOptions{}, r); got != "" {
		t.Errorf("a gap: %q", got)
	}
	r = record("ab")
	r.Truncated = true
	if got := templated(t, "{{.Message}}", TemplateOptions{}, r); got != "ab…\n" {
		t.Errorf("truncated: %q", got)
	}
}

func TestTimeOf(t *testing.T) {
	const layout = "2006-01-02T15:04:05.999999999Z"
	for in, want := range map[string]string{
		"1767323045":                    "2026-01-02T03:04:05Z",
		"1767323045.000000001":          "2026-01-02T03:04:05.000000001Z",
		"1767323045123":                 "2026-01-02T03:04:05.123Z",
		"1767323045123.456":             "2026-01-02T03:04:05.123456Z",
		"1767323045123456":              "2026-01-02T03:04:05.123456Z",
		"1767323045123456789":           "2026-01-02T03:04:05.123456789Z",
		"1.767323045e9":                 "2026-01-02T03:04:05Z",
		"-0.5":                          "1969-12-31T23:59:59.5Z",
		"2026-01-02T04:04:05.5+01:00":   "2026-01-02T03:04:05.5Z",
		"2026-01-02T04:04:05.500+0100":  "2026-01-02T03:04:05.5Z",
		"2026-01-02 03:04:05,25":        "2026-01-02T03:04:05.25Z",
		"2026-01-02":                    "2026-01-02T00:00:00Z",
		"Fri, 02 Jan 2026 03:04:05 GMT": "2026-01-02T03:04:05Z",
		"02/Jan/2026:03:04:05 +0000":    "2026-01-02T03:04:05Z",
		"2026-01-02 03:04:05 +0000 UTC": "2026-01-02T03:04:05Z",
	} {
		if got, err := timeOf(in); err != nil || got.UTC().Format(layout) != want {
			t.Errorf("%s: got %s, %v, want %s", in, got.UTC().Format(layout), err, want)
		}
	}
	for _, in := range []any{"", "x", "1.x", "1e400", "--1", "99999999999999999999", true, []any{}} {
		if got, err := timeOf(in); err == nil {
			t.Errorf("%v: got %s", in, got)
		}
	}
	if got, err := timeOf(1767323045.5); err != nil || got.UTC().Format(layout) != "2026-01-02T03:04:05.5Z" {
		t.Errorf("got %s, %v", got, err)
	}
}
