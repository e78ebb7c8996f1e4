package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode"
	"unicode/utf8"

	"mktail/testdata/terminal"
)

// hostileLines are lines with which a log could try to steer a terminal, or to look like another log.
func hostileLines() []string {
	lines := []string{
		"\x1b]0;title\a", "\x1b]0;title\x1b\\", "\x1b]52;c;ZXZpbA==\a", "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "\x1b]1337;File=:AAAA\a",
		"\x1b]4;1;rgb:00/00/00\a", "\x1b]10;?\a", "\x1b]777;notify;a;b\a", "\x1b]9;x\a", "\x1bP1$r0m\x1b\\", "\x1bP+q544e\x1b\\", "\x1bPq#0~\x1b\\",
		"\x1b_Gf=24;AAAA\x1b\\", "\x1b^private\x1b\\", "\x1bXstring\x1b\\", "\x1b[2J\x1b[H", "\x1b[?1049h", "\x1b[?25l", "\x1b[?1000h", "\x1b[?2004h",
		"\x1b[6n", "\x1b[c", "\x1b[>c", "\x1b[21t", "\x1b[8;1;1t", "\x1b[3;1r", "\x1b[5i", "\x1b[!p", "\x1b[?5h", "\x1b[10;10Htext", "\x1b[1;31", "\x1b[", "\x1b",
		"\x1bc", "\x1b7\x1b8", "\x1bD\x1bM\x1bE", "\x1b(0lqk", "\x1b)B", "\x1b#8", "\x1b%G", "\x1b=\x1b>", "\x1bN\x1bO", "\x1b\x1b[31mx", "\x1b[31;\x1b[1mx",
		"\x1b[31\x00mx", "\x1b[31\x18mx", "\x1b[3 q", "\x1b[1\"q", "\x1b[1$}", "\x1b[<0;1;1M", "\x1b[=5u", "\x1b[31:mx",
		"10%\r50%\r100%", "10%\r", "\r\r\r", "a\rb\rc\r", "evil\rgood", "abc\b\b\bxyz", "|\b/\b-\b\\", "x\r\x1b[K", "\x1b[31mx\ry", "a\x0bb\x0cc",
		"\x1b[30;40mhidden", "\x1b[97;107mhidden", "\x1b[38;5;1;48;5;1mhidden", "\x1b[38;2;1;2;3;48;2;1;2;3mhidden", "\x1b[37m\x1b[47mhidden",
		"\x1b[31mnever closed", "\x1b[1;4;7;31;44mnever closed", "\x1b[1m\x1b[3m\x1b[32mmany\x1b[22m", "\x1b[4:3mcurly", "\x1b[58;5;1mline", "\x1b[53mover",
		"\x1b[38;5;8mgrey\x1b[0m", "\x1b[38:5:8mgrey", "\x1b[38;2;8;8;8mgrey", "\x1b[38;8mx", "\x1b[38;5mx", "\x1b[38;5;999;8mx", "\x1b[38;2;8mx", "\x1b[48;3;8mx",
		"\x1b[0000000008mx", "\x1b[;8;mx", "\x1b[1;;;8mx", "\x1b[8:0mx", "\x1b[" + strings.Repeat("1;", 40) + "8mx", "\x1b[" + strings.Repeat("8", 100) + "mx",
		"user\u202egnp.exe", "a\u2066b\u2069", "pass\u200dword", "pass\u200cword", "x\ufe0fy", "key=\ufe0fv", "¦\u200d¦", "1\ufe0f2", "\u200d\u200d\u200d", "e\u034f", "\U000e0001\U000e0041\U000e007f",
		"🏴\U000e0067\U000e0062\U000e007f", "\U000e0100\U000e01ef", "\xff\xfe", "\xc0\x9b31m", "\xe0\x80\x9b", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc2", "\xe2\x80", "\x9b31m", "\x9d0;x\x9c",
		"::error::x", "##vso[task.complete]x", `{"level":"\u001b[2Jerror","msg":"\u001b]0;x\u0007\u202e","k\u001b[8m":"\u009b31m\u200b"}`,
		`{"level":"info","msg":"\u001b[31mred","time":"\r\n\u2028"}`, `{"\u001b[2J":"\u0007\u007f\u0085"}`, "{\"a\":\"\u202e\U000e0041\u200b\u0085\"}", "error \x1b[8merror\x1b[0m error",
		"error\x1b[31mer\x1b[0mror error", "\"quoted\" \\x1b[2J \\u202e", "grüße 世界 👩\u200d💻 می\u200cخواهم", strings.Repeat("\x1b[2J\u202e", 500), strings.Repeat("\x1b[31m", 500) + "x",
	}
	for r := rune(0); r < 0xa0; r++ {
		if r < 0x20 && r != '\n' || r >= 0x7f {
			lines = append(lines, fmt.Sprintf("a%cb", r))
		}
	}
	for b := 0x80; b < 0xa0; b++ {
		lines = append(lines, "a"+string([]byte{byte(b)})+"b")
	}
	for _, r := range "\u00ad\u061c\u115f\u1160\u17b4\u180b\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2064\u2065\u2066\u2067\u2068\u2069\u206a\u206f\u3164\ufe00\ufe0f\ufeff\uffa0\ufff9\ufffb\U0001bca0\U0001d173\U000e0001\U000e0020\U000e007f" {
		lines = append(lines, fmt.Sprintf("a%cb", r))
	}
	for code := range 110 {
		lines = append(lines, fmt.Sprintf("\x1b[%dmx", code))
	}
	return lines
}

