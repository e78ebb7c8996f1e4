package emit

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestHighlight(t *testing.T) {
	on, off := highlightOn, highlightOff
	for _, tt := range []struct {
		line     string
		patterns []string
		want     string
	}{
		{"an error here", []string{"error"}, "an " + on + "error" + off + " here"},
		{"aXbX", []string{"X"}, "a" + on + "X" + off + "b" + on + "X" + off},
		{"overlap", []string{"over", "verla"}, on + "overla" + off + "p"},
		{"nothing", []string{"x*", "^"}, "nothing"},
		{"\x1b[32mgreen error\x1b[0m", []string{"error"}, "\x1b[32mgreen " + on + "error" + off + "\x1b[0m\x1b[0m"},
		{"\x1b[1;34;4mblue error, still blue", []string{"error"}, "\x1b[1;34;4mblue " + on + "error" + off + "\x1b[0;1;4;34m, still blue\x1b[0m"},
		{"say \x1b[m\"x\"", []string{`"x"`}, "say \x1b[m" + on + `"x"` + off + "\x1b[0m"},
		{"say x\x1b[m\"y", []string{`x"`}, "say " + on + "x\x1b[m\x1b[1;31m\"" + off + "y\x1b[0m"},
		{"an er\x1b[0mror", []string{"error"}, "an " + on + "er\x1b[0m" + "\x1b[1;31mror" + off + "\x1b[0m"},
		{"\x1b[38;2;1;2;3m\x1b[48;5;200merror x", []string{"error"}, "\x1b[38;2;1;2;3m\x1b[48;5;200m" + on + "error" + off + "\x1b[0;38;2;1;2;3;48;5;200m x\x1b[0m"},
		{"\x1b[41mred error red", []string{"error"}, "\x1b[41mred " + on + "\x1b[49merror" + off + "\x1b[41m red\x1b[0m"},
		{"er\x1b[41mror red", []string{"error"}, on + "er\x1b[41;49mror" + off + "\x1b[41m red\x1b[0m"},
		{"\x1b[32mx", []string{"32"}, "\x1b[32mx\x1b[0m"},
		{"a\x07b", []string{"a.b"}, on + `a\x07b` + off},
	} {
		got := string(Text(TextOptions{Color: true, Highlight: regexps(tt.patterns...)})(Source{})(nil, &Record{Line: []byte(tt.line)}))
		if got != tt.want+"\n" {
			t.Errorf("%q: got %q, want %q", tt.line, got, tt.want)
		}
	}
	pretty := string(Text(TextOptions{Color: true, Pretty: true, Highlight: regexps("user")})(Source{})(nil, &Record{Line: []byte(`{"level":"info","msg":"a user"}`)}))
	if !strings.Contains(pretty, "a "+on+"user"+off) {
		t.Errorf("pretty: %q", pretty)
	}
	got := string(Text(TextOptions{Color: true, Highlight: regexps("web")})(Source{Pod: "web"})(nil, &Record{Line: []byte("line")}))
	if strings.Contains(got, on) {
		t.Errorf("the prefix is highlighted: %q", got)
	}
}

// FuzzHighlight tests that what stands out is the same text, and that nothing else gets through to the terminal.
func FuzzHighlight(f *testing.F) {
	f.Add([]byte("an error: \x1b[31mred\x1b[0m é\xff"))
	f.Add([]byte("\x1b[1;e\x1b[m \x1b]8;;x\x07"))
	f.Fuzz(func(t *testing.T, line []byte) {
		strip := strings.NewReplacer(highlightOn, "", highlightOff, "")
		got := strip.Replace(string(appendHighlighted(nil, line, regexps("e", `[a-f\d]+`))))
		for _, seq := range []string{highlightOn, highlightOff} { // the line's own
			line = []byte(strings.ReplaceAll(string(line), seq, ""))
		}
		want := string(appendVisible(nil, line, true))
		if colorless(got) != colorless(want) {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	})
}

// colorless leaves out all colour sequences.
func colorless(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		if n := colorSequence([]byte(s[i:])); n > 0 {
			i += n
			continue
		}
		out.WriteByte(s[i])
		i++
	}
	return out.String()
}

// What is not highlighted has the style that it has without highlighting, whatever colours are around and within the matches.
func TestHighlightRestores(t *testing.T) {
	atoms := []string{"error", "x", " ", "\x1b[m", "\x1b[0m", "\x1b[1m", "\x1b[22m", "\x1b[31m", "\x1b[41m", "\x1b[44;32m", "\x1b[39m", "\x1b[49m",
		"\x1b[4;7m", "\x1b[27m", "\x1b[38;5;1m", "\x1b[48;2;1;2;3m", "\x1b[30;40m", "\x1b[8m", "\x1b[0;2m"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var line strings.Builder
		for range 1 + random.IntN(10) {
			line.WriteString(atoms[random.IntN(len(atoms))])
		}
		plain := stylesOf(appendVisible(nil, []byte(line.String()), true))
		out := appendHighlighted(nil, []byte(line.String()), regexps("error", "rx"))
		got := stylesOf(out)
		if len(got) != len(plain) {
			t.Fatalf("%q: %d of %d characters", line.String(), len(got), len(plain))
		}
		for i, c := range got {
			if !c.marked && c.style != plain[i].style || c.ink != 0 && c.ink == c.ground {
				t.Errorf("%q: character %d of %q is %+v, not %+v", line.String(), i, out, c, plain[i])
			}
		}
	}
}

// shown is how a terminal shows a byte.
type shown struct {
	style
	marked bool
}

// stylesOf returns how a terminal shows each byte of a line.
func stylesOf(line []byte) (all []shown) {
	var now shown
	for at := 0; at < len(line); {
		n := colorSequence(line[at:])
		switch sequence := string(line[at : at+n]); {
		case n == 0:
			all = append(all, now)
			n = 1
		case sequence == highlightOn, sequence == highlightOff:
			now.marked = sequence == highlightOn
			fallthrough
		default:
			for params := line[at+2 : at+n]; len(params) > 0; { // each parameter and what ends it
				n, _ := now.set(params[:len(params)-1], style{})
				params = params[n+1:]
			}
		}
		at += n
	}
	return all
}
