// Package stern compares templates with those of stern: its own code runs beside mktail's, on the same lines. It is a module of its own,
// as stern needs a later Go and its own dependencies.
package stern

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stern/stern/cmd"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"mktail/emit"
)

// values are JSON, for the key v of the lines.
var values = []string{
	"", // the key is missing
	`null`, `true`, `false`, `""`, `"x"`, `" "`, `"<&>"`, `"ü😀\u2028"`, `"\ud800"`, `"a\nb\tc"`, `"%d%s"`, `"\u001b[31mred\u001b[0m"`,
	`"DEBUG"`, `"Info"`, `"warn"`, `"WARNING"`, `"error"`, `"dpanic"`, `"panic"`, `"fatal"`, `"critical"`, `"trace"`,
	`0`, `-0`, `1`, `-1`, `10`, `20`, `30`, `40`, `50`, `60`, `99`, `100`, `50.5`, `5e1`, `1e400`, `-1e30`, `12345678901234567890`, `9223372036854775807`, `-9223372036854775808`,
	`1767323045`, `-1767323045`, `1767323045.123456789`, `1767323045.1234567891`, `-0.5`, `1767323045123`, `1767323045123456`, `1767323045123456789`, `1.767323045e9`,
	`"1767323045"`, `"1767323045.5"`, `"1767323045123"`, `"1.2.3"`, `"1.x"`, `"1."`, `".5"`, `"-1"`, `"+1"`,
	`"2026-01-02T03:04:05Z"`, `"2026-01-02T03:04:05.123456789+01:00"`, `"2026-01-02T03:04:05"`, `"2026-01-02T03:04:05.5+0100"`, `"2026-01-02 03:04:05"`, `"2026-01-02 03:04:05,25"`,
	`"2026-01-02"`, `"Fri, 02 Jan 2026 03:04:05 GMT"`, `"02/Jan/2026:03:04:05 +0000"`, `"2026-01-02 03:04:05 +0000 UTC"`, `"3:04PM"`, `"Jan  2 03:04:05"`, `"2026/01/02 03:04:05"`,
	`"9999-12-31T23:59:59Z"`, `"0001-01-01T00:00:00Z"`, `"10000-01-01T00:00:00Z"`,
	`{}`, `{"w":1}`, `{"w":{"x":"y"}}`, `{"w":null}`, `{"z":1,"a":2}`, `[]`, `[1,"a",null]`, `[{"w":1}]`,
}

