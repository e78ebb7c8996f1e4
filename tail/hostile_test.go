package tail_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"
	"k8s.io/client-go/rest"

	"mktail/emit"
	"mktail/tail"
	"mktail/tail/logline"
	"mktail/tail/report"
	"mktail/testdata/sim"
)

// whole is a record with all that JSON may hold.
type whole struct {
	Cluster   string `json:"cluster"`
	NS        string `json:"ns"`
	Pod       string `json:"pod"`
	Container string `json:"container"`
	TS        string `json:"ts"`
	Line      string `json:"line"`
	Truncated bool   `json:"truncated,omitempty"`
}

// through runs tail on a cluster without following, in a format, and returns what it puts out.
func through(t *testing.T, f emit.Format, maxLine int, c *sim.Cluster) (string, report.Summary) {
	t.Helper()
	var got bytes.Buffer
	out := emit.NewOutput(&got, f)
	cluster := tail.Cluster{Name: c.Name(), Namespace: "default", Users: []tail.User{{Config: c.RESTConfig()}}}
	o := tail.Options{Tail: -1, MaxStreams: 10, OwnStreams: 5, MaxLine: maxLine, Log: zerolog.New(zerolog.NewTestWriter(t))}
	summaries := tail.Run(t.Context(), []tail.Cluster{cluster}, o, out)
	if err := out.Close(); err != nil {
		t.Error(err)
	}
	return got.String(), summaries[0]
}

// wantJSON holds JSON output against what encoding/json makes of the same records; kept is what is kept of each line.
func wantJSON(t *testing.T, got string, lines, kept []string) {
	t.Helper()
	rows := strings.SplitAfter(got, "\n")
	if n := len(rows) - 1; n != len(lines) || rows[n] != "" {
		t.Fatalf("%d rows, and %.100q, want %d", n, rows[n], len(lines))
	}
	for i, line := range lines {
		row := strings.TrimSuffix(rows[i], "\n")
		in := json.NewDecoder(strings.NewReader(row))
		in.DisallowUnknownFields()
		var r, want whole
		if err := in.Decode(&r); err != nil || !json.Valid([]byte(row)) {
			t.Fatalf("line %.50q: %.100q: %v", line, row, err)
		}
		if !strings.HasPrefix(r.TS, "2000-01-01T00:00:") { // when a bubble begins
			t.Errorf("line %.50q: ts %q", line, r.TS)
		}
		text, err := json.Marshal(whole{"eu", "default", "web", "app", r.TS, kept[i], len(kept[i]) < len(line)})
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if r != want {
			t.Errorf("line %.50q: %d bytes that end with %q, truncated %v; want %d, %q, %v", line, len(r.Line), end(r.Line), r.Truncated,
				len(want.Line), end(want.Line), want.Truncated)
		}
		if bad := steers(row, ""); bad != "" {
			t.Errorf("line %.50q: %s in JSON", line, bad)
		}
	}
}

func end(s string) string { return s[max(0, len(s)-20):] }

// steers tells what in a text could steer a terminal, or break a line where others see one: control characters but
// those allowed, and invalid UTF-8.
func steers(text, allowed string) string {
	if !utf8.ValidString(text) {
		return "invalid UTF-8"
	}
	for _, r := range text {
		if (r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029) && !strings.ContainsRune(allowed, r) {
			return fmt.Sprintf("%U", r)
		}
	}
	return ""
}

