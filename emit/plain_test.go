package emit

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "",
		"no sequence":                 "no sequence",
		"\x1b[31mERROR\x1b[0m: x":     "ERROR: x",
		"\x1b[m\x1b[1;38:5:4mx":       "x",
		"a\x1b[2Kb\x1b[?25lc\x1b[!pd": "abcd",
		"a\x1b]0;title\ab\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\": "ablink",
		"a\x1bP1q\x1b\\b\x1b_x\x1b\\c":                             "abc",
		"a\x1b(Bb\x1b7c\x1bM":                                      "abc",
		"cut\x1b[31":                                               "cut\x1b[31",
		"cut\x1b":                                                  "cut\x1b",
		"cut\x1b]0;title":                                          "cut\x1b]0;title",
		"a\x1b]0;t\x1b[31mb\ac":                                    "a\x1b]0;tb\ac",
		"a\x1b[31é":                                                "a\x1b[31é",
		"a\x1b\x1b[31mb":                                           "a\x1bb",
		"a\x1b\nb":                                                 "a\x1b\nb",
	} {
		if got := Plain([]byte(text)); string(got) != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if got := plainText(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	text := []byte("the same")
	if got := Plain(text); &got[0] != &text[0] {
		t.Error("a text without sequences is copied")
	}
}

// FuzzPlain tests that only whole sequences are left out, and that what is left has none that could be.
func FuzzPlain(f *testing.F) {
	f.Add([]byte("\x1b[31mERROR\x1b[0m: \x1b]0;x\a\x1b("))
	f.Fuzz(func(t *testing.T, text []byte) {
		var back []byte
		at := 0
		for _, p := range pieces(text) {
			for at < p.from {
				n := escapeSequence(text[at:])
				if text[at] != escape || n == 0 {
					t.Fatalf("%q: %q at %d is left out", text, text[at:p.from], at)
				}
				at += n
			}
			if p.from >= p.to || p.plain != len(back) {
				t.Fatalf("%q: piece %+v after %d bytes", text, p, len(back))
			}
			back = append(back, text[p.from:p.to]...)
			at = p.to
		}
		if got := Plain(text); !bytes.Equal(got, back) {
			t.Errorf("%q: %q, and of pieces %q", text, got, back)
		}
		for _, s := range spansOf(text, func(plain []byte) [][]int { return spans(plain, regexps("[a-z]+", "x.")) }) {
			if s[0] >= s[1] || s[0] < 0 || s[1] > len(text) {
				t.Errorf("%q: span %v", text, s)
			}
		}
	})
}

// What looks at lines looks at them without their escape sequences, and what is written is as it was.
func TestColoursHideNothing(t *testing.T) {
	line := "\x1b[31mER\x1b[1mROR\x1b[0m: disk full"
	for pattern, want := range map[string]bool{"^ERROR": true, "ERROR: disk": true, `\[31m`: false, "full$": true} {
		re := []*regexp.Regexp{regexp.MustCompile(pattern)}
		for name, o := range map[string]GrepOptions{"include": {Include: re}, "context": {Include: re, Before: 1}, "exclude": {Exclude: re}} {
			got := string(Grep(o, Raw(RawOptions{}))(Source{})(nil, &Record{Line: []byte(line)}))
			if wanted := want == (name != "exclude"); (got == line+"\n") != wanted || !wanted && got != "" {
				t.Errorf("%s %s: got %q", name, pattern, got)
			}
		}
	}
	for _, tt := range []struct {
		line, pattern, want string
	}{
		{"\x1b[31mER\x1b[1mROR\x1b[0m: disk", "ERROR:", "\x1b[31m" + highlightOn + "ER\x1b[1mROR\x1b[0m\x1b[1;31m:" + highlightOff + " disk\x1b[0m"},
		{"a\x1b[31mb\x1b[0mc", "b", "a\x1b[31m" + highlightOn + "b" + highlightOff + "\x1b[0mc\x1b[0m"},
	} {
		got := string(appendHighlighted(nil, []byte(tt.line), regexps(tt.pattern)))
		if got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.line, got, tt.want)
		}
	}
	const json = "\x1b[2m{\"level\":\"\\u001b[31merror\\u001b[0m\",\"msg\":\"disk full\"}\x1b[0m"
	if got := string(Text(TextOptions{Pretty: true})(Source{})(nil, &Record{Line: []byte(json)})); got != "ERROR disk full\n" {
		t.Errorf("pretty: %q", got)
	}
	for text, want := range map[string]string{
		`{{with parseJSON .Message}}{{.msg}}{{end}}`:              "disk full",
		`{{with tryParseJSON .Message}}{{.msg}}{{end}}`:           "disk full",
		`{{extractJSONParts .Message "msg"}}`:                     "disk full",
		`{{tryExtractJSONParts .Message "msg"}}`:                  "disk full",
		`{{with parseJSON .Message}}{{levelColor .level}}{{end}}`: "\x1b[31m\x1b[31merror\x1b[0m\x1b[0m",
	} {
		tpl, err := ParseTemplate("--template", text, TemplateOptions{Color: true})
		if err != nil {
			t.Fatal(err)
		}
		got := string(tpl.Format(func(_ Source, _ *Record, err error) bool { t.Error(err); return false })(Source{})(nil, &Record{Line: []byte(json)}))
		if strings.TrimSuffix(got, "\n") != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// A record that is used again for another line has that line's text.
func TestTextOfTheNextLine(t *testing.T) {
	var out bytes.Buffer
	o := NewOutput(&out, Grep(GrepOptions{Include: regexps("^b")}, Raw(RawOptions{})))
	s, r := o.Stream(Source{}), new(Record)
	for _, line := range []string{"\x1b[31ma", "\x1b[31mb1", "a", "b2"} {
		r.Line = []byte(line)
		if err := s.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	s.Flush()
	if err := o.Close(); err != nil || out.String() != "\x1b[31mb1\nb2\n" {
		t.Errorf("%v, %q", err, &out)
	}
}
