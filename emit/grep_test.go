package emit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

func grepped(o GrepOptions, lines ...string) string {
	encode := Grep(o, Raw(RawOptions{}))(Source{})
	var out, scratch []byte
	for _, l := range lines {
		scratch = append(scratch[:0], l...) // the slices are the caller's, and change
		out = encode(out, &Record{Line: scratch})
	}
	return string(out)
}

func regexps(all ...string) (out []*regexp.Regexp) {
	for _, p := range all {
		out = append(out, regexp.MustCompile(p))
	}
	return out
}

func TestGrep(t *testing.T) {
	lines := strings.Fields("a1 b1 c1 a2 b2 c2 a3")
	for _, tt := range []struct {
		name string
		o    GrepOptions
		want string
	}{
		{"all", GrepOptions{}, "a1 b1 c1 a2 b2 c2 a3"},
		{"include", GrepOptions{Include: regexps("^a", "^c")}, "a1 c1 a2 c2 a3"},
		{"exclude", GrepOptions{Exclude: regexps("^a", "2$")}, "b1 c1"},
		{"both", GrepOptions{Include: regexps("^a"), Exclude: regexps("2$")}, "a1 a3"},
		{"before", GrepOptions{Include: regexps("c2"), Before: 2}, "a2 b2 c2"},
		{"before, fewer", GrepOptions{Include: regexps("b1"), Before: 5}, "a1 b1"},
		{"after", GrepOptions{Include: regexps("b1"), After: 1}, "b1 c1"},
		{"groups", GrepOptions{Include: regexps("b1|c2"), After: 1, Separate: true}, "b1 c1 -- c2 a3"},
		{"groups that touch", GrepOptions{Include: regexps("b1|b2"), Before: 1, After: 1, Separate: true}, "a1 b1 c1 a2 b2 c2"},
		{"excluded beside a match", GrepOptions{Include: regexps("b1"), Exclude: regexps("c1"), After: 1}, "b1 a2"},
	} {
		if got := strings.Join(strings.Fields(grepped(tt.o, lines...)), " "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := grepped(GrepOptions{Include: regexps("x")}, "a"); got != "" {
		t.Errorf("got %q", got)
	}
	encode := Grep(GrepOptions{Include: regexps("x")}, JSON)(Source{})
	if got := encode(nil, &Record{Gap: &Gap{}}); len(got) == 0 {
		t.Error("a gap is left out")
	}
}

// Lines beside a match are those that grep shows.
func TestGrepLikeGrep(t *testing.T) {
	if _, err := exec.LookPath("grep"); err != nil {
		t.Skip(err)
	}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var lines []string
		for i := range r.IntN(40) {
			lines = append(lines, fmt.Sprintf("%d %c", i, "xabcdefg"[r.IntN(8)]))
		}
		before, after := 1+r.IntN(3), r.IntN(4)
		cmd := exec.Command("grep", "-B", fmt.Sprint(before), "-A", fmt.Sprint(after), "x")
		cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
		want, _ := cmd.Output()
		got := grepped(GrepOptions{Include: regexps("x"), Before: before, After: after, Separate: true}, lines...)
		if got != string(want) {
			t.Errorf("-B %d -A %d of %q: got %q, want %q", before, after, lines, got, want)
		}
	}
}

// What is kept grows with the lines that there are, not with those that are allowed.
func TestGrepKeepsWhatThereIs(t *testing.T) {
	got := grepped(GrepOptions{Include: regexps("3"), Before: math.MaxInt}, "1", "2", "3", "4")
	if got != "1\n2\n3\n" {
		t.Errorf("got %q", got)
	}
}

func TestGrepKeepsInPlace(t *testing.T) {
	g := &grep{o: GrepOptions{Before: 2}}
	r := &Record{Stamp: []byte("2026-01-02T03:04:05.000000000Z"), Line: []byte("a line of no interest")}
	for range 10 {
		g.keep(r)
	}
	if n := testing.AllocsPerRun(100, func() { g.keep(r) }); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}
