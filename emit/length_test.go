package emit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mktail/emit/applog"
)

// BenchmarkLength shows that a byte costs the same in short and in long lines, with few and with many matches.
func BenchmarkLength(b *testing.B) {
	template, err := ParseTemplate("--template", "{{.Message}}", TemplateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	stamps, _ := NewTimestamps("default", time.UTC)
	formats := []struct {
		name   string
		format Format
	}{
		{"highlight", Text(TextOptions{Color: true, Highlight: regexps("e", "xyz")})},
		{"include", Grep(GrepOptions{Include: regexps("E|z$")}, Raw(RawOptions{}))},
		{"exclude", Grep(GrepOptions{Exclude: regexps("E|zz$")}, Raw(RawOptions{}))},
		{"context", Grep(GrepOptions{Include: regexps("E|z$"), Before: 3, After: 3}, Raw(RawOptions{}))},
		{"level", Levels(LevelOptions{Least: applog.Warn, KeepUnknown: true}, Raw(RawOptions{}))},
		{"text", Text(TextOptions{Color: true})},
		{"timestamps", Text(TextOptions{Timestamps: stamps})},
		{"pretty", Text(TextOptions{Pretty: true})},
		{"json", JSON},
		{"template", template.Format(func(_ Source, _ *Record, err error) bool { b.Error(err); return false })},
	}
	for _, f := range formats {
		for _, line := range []struct{ name, part string }{
			{"few", "abcdfghijk"}, {"many", "e"}, {"escapes", "\x1b[31me\x1b[0m\""}, {"invalid", "\xff\u202e\""}, {"object", `"ke":1,`},
		} {
			for _, size := range []int{1 << 10, 100 << 10, 1 << 20} {
				b.Run(fmt.Sprintf("%s/%s/%d", f.name, line.name, size>>10), func(b *testing.B) {
					text := strings.Repeat(line.part, size/len(line.part)) + "z"
					if line.name == "object" {
						text = `{"msg":"m",` + text[:len(text)-2] + "}"
					}
					encode, r := f.format(Source{Pod: "web"}), record(text)
					var dst []byte
					b.SetBytes(int64(len(text)))
					for b.Loop() {
						r.text = nil
						dst = encode(dst[:0], r)
					}
				})
			}
		}
	}
}
