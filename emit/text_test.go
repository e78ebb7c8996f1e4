package emit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	src := Source{Cluster: "prod-eu", Namespace: "shop", Pod: "web-1", Container: "app"}
	tests := []struct {
		name string
		o    TextOptions
		line string
		want string
	}{
		{"plain", TextOptions{}, "GET / 200", "prod-eu shop web-1 app GET / 200\n"},
		{"empty line", TextOptions{}, "", "prod-eu shop web-1 app \n"},
		{"quote, backslash and tab stay", TextOptions{}, "\"a\\b\"\tc", "prod-eu shop web-1 app \"a\\b\"\tc\n"},
		{"carriage return at the end", TextOptions{}, "a\rb\r", `prod-eu shop web-1 app a\x0db` + "\n"},
		{"title and clipboard", TextOptions{}, "\x1b]0;x\a\x1b]52;c;eA==\x1b\\", `prod-eu shop web-1 app \x1b]0;x\x07\x1b]52;c;eA==\x1b\` + "\n"},
		{"cursor and C1", TextOptions{}, "\x1b[2J\u009b2J\x00", `prod-eu shop web-1 app \x1b[2J\x9b2J\x00` + "\n"},
		{"colour without colours", TextOptions{}, "\x1b[31mred\x1b[0m", `prod-eu shop web-1 app \x1b[31mred\x1b[0m` + "\n"},
		{"bidi", TextOptions{}, "a\u202eb\u2066c\u2028", `prod-eu shop web-1 app a\u202eb\u2066c\u2028` + "\n"},
		{"invalid UTF-8", TextOptions{}, "a\xffb", "prod-eu shop web-1 app a\uFFFDb\n"},
		{"letters beyond ASCII", TextOptions{}, "grüße 世界", "prod-eu shop web-1 app grüße 世界\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(Text(tt.o)(src)(nil, record(tt.line))); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// Names come from others, too.
func TestTextPrefix(t *testing.T) {
	src := Source{Cluster: "a\x1b]0;x\a", Namespace: "b\n", Pod: "c\u202e", Container: "d\xff"}
	want := `a\x1b]0;x\x07 b\x0a c\u202e d` + "\uFFFD x\n"
	if got := string(Text(TextOptions{})(src)(nil, record("x"))); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTextColor(t *testing.T) {
	encode := Text(TextOptions{Color: true})(Source{Cluster: "prod-eu", Namespace: "shop", Pod: "web-1", Container: "app"})
	text := func(line string) string { return string(encode(nil, record(line))) }

	prefix := strings.TrimSuffix(text(""), "\n")
	for _, want := range []string{"\x1b[38;5;", "mprod-eu\x1b[0m ", "mweb-1\x1b[0m ", "mapp\x1b[0m "} {
		if !strings.Contains(prefix, want) {
			t.Errorf("prefix %q lacks %q", prefix, want)
		}
	}
	for _, tt := range []struct{ name, line, want string }{
		{"the application's colour passes and ends with the line", "\x1b[1;38:5:9mred", "\x1b[1;38:5:9mred\x1b[0m"},
		{"other sequences do not", "\x1b[2J\x1b[31m\x1b[5A\x1b]0;t\a", `\x1b[2J` + "\x1b[31m" + `\x1b[5A\x1b]0;t\x07` + "\x1b[0m"},
		{"an endless one does not", "\x1b[" + strings.Repeat("1", 100) + "m", `\x1b[` + strings.Repeat("1", 100) + "m"},
		{"an unfinished one does not", "\x1b[31", `\x1b[31`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := text(tt.line); got != prefix+tt.want+"\n" {
				t.Errorf("got  %q\nwant %q", got, prefix+tt.want+"\n")
			}
		})
	}
	if a, b := text("x"), string(Text(TextOptions{Color: true})(Source{Cluster: "prod-eu", Namespace: "shop", Pod: "web-1", Container: "app"})(nil, record("x"))); a != b {
		t.Errorf("colours differ between runs: %q, %q", a, b)
	}
}

// TestPalette tests what the palette promises: readable on black and on white.
func TestPalette(t *testing.T) {
	linear := func(c int) float64 {
		v := float64([]int{0, 95, 135, 175, 215, 255}[c]) / 255
		if v <= 0.03928 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	for _, c := range []byte(palette) {
		n := int(c) - 16
		if n < 0 || n >= 216 {
			t.Fatalf("%d is not in the cube", c)
		}
		l := 0.2126*linear(n/36) + 0.7152*linear(n/6%6) + 0.0722*linear(n%6)
		if black, white := (l+0.05)/0.05, 1.05/(l+0.05); black < 3 || white < 3 {
			t.Errorf("colour %d: contrast %.1f on black, %.1f on white", c, black, white)
		}
	}
}

// FuzzVisible tests that no text can steer a terminal, and that nothing else is changed: what comes out is what a
// plain reading of appendVisible's promise makes of it.
func FuzzVisible(f *testing.F) {
	for _, s := range []string{"", "\x1b[31m", "\x1b]0;\a", "\u009b", "\xc2", "a\x1b[1;2mb\x1b[K", "\u202e", "\x1b\x1b[m",
		"\x1b]8;;https://example.com\x1b\\text\x1b]8;;\a", "\x1b]52;c;eA==\a", "\x9b31m", "\u061c\u200e\u2066\u2069\u2028\u2029\ufeff",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x9b", "\x7f\u0080\u009f\u00a0", "\"\\\t\r", "a\u0301\U0010ffff\ufffd", "12345678\x1b1234567\u00e9",
		"\x1b[" + strings.Repeat("1", 61) + "m", "\x1b[" + strings.Repeat("1", 62) + "m", strings.Repeat("plain text ", 20)} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	sequence := regexp.MustCompile(`^\x1b\[[0-9;:]{0,61}m`)
	f.Fuzz(func(t *testing.T, in []byte, color bool) {
		var want strings.Builder
		reset := ""
		var set style
		for i := 0; i < len(in); {
			if seq := sequence.Find(in[i:]); color && len(seq) > 0 {
				params := seq[2 : len(seq)-1]
				if allowed := set.apply(params, style{}); len(allowed) > 0 || len(params) == 0 {
					fmt.Fprintf(&want, "\x1b[%sm", allowed)
					reset = "\x1b[0m"
					i += len(seq)
					continue
				}
			}
			r, size := utf8.DecodeRune(in[i:])
			switch {
			case unicode.IsControl(r) && r != '\t':
				fmt.Fprintf(&want, `\x%02x`, r)
			case unseen(r) && !joins(in[:i], r, in[i+size:]) && r > 0xffff:
				fmt.Fprintf(&want, `\U%08x`, r)
			case unseen(r) && !joins(in[:i], r, in[i+size:]):
				fmt.Fprintf(&want, `\u%04x`, r)
			default: // U+FFFD for what is no UTF-8
				want.WriteRune(r)
			}
			i += size
		}
		got := string(appendVisible(nil, in, color))
		if want := want.String() + reset; got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
		screen := &Screen{Color: color}
		if again := string(screen.append(nil, []byte(got))); again != got {
			t.Errorf("%q: %q, and on a screen %q", in, got, again)
		}
	})
}

// unseen reports whether Unicode says of a rune that it is a format character, default ignorable, or a line separator.
func unseen(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// steers and unseen agree about every rune.
func TestSteers(t *testing.T) {
	for r := rune(0xa0); r <= unicode.MaxRune; r++ {
		if steers(r) != unseen(r) {
			t.Errorf("%U: %v", r, steers(r))
		}
	}
}

// Joiners and variation selectors pass where words and emoji need them.
func TestJoins(t *testing.T) {
	for line, want := range map[string]string{
		"می\u200cخواهم":                          "",
		"क्\u200dष":                              "",
		"👩\u200d💻 👩🏽\u200d💻":                     "",
		"❤\ufe0f\u200d🔥 1\ufe0f\u20e3 ↔\ufe0f":   "",
		"🙂\u200d↔\ufe0f ©\ufe0f ‼\ufe0f ◽\ufe0f": "",
		"key=\ufe0fvalue <\ufe0e|\ufe0f~\ufe0f":  `key=\ufe0fvalue <\ufe0e|\ufe0f~\ufe0f`,
		"¦\u200d¦°\ufe0f∑\ufe0f":                 `¦\u200d¦°\ufe0f∑\ufe0f`,
		"pass\u200dword":                         `pass\u200dword`,
		"pass\u200cword\ufe0f":                   `pass\u200cword\ufe0f`,
		"1\ufe0f2":                               `1\ufe0f2`,
		"می\u200c\u200cخ":                        `می\u200c\u200cخ`,
		"\u200d💻\u200d":                          `\u200d💻\u200d`,
		"a\U000e0041b\u00ad":                     `a\U000e0041b\u00ad`,
	} {
		if want == "" {
			want = line
		}
		if got := Visible(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

// JSON stays JSON of the same value.
func TestVisibleJSON(t *testing.T) {
	const value = "a\u202e\U000e0041\u200b\"\\é\u009b\u007f"
	got := AppendVisibleJSON(nil, []byte("\"a\u202e\U000e0041\u200b\\\"\\\\é\u009b\u007f\""))
	var back string
	if err := json.Unmarshal(got, &back); err != nil || back != value || !bytes.Contains(got, []byte(`\udb40\udc41`)) {
		t.Errorf("%s: %q, %v", got, back, err)
	}
}

// Colour sequences pass without what hides text.
func TestStyle(t *testing.T) {
	for params, want := range map[string]string{
		"":                          "",
		"0":                         "0",
		"1;31":                      "1;31",
		"38;5;8":                    "38;5;8",
		"38;2;8;8;8;4":              "38;2;8;8;8;4",
		"38:5:9;48:2::1:2:3":        "38:5:9;48:2::1:2:3",
		"4:3;58;5;1":                "4:3;58;5;1",
		"8":                         "-",
		"008":                       "-",
		"31;8":                      "31",
		"8;31;5;6;11;12":            "31",
		"38;8":                      "-",
		"1;38;5":                    "1",
		"1;38;5;256;8":              "1",
		"1;38;3;8":                  "1",
		"1;38;5;;8":                 "1",
		"4:9;1":                     "1",
		"1:2;3":                     "3",
		"30;40":                     "30;40;49",
		"91;48;5;9":                 "91;48;5;9;49",
		"31;42":                     "31;42",
		"30;48;5;16":                "30;48;5;16;49",
		"38;5;67;48;2;95;135;175":   "38;5;67;48;2;95;135;175;49",
		"48;5;244;38;2;128;128;128": "48;5;244;38;2;128;128;128;49",
		"97;48;5;231":               "97;48;5;231;49",
		"97;48;5;230":               "97;48;5;230",
		"999999999999;1":            "1",
	} {
		got := string(appendVisible(nil, []byte("\x1b["+params+"mx"), true))
		expected := "\x1b[" + want + "mx\x1b[0m"
		if want == "-" {
			expected = `\x1b[` + params + "mx"
		}
		if got != expected {
			t.Errorf("%s: got %q, want %q", params, got, expected)
		}
	}
}

// A colour around text that has colours of its own is restored after them.
func TestNestedColours(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                      "\x1b[31mplain\x1b[0m",
		"a\x1b[1mb\x1b[0mc":          "\x1b[31ma\x1b[1mb\x1b[0m\x1b[31mc\x1b[0m",
		"a\x1b[34mb\x1b[39mc":        "\x1b[31ma\x1b[34mb\x1b[39m\x1b[31mc\x1b[0m",
		"a\x1b[0;34mb\x1b[m":         "\x1b[31ma\x1b[0;34mb\x1b[m\x1b[0m",
		"a\x1b]0;t\x07b\x1b[8mc\x1b": "\x1b[31ma\x1b]0;t\x07b\x1b[8mc\x1b\x1b[0m",
	} {
		if got := red.on(text, true); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		text  string
		limit int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"abc", 0, ""}, {"", 0, ""},
		{"aä", 2, "a"}, {"aä", 3, "aä"}, {"ää", 1, ""}, {"a\U0001F600", 4, "a"}, {"a\U0001F600b", 5, "a\U0001F600"},
		{"\x80\x80\x80\x80\x80\x80\x80\x80", 6, "\x80\x80\x80\x80\x80\x80"},
	} {
		if got := Cut(tt.text, tt.limit); got != tt.want {
			t.Errorf("%q cut to %d is %q, want %q", tt.text, tt.limit, got, tt.want)
		}
		if got := Cut([]byte(tt.text), tt.limit); string(got) != tt.want {
			t.Errorf("the bytes of %q cut to %d are %q, want %q", tt.text, tt.limit, got, tt.want)
		}
	}
}