// hostileInput is the lines alone, and records whose names and lines they are.
func hostileInput(lines []string) []byte {
	var in bytes.Buffer
	for _, line := range lines {
		in.WriteString(line + "\n")
		name, _ := json.Marshal(line)
		fmt.Fprintf(&in, `{"cluster":%s,"ns":%[1]s,"pod":%[1]s,"container":%[1]s,"ts":"2026-01-02T03:04:05.000000000Z","line":%[1]s}`+"\n", name)
	}
	in.WriteString(`{"cluster":"eu\nmktail: error: x","ns":"a\nb","pod":"c\nd","container":"\ne","ts":"2026-01-02T03:04:05.000000000Z","line":"f\ng"}` + "\n")
	return in.Bytes()
}

// screen reads strictly what a terminal is given.
type screen struct {
	colors bool
	set    map[string]bool // what colour sequences have set
}

// read returns the first thing in a text that no terminal may be given; empty: there is none.
func (s *screen) read(text string) string {
	s.set = make(map[string]bool)
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		about := strconv.Quote(text[max(0, at-30):min(len(text), at+30)])
		switch {
		case r == utf8.RuneError && size == 1:
			return "invalid UTF-8: " + about
		case r == '\r' && strings.HasPrefix(text[at:], "\r\n"): // the terminal's own
		case r == '\n':
			if len(s.set) > 0 {
				return fmt.Sprintf("the line ends with %v: %s", s.set, about)
			}
		case r == 0x1b:
			end := strings.IndexFunc(text[at:], unicode.IsLetter)
			if !s.colors || end < 0 || text[at+1] != '[' || text[at+end] != 'm' || !s.sequence(text[at+2:at+end]) {
				return "escape sequence: " + about
			}
			size = end + 1
		case r != '\t' && unicode.IsControl(r):
			return "control character: " + about
		case unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			before, _ := utf8.DecodeLastRuneInString(text[:at])
			if before < 0x600 || r != 0x200c && r != 0x200d { // these within words and emoji only
				return "unseen: " + about
			}
		}
		at += size
	}
	return ""
}