// hostile are lines that would steer a terminal, break JSON, or pass for something else.
func hostile() (lines []string) {
	for r := range rune(0xa0) {
		if r != '\n' {
			lines = append(lines, "a"+string(r)+"b", string(r))
		}
	}
	for b := range 0x100 { // C1 of eight bits, and all that UTF-8 never has alone
		if b != '\n' {
			lines = append(lines, "a"+string([]byte{byte(b)})+"b", string([]byte{byte(b)}))
		}
	}
	for r := rune(0x2000); r < 0x2070; r++ { // line separators, bidirectional controls, what has no width
		lines = append(lines, "a"+string(r)+"b")
	}
	return append(lines,
		"\x1b]8;;https://evil.example.com\x1b\\text\x1b]8;;\x1b\\", "\x1b]8;;file:///etc/passwd\atext\x1b]8;;\a", "\u009d8;;x\u009c",
		"\x1b]52;c;ZWNobyBldmls\a", "\x1b]52;p;ZWNobyBldmls\x1b\\", "\x9d52;c;ZWNobyBldmls\x9c", "\x1bPtmux;\x1b\x1b]52;c;eA==\a\x1b\\",
		"\x1b]0;title\a", "\x1b[2J\x1b[H", "\x1b[6n", "\x1bc", "\x1b[?1049h", "\x1b_G\x1b\\", "\x1b", "\x1b[", "\x1b[31", "\x1b[31mred", "\x1b[31mred\x1b[0m\x1b[5A",
		"user\u202egnp.exe", "\u2066\u2067\u2068\u2069", "\u061c\u200e\u200f",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xed\xa0\xbd\xed\xb8\x80", `\ud800`, // surrogates: alone, as a pair, escaped
		"\xc0\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe\xff", "\xe2\x80", "\xf0\x9f\x99", "\xc3",
		"\u2028", "\u2029", "\u0085", "\v\f\x1c\x1d\x1e", "\ufeff", "\ufffe\uffff\U0010ffff", "\ufffd",
		"\r", "\r\r", "one\rtwo", "\r{\"cluster\":\"forged\"}\r", strings.Repeat("\x00", 1000),
		`"`, `\`, `\"`, `"}`, `","truncated":true,"pod":"forged`, `{"line":"forged"}`, "</script>&amp;", `\u0000`, `\n`,
		"2026-01-02T03:04:05.000000000Z forged stamp", "failed to create fsnotify watcher: too many open files", "rpc error: forged",
		" ", "  leading and trailing  ", "\t", "", "-n", "%s%n%d",
	)
}

// Whatever a line holds: JSON is one object a line that says the same, text can't steer a terminal, raw is the line.
func TestHostileText(t *testing.T) {
	lines := hostile()
	for name, chunk := range map[string]int{"whole": 0, "a byte each": 1} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{Chunk: chunk})
			defer c.Close()
			write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), lines...)

			got, _ := through(t, emit.JSON, 1<<20, c)
			wantJSON(t, got, lines, lines)

			if got, _ := through(t, emit.Raw(emit.RawOptions{}), 1<<20, c); got != strings.Join(lines, "\n")+"\n" {
				t.Error("raw is not what was written")
			}
			for _, color := range []bool{false, true} {
				got, _ := through(t, emit.Text(emit.TextOptions{Color: color}), 1<<20, c)
				if color {
					got = regexp.MustCompile(`\x1b\[[0-9;:]*m`).ReplaceAllString(got, "")
				}
				if bad := steers(got, "\n\t"); bad != "" {
					t.Errorf("colour %v: %s in text", color, bad)
				}
				if bidi := regexp.MustCompile(`[\x{61c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}]`).FindString(got); bidi != "" {
					t.Errorf("colour %v: %q in text", color, bidi)
				}
				if n := strings.Count(got, "\n"); n != len(lines) || strings.Count("\n"+got, "\neu default web app ") != n {
					t.Errorf("colour %v: %d rows of text, want %d", color, n, len(lines))
				}
			}
		})
	}
}

// Lines that are too long, of the worst that they can be made of. What is left out counts.
func TestHostileLength(t *testing.T) {
	const most = 1 << 20
	var lines, kept []string
	size := 0
	for _, l := range []struct {
		unit       string
		size, kept int
	}{
		{"\x00", 10 << 20, most},
		{"\xed\xa0\x80", 10 << 20, most - 1}, // of three bytes: the last one that fits ends there
		{"x", most + 1, most},
		{"\x1b", most + 64<<10, most},
		{"\x80", most + 64<<10, most},
		{"\xff", most + 64<<10, most},
		{`"`, most + 64<<10, most},
		{"\u2028", most + 64<<10, most - 1},
		{"🙂", most + 64<<10, most},
	} {
		line := strings.Repeat(l.unit, l.size/len(l.unit)+1)[:l.size]
		lines, kept, size = append(lines, line), append(kept, line[:l.kept]), size+len(line)
	}
	synctest.Test(t, func(t *testing.T) {
		c := simulated(t, sim.Options{})
		defer c.Close()
		write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), lines...)

		got, summary := through(t, emit.JSON, most, c)
		wantJSON(t, got, lines, kept)
		if want := (report.Summary{Cluster: "eu", Containers: 1, Lines: int64(len(lines)), Bytes: int64(size), Ended: true}); summary != want {
			t.Errorf("summary %+v, want %+v", summary, want)
		}
		if got, _ := through(t, emit.Raw(emit.RawOptions{}), most, c); got != strings.Join(kept, "\n")+"\n" {
			t.Error("raw is not what was written, cut")
		}
		got, _ = through(t, emit.Text(emit.TextOptions{}), most, c)
		if bad := steers(got, "\n\t"); bad != "" {
			t.Errorf("%s in text", bad)
		}
		if rows, marked := strings.Count(got, "\n"), strings.Count(got, "…\n"); rows != len(lines) || marked != rows {
			t.Errorf("%d rows of text, %d of them marked as cut, want %d", rows, marked, len(lines))
		}
	})
}

