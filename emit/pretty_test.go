package emit

import (
	"bufio"
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"mktail/emit/applog"
)

// sample is a line of a logger, and what --pretty shows of it.
type sample struct{ name, line, want string }

// loggers reads testdata/loggers.txt.
func loggers(t testing.TB) (all []sample) {
	t.Helper()
	data, err := os.ReadFile("testdata/loggers.txt")
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.SplitSeq(string(data), "\n\n") {
		lines := strings.Split(strings.Trim(text, "\n"), "\n")
		if strings.HasPrefix(lines[0], "#") {
			continue
		}
		s := sample{name: lines[0], line: lines[1]}
		for i, line := range lines[2:] {
			shown, ok := strings.CutPrefix(line, "= ")
			if !ok {
				t.Fatalf("%s: %q does not begin with =", s.name, line)
			}
			if i > 0 {
				s.want += "\n"
			}
			s.want += shown
		}
		all = append(all, s)
	}
	return all
}

func prettyText(o TextOptions) Encode {
	o.Pretty = true
	return Text(o)(Source{})
}

func TestPretty(t *testing.T) {
	for _, s := range loggers(t) {
		t.Run(s.name, func(t *testing.T) {
			for _, end := range []string{"", "\r"} {
				if got := string(prettyText(TextOptions{})(nil, record(s.line+end))); got != s.want+"\n" {
					t.Errorf("got\n%swant\n%s", got, s.want)
				}
			}
		})
	}
}

// Lines that are not those of a logger stay as they are, in one parser's hands after others.
func TestPrettyPlain(t *testing.T) {
	f, err := os.Open("testdata/plain.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	encode := prettyText(TextOptions{})
	encode(nil, record(loggers(t)[0].line))
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if got := string(encode(nil, record(lines.Text()))); got != lines.Text()+"\n" {
			t.Errorf("got %qwant %q", got, lines.Text())
		}
	}
}

// With a timestamp before each line, the line's own time is left out.
func TestPrettyTimestamps(t *testing.T) {
	stamps, _ := NewTimestamps("timeonly", time.UTC)
	got := string(prettyText(TextOptions{Timestamps: stamps})(nil, record(`{"level":"info","ts":1767323045,"msg":"m"}`)))
	if !strings.HasSuffix(got, " INFO  m\n") || strings.Contains(got, "2026-") {
		t.Errorf("got %q", got)
	}
}

func TestPrettyColor(t *testing.T) {
	for level, want := range map[string]string{
		`10`: "\x1b[35mTRACE\x1b[0m", `"debug"`: "\x1b[35mDEBUG\x1b[0m", `"Information"`: "\x1b[34mINFO\x1b[0m ", `"WARN-2"`: "\x1b[33mWARN-2\x1b[0m",
		`50`: "\x1b[31mERROR\x1b[0m", `60`: "\x1b[36mFATAL\x1b[0m", `"odd"`: "ODD  ", `"alert"`: "\x1b[36mALERT\x1b[0m", `"\u001b[31merror\u001b[0m"`: "\x1b[31mERROR\x1b[0m",
	} {
		if got := string(prettyText(TextOptions{Color: true})(nil, record(`{"msg":"m","level":`+level+`}`))); got != want+" m\n" {
			t.Errorf("%s: got %q", level, got)
		}
	}
}

func TestPrettyHighlight(t *testing.T) {
	o := TextOptions{Color: true, Highlight: regexps("b", "x")}
	got := string(prettyText(o)(nil, record(`{"level":"info","msg":"a\nb","stack":"x\ny"}`)))
	if strings.Count(got, "\n") != 5 || strings.Count(got, "\x1b[1;31m") != 2 {
		t.Errorf("got %q", got)
	}
}

// FuzzPretty tests that no logger can steer a terminal, and that an entry's lines are of its own.
func FuzzPretty(f *testing.F) {
	for _, s := range []string{`{"level":"\u001b]0;x\u0007","msg":"\u009b2J\u202e\n","time":"\u001b[31m"}`, `{"msg":"m","level":10,"\u001b[A":{"\u202e":"` + "\u202e\xff" + `"}}`,
		`{"level":60,"ts":-1e18,"msg":""}`, `{"level":{},"ts":[],"msg":1}`, `{`, `{"a"}`} {
		f.Add([]byte(s))
	}
	for _, s := range loggers(f) {
		f.Add([]byte(s.line))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out := prettyText(TextOptions{})(nil, &Record{Line: in})
		for i, line := range bytes.Split(bytes.TrimSuffix(out, []byte{'\n'}), []byte{'\n'}) {
			if i > 0 && !bytes.HasPrefix(line, []byte("    ")) {
				t.Errorf("%q: line %q", in, line)
			}
			for _, r := range string(line) {
				if unicode.IsControl(r) && r != '\t' || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
					t.Errorf("%q: %U in %q", in, r, out)
				}
			}
		}
	})
}

func BenchmarkPretty(b *testing.B) {
	for _, s := range loggers(b) {
		switch s.name {
		case "zap", "pino", "logstash", "ECS in objects", "klog", "logfmt", "log4j", "nginx' requests":
			b.Run(strings.ReplaceAll(s.name, " ", "_"), func(b *testing.B) {
				encode, r := prettyText(TextOptions{Color: true}), record(s.line)
				var dst []byte
				b.ReportAllocs()
				for b.Loop() {
					dst = encode(dst[:0], r)
				}
			})
		}
	}
	b.Run("none", func(b *testing.B) {
		encode, r := prettyText(TextOptions{Color: true}), record("a line of no logger, that is as long as lines usually are, [7] or so")
		var dst []byte
		for b.Loop() {
			dst = encode(dst[:0], r)
		}
	})
}

// TestPrettySigns: a sign, an option or a port that begins a message is not taken for what separates it from the level.
func TestPrettySigns(t *testing.T) {
	var p applog.Parser
	for line, want := range map[string]string{
		"ERROR -1 is no count":    "-1 is no count",
		"ERROR --x: unknown":      "--x: unknown",
		"ERROR :8080 in use":      ":8080 in use",
		"ERROR: -1":               "-1",
		"ERROR - :8080 in use":    ":8080 in use",
		"ERROR -- text":           "text",
		"ERROR, text":             "text",
		"[ERROR] -1 is no count":  "-1 is no count",
		"[ERROR] :8080 in use":    ":8080 in use",
		"10:11:12 ERROR :80 used": ":80 used",
		"10:11:12 ERROR : text":   "text",
		"[ERROR] - text":          "text",
		"[ERROR]: text":           "text",
		"INFO[0007] -5 degrees":   "-5 degrees",
		"ERROR:root:-5 degrees":   "-5 degrees",
	} {
		e, ok := p.Parse([]byte(line))
		if !ok || string(e.Message) != want {
			t.Errorf("%q: message %q, want %q", line, e.Message, want)
		}
	}
}