// sequence reads the parameters of a colour sequence, and reports whether it may be there.
func (s *screen) sequence(params string) bool {
	colors := map[string]string{"38": "ink", "48": "ground", "58": "line"}
	fields := strings.Split(params, ";")
	for i := 0; i < len(fields); i++ {
		kind, sub, colon := strings.Cut(cmp.Or(fields[i], "0"), ":")
		code, err := strconv.Atoi(kind)
		switch {
		case err != nil:
			return false
		case colors[kind] != "" && colon:
			s.set[colors[kind]] = true
			if !strings.HasPrefix(sub, "5:") && !strings.HasPrefix(sub, "2:") {
				return false
			}
		case colors[kind] != "":
			s.set[colors[kind]] = true
			if i+2 >= len(fields) || fields[i+1] != "5" && (fields[i+1] != "2" || i+4 >= len(fields)) {
				return false
			}
			n := map[string]int{"5": 2, "2": 4}[fields[i+1]]
			if kind == "48" && i >= n+1 && slices.Equal(fields[i-n-1+1:i], fields[i+1:i+n+1]) && (i+n+1 >= len(fields) || fields[i+n+1] != "49") {
				return false // letters in the colour of their ground
			}
			i += n
		case code == 0:
			clear(s.set)
		case slices.Contains([]int{1, 2, 3, 4, 7, 9, 21, 53}, code):
			s.set[kind] = true
		case code >= 30 && code <= 37, code >= 90 && code <= 97:
			s.set["ink"] = true
		case code >= 40 && code <= 47, code >= 100 && code <= 107:
			s.set["ground"] = true
		case code == 22, code == 24:
			delete(s.set, strconv.Itoa(code-20))
			delete(s.set, map[int]string{22: "1", 24: "21"}[code])
		case code == 23, code == 27, code == 29:
			delete(s.set, strconv.Itoa(code-20))
		case code == 39, code == 49, code == 59:
			delete(s.set, colors[strconv.Itoa(code-1)])
		case code == 55:
			delete(s.set, "53")
		case code == 10, code == 25, code == 28:
		default:
			return false
		}
	}
	return true
}

// screenOf runs mktail and returns what its terminal is given, which is its stdout, its stderr or both.
func screenOf(t *testing.T, stdin string, to string, args ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", append([]string{"-c", `exec "$0" "$@" <"$IN" ` + to, self}, args...)...)
	cmd.Env = append(os.Environ(), asMktail+"=1", "IN="+stdin, "HOME="+t.TempDir(), "TERM=xterm", "NO_COLOR=", "KUBECONFIG=")
	user, err := terminal.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close()
	got, err := io.ReadAll(user)
	if err != nil && !errors.Is(err, syscall.EIO) { // nobody has the other end any more
		t.Fatal(err)
	}
	cmd.Wait()
	return string(got)
}

// Nothing that logs or names have steers a terminal, in any format, on stdout or stderr.
func TestNothingSteersTerminal(t *testing.T) {
	lines := hostileLines()
	if len(lines) < 200 {
		t.Fatalf("%d lines", len(lines))
	}
	in := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(in, hostileInput(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	const template = `{{.Cluster}} {{color .PodColor .PodName}} {{colorRed .Message}}{{"\n"}}`
	for _, tt := range []struct {
		args   []string
		colors bool
		json   bool // each line is
	}{
		{[]string{}, true, false},
		{[]string{"--color", "never"}, false, false},
		{[]string{"-o", "text", "--color", "always", "-i", "", "-H", "error|x|[0-9]"}, true, false},
		{[]string{"--pretty", "-H", "e"}, true, false},
		{[]string{"--pretty", "--color", "never"}, false, false},
		{[]string{"--pretty", "--multiline", "--level", "info", "--level-unknown", "keep"}, true, false},
		{[]string{"--pager", "cat"}, true, false},
		{[]string{"-o", "json"}, false, true},
		{[]string{"-o", "extjson"}, false, true},
		{[]string{"-o", "ppextjson"}, false, false},
		{[]string{"-o", "json", "--schema", "ecs"}, false, true},
		{[]string{"-o", "raw"}, true, false},
		{[]string{"-o", "raw", "--prefix", "--color", "never"}, false, false},
		{[]string{"--template", template}, true, false},
		{[]string{"--template", template, "--color", "never"}, false, false},
		{[]string{"--template", "{{.Message}} {{with tryParseJSON .Message}}{{levelColor .level}}{{end}}"}, true, false},
		{[]string{"--template", "{{json .Message}}{{prettyJSON .Message}}\n"}, true, false},
		{[]string{"--parse", "--jq", ".json, .level, .line"}, false, true},
		{[]string{"--jq", "."}, true, false},
		{[]string{"--jq", ". + {new: .line}"}, true, false},
		{[]string{"--jq", "{line}"}, false, true},
		{[]string{"--jq", ".line", "-r"}, false, false},
		{[]string{"--jq", ".line", "-r", "-S"}, false, false},
		{[]string{"--jq", ".line", "-r", "--seq"}, false, false},
		{[]string{"--jq", ".line", "-r", "--indent", "3"}, false, false},
		{[]string{"--jq", ".line", "-r", "--tab"}, false, false},
		{[]string{"-o", "json", "--jq", ".line", "-r"}, false, false},
		{[]string{"--jq", ".", "-S"}, false, true},
		{[]string{"-o", "json", "--jq", ".line"}, false, true},
		{[]string{"--jq", ".line | debug | empty"}, false, false},
		{[]string{"--jq", `if .line | contains("gnp") then error(.line) else .line end`, "-r"}, false, false},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			got := screenOf(t, in, "", append([]string{"--stdin"}, tt.args...)...)
			if fault := (&screen{colors: tt.colors}).read(got); fault != "" {
				t.Error(fault)
			}
			if !strings.Contains(got, `\u202e`) || strings.Count(got, "\n") < len(lines) && tt.args[0] != "--jq" {
				t.Errorf("lines are missing: %d", strings.Count(got, "\n"))
			}
			if !tt.json {
				return
			}
			for line := range strings.Lines(got) {
				if !json.Valid([]byte(line)) {
					t.Fatalf("not JSON: %q", line)
				}
			}
		})
	}
}