// others are lines that are no objects with v.
var others = []string{
	"", " ", "x", "a b", "<b>", "ü", "null", "true", "5", `"s"`, "[]", "[1, 2]", "{", "}", "{}", ` {"v":1}`, `{"v":1} `, `{"v":1} tail`, `{"v":1}{"v":2}`, `{"v":1,}`, `{v:1}`,
	`{"v":1,"v":2}`, `{"V":1}`, `{"v.w":1,"v":{"w":2}}`, `{"":1}`, "\x1b[31mred\x1b[0m", "\xff", "a\xffb", `{"v":"` + "\xff" + `"}`, "a\tb", "a\rb", "x\r", "\x00", "\u2028",
	strings.Repeat("[", 20000), `{"v":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, strings.Repeat("x", 100000),
}

// templates are what is compared; $ stands for the value of v.
var templates = []string{
	`{{.Message}}`, `{{json .Message}}`, `{{json $}}`, `{{(parseJSON .Message).v}}`, `{{parseJSON .Message}}`, `{{tryParseJSON .Message}}`, `{{with tryParseJSON .Message}}{{.v}}{{else}}no{{end}}`,
	`{{extractJSONParts .Message "v"}}`, `{{extractJSONParts .Message}}`, `{{extractJSONParts .Message "v.w" "v" "v.w.x" "" "nope"}}`, `{{tryExtractJSONParts .Message "v" "v.w"}}`, `{{tryExtractJSONParts .Message}}`,
	`{{extjson .Message}}`, `{{ppextjson .Message}}`, `{{extjson $}}`, `{{prettyJSON .Message}}`, `{{prettyJSON $}}`, `{{prettyJSON (tryParseJSON .Message)}}`,
	`{{toRFC3339Nano $}}`, `{{toUTC $}}`, `{{toUTC $ | toRFC3339Nano}}`, `{{toTimestamp $ "2006-01-02T15:04:05.999999999 MST"}}`, `{{toTimestamp $ "15:04 MST" "Asia/Tokyo"}}`, `{{toTimestamp $ "15:04" "No/Where"}}`, `{{toTimestamp $ ""}}`,
	`{{toTimestamp (parseJSON .Message).v "2006-01-02T15:04:05.999999999 MST"}}`, `{{toRFC3339Nano (parseJSON .Message).v}}`, `{{toRFC3339Nano .Message}}`,
	`{{levelColor $}}`, `{{levelColor .Message}}`, `{{levelColor (parseJSON .Message).v}}`, `{{bunyanLevelColor $}}`, `{{bunyanLevelColor .Message}}`, `{{bunyanLevelColor (parseJSON .Message).v}}`,
	`{{colorRed .Message}}`, `{{colorBlack "%s" .Message}}`, `{{colorGreen "%v" $}}`, `{{colorYellow "%d" 5 6}}`, `{{colorBlue $}}`, `{{colorMagenta ""}}`, `{{colorCyan "%!"}}`, `{{colorWhite "x"}}`,
	`{{colorCustom .Message 3 96}}`, `{{colorCustom "x"}}`, `{{colorCustom "x" 0}}`, `{{colorCustom "x" -1 300}}`, `{{colorCustom "x" "a"}}`, `{{colorCustom "" 1}}`,
}

// text returns a template with the value in place of $.
func text(template string) string {
	return strings.ReplaceAll(template, "$", "(index (tryParseJSON .Message) \"v\")")
}

// lines are all lines that templates are tried on.
func lines() (all []string) {
	for _, v := range values {
		if v == "" {
			all = append(all, `{"u":1}`)
			continue
		}
		all = append(all, `{"v":`+v+`,"u":1}`)
	}
	return append(all, others...)
}

// sterns returns what stern writes for a line, and whether its template fails on it.
func sterns(t *testing.T, template, line, color string) (out string, failed bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "line")
	if err := os.WriteFile(path, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	stdin := os.Stdin
	defer func() { os.Stdin = stdin; file.Close() }()
	os.Stdin = file
	var stdout, stderr bytes.Buffer
	c, err := cmd.NewSternCmd(genericclioptions.IOStreams{In: file, Out: &stdout, ErrOut: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	c.SetArgs([]string{"--stdin", "--config", os.DevNull, "--color", color, "--template", template})
	c.SetOut(io.Discard)
	c.SetErr(io.Discard)
	if err := c.Execute(); err != nil {
		t.Fatalf("stern: %s: %v", template, err)
	}
	return stdout.String(), stderr.Len() > 0
}

// ours returns the same of mktail.
func ours(t *testing.T, template, line, color string) (out string, failed bool) {
	t.Helper()
	parsed, err := emit.ParseTemplate("--template", template, emit.TemplateOptions{Color: color == "always"})
	if err != nil {
		t.Fatal(err)
	}
	encode := parsed.Format(func(emit.Source, *emit.Record, error) bool { failed = true; return false })(emit.Source{})
	out = string(encode(nil, &emit.Record{Stamp: []byte("2026-01-02T03:04:05.000000000Z"), Line: []byte(line)}))
	return out, failed
}

// TestTemplates tests that templates write what they write with stern, or fail where they fail with stern.
func TestTemplates(t *testing.T) {
	for _, template := range templates {
		t.Run(template, func(t *testing.T) {
			for _, line := range lines() {
				for _, color := range []string{"never", "always"} {
					want, fails := sterns(t, text(template), line, color)
					got, failed := ours(t, text(template), line, color)
					if want != "" && !strings.HasSuffix(want, "\n") {
						want += "\n" // which mktail adds
					}
					if fails == failed && (fails || got == want) {
						continue
					}
					if better, differs := meant(t, template, line, color, want, fails); differs && !failed && same(t, template, got, better) {
						continue
					}
					t.Errorf("%.120q, colour %s:\n got %s\nwant %s", line, color, shown(got, failed), shown(want, fails))
				}
			}
		})
	}
}

// times are values that mktail reads as times, unlike stern, which takes milliseconds for seconds, and fails on the others or takes them for
// the year 1: their meaning.
var times = map[string]string{
	`0`: `1970-01-01T00:00:00Z`, `-0`: `1970-01-01T00:00:00Z`, `1`: `1970-01-01T00:00:01Z`, `2`: `1970-01-01T00:00:02Z`, `-1`: `1969-12-31T23:59:59Z`, `10`: `1970-01-01T00:00:10Z`, `20`: `1970-01-01T00:00:20Z`, `30`: `1970-01-01T00:00:30Z`, `40`: `1970-01-01T00:00:40Z`,
	`50`: `1970-01-01T00:00:50Z`, `60`: `1970-01-01T00:01:00Z`, `99`: `1970-01-01T00:01:39Z`, `100`: `1970-01-01T00:01:40Z`, `50.5`: `1970-01-01T00:00:50.5Z`, `5e1`: `1970-01-01T00:00:50Z`, `-0.5`: `1969-12-31T23:59:59.5Z`,
	`1767323045`: `2026-01-02T03:04:05Z`, `-1767323045`: `1913-12-30T20:55:55Z`, `1.767323045e9`: `2026-01-02T03:04:05Z`,
	`1767323045123`: `2026-01-02T03:04:05.123Z`, `1767323045123456`: `2026-01-02T03:04:05.123456Z`, `1767323045123456789`: `2026-01-02T03:04:05.123456789Z`, `"1767323045123"`: `2026-01-02T03:04:05.123Z`,
	`9223372036854775807`: `2262-04-11T23:47:16.854775807Z`, `-9223372036854775808`: `1677-09-21T00:12:43.145224192Z`,
	`"02/Jan/2026:03:04:05 +0000"`: `2026-01-02T03:04:05Z`, `"2026/01/02 03:04:05"`: `2026-01-02T03:04:05Z`,
}

// floats are those of times that lose digits as floats, which parseJSON makes of numbers: their meaning then.
var floats = map[string]string{
	`1767323045.123456789`: `2026-01-02T03:04:05.1234567Z`, `1767323045.1234567891`: `2026-01-02T03:04:05.1234567Z`,
	`1767323045123456789`: `2026-01-02T03:04:05.1234568Z`, `-9223372036854775808`: `1677-09-21T00:12:43.145224Z`,
}

// meant returns what mktail writes where it differs from stern, which writes want, or fails. README has the reasons.
func meant(t *testing.T, template, line, color, want string, fails bool) (out string, differs bool) {
	t.Helper()
	var object map[string]json.RawMessage
	_ = json.Unmarshal([]byte(line), &object) // others have no value
	value := string(object["v"])
	switch {
	case strings.Contains(template, "toRFC") || strings.Contains(template, "toUTC") || strings.Contains(template, "toTimestamp"):
		at := times[value]
		if float := floats[value]; float != "" && strings.Contains(template, "parseJSON") {
			at = float
		}
		if at == "" {
			return "", false
		}
		out, failed := sterns(t, text(template), `{"v":"`+at+`"}`, color)
		if failed {
			t.Fatalf("stern fails on %s", at)
		}
		if out != "" && !strings.HasSuffix(out, "\n") {
			out += "\n"
		}
		return out, true
	case strings.Contains(template, "extjson") && fails && strings.Contains(line, "\x1b["): // an escape character in JSON
		return `"\u001b[31mred\u001b[0m"`, true
	case strings.Contains(template, "extjson $") && fails && strings.Contains(value, `\u001b`):
		return value, true
	case strings.Contains(template, "extjson"):
		return strings.ReplaceAll(want, "\x1b", `\u001b`), !fails
	case template == `{{prettyJSON .Message}}`: // keys and numbers stay as they are
		return line, value != ""
	}
	return "", false
}

// same reports whether two texts are the same, or with functions that write JSON, the same value.
func same(t *testing.T, template, got, want string) bool {
	if got == want || !strings.Contains(template, "JSON .Message") && !strings.Contains(template, "extjson") {
		return got == want
	}
	value := func(text string) (v any) {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if d.Decode(&v) != nil {
			t.Errorf("this is not JSON: %.120q", text)
		}
		return v
	}
	return reflect.DeepEqual(value(got), value(want))
}

// shown is a result in messages.
func shown(out string, failed bool) string {
	if failed {
		return "an error"
	}
	return fmt.Sprintf("%.120q", out)
}