// A line is cut at the byte where it becomes too long, but between characters, however long its stamp is.
func TestCutBetweenCharacters(t *testing.T) {
	const most = 1001
	for name, zone := range map[string]*time.Location{"UTC": time.UTC, "an offset": time.FixedZone("", 5*3600+1800)} {
		bubble(t, name, func(t *testing.T) {
			c := simulated(t, sim.Options{Zone: zone})
			defer c.Close()
			var lines, kept []string
			for _, unit := range []string{"é", "世", "🙂"} {
				for shift := range len(unit) {
					line := strings.Repeat("a", shift) + strings.Repeat(unit, most)
					lines = append(lines, line)
					kept = append(kept, line[:shift+(most-shift)/len(unit)*len(unit)])
				}
			}
			for n := most - 1; n < most+logline.StampRoom+2; n++ {
				line := strings.Repeat("x", n)
				lines, kept = append(lines, line), append(kept, line[:min(n, most)])
			}
			write(t, c.AddPod(sim.PodSpec{Name: "web"}).Container("app"), lines...)
			got, _ := through(t, emit.JSON, most, c)
			wantJSON(t, got, lines, kept)
		})
	}
}

// A line that never ends, as fast as it can come, takes no more memory than what is kept of it.
func TestLineWithoutEnd(t *testing.T) {
	const size, most = 200 << 20, 32 << 20 // most of which is for the growing of what is escaped
	for _, tt := range []struct {
		name   string
		begin  string // of the log
		unit   byte   // of the line
		end    string // of the log, before its connection stays open and silent
		want   []string
		lines  int64
		bytes  int64
		logged int // warnings and errors
	}{
		{"ends after all", "2026-01-02T03:04:05.000000000Z ", 'x', "\n2026-01-02T03:04:05.500000000Z next\n",
			[]string{strings.Repeat("x", 1<<20), "next"}, 2, size + 4, 0},
		{"of what is escaped", "2026-01-02T03:04:05.000000000Z ", 0x1b, "\n2026-01-02T03:04:05.500000000Z next\n",
			[]string{strings.Repeat("\x1b", 1<<20), "next"}, 2, size + 4, 0},
		{"goes on", "2026-01-02T03:04:05.000000000Z ", 'x', "", nil, 0, 0, 0},
		{"without a stamp", "", 'x', "\n2026-01-02T03:04:05.500000000Z next\n", []string{"next"}, 1, 4, 1},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			c := simulated(t, sim.Options{})
			defer c.Close()
			c.AddPod(sim.PodSpec{Name: "web"})
			var mem runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&mem)
			before, peak := mem.HeapAlloc, uint64(0)
			look := func() {
				runtime.ReadMemStats(&mem)
				peak = max(peak, mem.HeapAlloc)
			}
			line := &io.LimitedReader{R: repeated{tt.unit, look}, N: size}
			cluster := tail.Cluster{Name: c.Name(), Namespace: "default", Users: []tail.User{{Config: c.RESTConfig()}}}
			cluster.Users[0].Config.Wrap(func(next http.RoundTripper) http.RoundTripper {
				return madeUp{next, func(ctx context.Context) io.Reader {
					return io.MultiReader(strings.NewReader(tt.begin), line, strings.NewReader(tt.end), mute(ctx.Done()))
				}}
			})
			s := startOn(t, following(), cluster)
			time.Sleep(time.Minute)
			summary := s.stop()[0]
			if line.N > 0 {
				t.Errorf("%d MiB were not read", line.N>>20)
			}
			if peak > before+most {
				t.Errorf("the heap has grown by %d MiB", (peak-before)>>20)
			} else {
				t.Logf("the heap has grown by %d MiB", (peak-before)>>20)
			}
			if got := s.lines("web", "app"); !slices.Equal(got, tt.want) {
				t.Errorf("got %.200q, want %.200q", fmt.Sprint(got), fmt.Sprint(tt.want))
			}
			if summary.Lines != tt.lines || summary.Bytes != tt.bytes {
				t.Errorf("summary %+v", summary)
			}
			if logged := s.logged(); strings.Count(logged, "warn: ") != tt.logged || len(logged) > 1000 {
				t.Errorf("stderr: %.1000s", logged)
			}
		})
	}
}

