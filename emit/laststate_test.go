package emit

import (
	"strings"
	"testing"
)

// Progress bars: a terminal gets the last state of a line that was written over, anything else gets all of it.
func TestLastState(t *testing.T) {
	for line, want := range map[string]string{
		"plain":                              "plain",
		"10%\r50%\r100%":                     "100%",
		"10%\r100%\r":                        "100%",
		"10%\r100%\r\r\r":                    "100%",
		"\r\r100%":                           "100%",
		"10%\r\x1b[K100%\x1b[K":              "100%",
		"10%\r\x1b[2K100%\r\x1b[2K":          "100%",
		"\x1b[2K\x1b[1G10%\x1b[2K\x1b[G100%": "100%",
		"\x1b[2K\x1b[1Gdone\x1b[0G":          "done",
		"10%\x1b[0G\x1b[0K\x1b[1K100%":       "100%",
		"10%\r\x1b[32m\x1b[K100%\x1b[0m":     `\x1b[32m100%\x1b[0m`,
		"a \x1b[Kmatch\x1b[K b\x1b[2Kc":      "a match bc",
		"a\x1b[2Gb\x1b[3Kc\x1b[11Gd\x1b[":    `a\x1b[2Gb\x1b[3Kc\x1b[11Gd\x1b[`,
		"a\x1b\x1b[K[2Jb":                    `a\x1b[2Jb`,
		"\r":                                 "",
		"":                                   "",
		"|\b/\b-\b\\":                        `\`,
		"abc\b\b\bxyz":                       "xyz",
		"abc\b":                              "abc",
		"ab\b \bc":                           "ac",
		"\b\b\bx":                            "x",
		"_\bé_\bn":                           "én",
		"50%\r|\b/ done":                     "/ done",
		"a\x1b[31mb\bc":                      "ac",
		"a\rb\x1b]0;t\x07":                   `b\x1b]0;t\x07`,
		"日\b月":                               "月",
		"a\r" + strings.Repeat("\b", 9):      `a`,
	} {
		got := string(Text(TextOptions{Terminal: true})(Source{})(nil, record(line)))
		if got != want+"\n" {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
		if got := string(Text(TextOptions{})(Source{})(nil, record(line))); strings.Contains(strings.TrimSuffix(line, "\r"), "\r") && !strings.Contains(got, `\x0d`) {
			t.Errorf("%q not on a terminal: %q", line, got)
		}
	}
	for line, want := range map[string]string{
		"\x1b[01;31m\x1b[Kmatch\x1b[m\x1b[K":       "\x1b[01;31mmatch\x1b[m\x1b[0m",
		"a\x1b\x1b[K[8mb\x1b\x1b[2K[31mc":          `a\x1b[8mb` + "\x1b[31mc\x1b[0m",
		"\x1b[32m10%\r50%":                         "\x1b[32m50%\x1b[0m",
		"\x1b[32m10%\x1b[0m\r\x1b[33m50%\x1b[0m\r": "\x1b[32m\x1b[0m\x1b[33m50%\x1b[0m\x1b[0m",
	} {
		if got := string(Text(TextOptions{Terminal: true, Color: true})(Source{})(nil, record(line))); got != want+"\n" {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
	got := string(Text(TextOptions{Terminal: true, Color: true, Highlight: regexps("error")})(Source{})(nil, record("error 1\rerror 2")))
	if want := highlightOn + "error" + highlightOff + " 2\n"; got != want {
		t.Errorf("highlighted: got %q, want %q", got, want)
	}
}