// Messages that quote a line do not steer a terminal, and are one line.
func TestNoMessageSteersTerminal(t *testing.T) {
	dir := t.TempDir()
	for i, line := range []string{"\x1b[2J\x1b]0;x\a", "\u202e\u200b\U000e0041", "a\rb\u2028c", "\xff\x9b31m", "\x1b[31mred", "\x7f\x00\u009b", "##vso[x]y"} {
		in := filepath.Join(dir, strconv.Itoa(i))
		name, _ := json.Marshal("eu\nmktail: error: fake " + line)
		begin := fmt.Sprintf(`{"cluster":%s,"ns":%[1]s,"pod":%[1]s,"container":%[1]s,"ts":"2026-01-02T03:04:05.000000000Z","line":`, name)
		gap := fmt.Sprintf(`"","gap":{"from":"","to":"","reason":%s}}`, name)
		if err := os.WriteFile(in, []byte(begin+gap+"\n"+begin+string(name)+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{"--fail-on", "fake"}, {"--until", "fake", "-v"}, {"--until", "fake", "--fail-on-jq", ".line | error"},
			{"--jq", ".line | error", "--jq-strict"}, {"--jq", ".pod | halt_error"}, {"--jq", ".line", "--fail-on", "fake", "-q"},
			{"--kubeconfig", "a\nmktail: error: " + line}, {"-o", "a\nmktail: error: " + line}, {"--jq", "unknown(\"" + line + "\")"}, {"-i", "(" + line},
			{"--template", "{{x}}\n" + line}, {"--jq-file", "a\nmktail: error: " + line}, {"--config", "a\nmktail: error: " + line},
		} {
			args = append([]string{"--stdin"}, args...)
			if strings.Contains(strings.Join(args, ""), "\x00") { // no argument can have it
				continue
			}
			if args[1] == "--kubeconfig" {
				args = args[1:]
			}
			got := screenOf(t, in, ">/dev/null", args...)
			if fault := new(screen).read(got); fault != "" || got == "" {
				t.Errorf("%q: %s, %q", args, fault, got)
			}
			if slices.Contains(args, ".pod | halt_error") { // its text is the program's
				continue
			}
			for text := range strings.Lines(got) {
				if !strings.HasPrefix(text, "mktail: ") && !strings.HasPrefix(text, "    ") || strings.HasPrefix(text, "mktail: error: fake") {
					t.Errorf("%q: a line of others: %q", args, text)
				}
			}
		}
	}
}