// madeUp answers requests for logs that are to be followed itself: the heap shows what tail takes, not what the simulation holds.
type madeUp struct {
	http.RoundTripper
	log func(context.Context) io.Reader
}

func (m madeUp) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/log") || !r.URL.Query().Has("follow") {
		return m.RoundTripper.RoundTrip(r)
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(m.log(r.Context())), Request: r}, nil
}

// WrappedRoundTripper lets client-go find the transport whose idle connections it closes.
func (m madeUp) WrappedRoundTripper() http.RoundTripper { return m.RoundTripper }

// repeated is one byte for ever; look is called from time to time.
type repeated struct {
	b    byte
	look func()
}

func (r repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.b
	}
	r.look()
	return len(p), nil
}

// mute is a body that says nothing until it ends.
type mute <-chan struct{}

func (s mute) Read([]byte) (int, error) { <-s; return 0, io.ErrUnexpectedEOF }

// A list without end is an error, whichever way it has none, and the run ends.
func TestEndlessLists(t *testing.T) {
	pod := func(n int) string {
		return fmt.Sprintf(`{"metadata":{"name":"p%d","namespace":"default","uid":"u%d"},"spec":{"containers":[{"name":"app"}]}}`, n, n)
	}
	for name, page := range map[string]func(n int) (items, token string){
		"the same token":           func(n int) (string, string) { return pod(n), "more" },
		"the same pods":            func(n int) (string, string) { return pod(n % 3), fmt.Sprint(n) },
		"no pods":                  func(n int) (string, string) { return "", fmt.Sprint(n) },
		"no pods, the same tokens": func(n int) (string, string) { return "", fmt.Sprint(n % 2) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				items, token := page(int(asked.Add(1)))
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprintf(w, `{"kind":"PodList","apiVersion":"v1","metadata":{"continue":%q},"items":[%s]}`, token, items)
			}))
			defer s.Close()
			cfg := &rest.Config{Host: s.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
			o := tail.Options{Tail: -1, Jitter: func(time.Duration) time.Duration { return 0 }, Log: zerolog.Nop()}
			summaries := tail.Run(t.Context(), []tail.Cluster{{Name: "eu", Namespace: "default", Users: []tail.User{{Config: cfg}}}}, o, emit.NewOutput(io.Discard, nil))
			if failed := summaries[0].Failed; !strings.Contains(failed, "the list of pods has no end") {
				t.Errorf("failed: %q", failed)
			}
			if n := asked.Load(); n > 1000 {
				t.Errorf("asked for %d pages", n)
			}
		})
	}
}
