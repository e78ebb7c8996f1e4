package logline_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"mktail/tail/logline"
)

// readCRI reads a file, given in parts, to its end.
func readCRI(max int, files ...io.Reader) (all []string) {
	c := logline.NewCRIScanner(max, logline.NewPool())
	for _, f := range files {
		c.Open(f)
		for {
			ns, text, cut, err := c.Next()
			if err != nil {
				break
			}
			all = append(all, fmt.Sprint(ns, " ", string(text), " ", cut))
		}
	}
	if ns, text, cut, ok := c.Rest(); ok {
		if _, _, _, again := c.Rest(); again {
			all = append(all, "a second rest")
		}
		all = append(all, fmt.Sprint(ns, " ", string(text), " ", cut, " unfinished"))
	}
	return all
}

func TestCRI(t *testing.T) {
	const s1, s2 = "2026-01-02T03:04:05.000000001Z", "2026-01-02T05:04:05.1+02:00"
	const n1, n2 = "1767323045000000001", "1767323045100000000"
	for name, tt := range map[string]struct{ in, want string }{
		"one":                 {s1 + " stdout F hello  you\n", n1 + " hello  you 0"},
		"empty line":          {s1 + " stderr F \n", n1 + "  0"},
		"an offset":           {s2 + " stdout F x\n", n2 + " x 0"},
		"tags":                {s1 + " stdout F:more x\n", n1 + " x 0"},
		"pieces":              {s1 + " stdout P ab\n" + s2 + " stdout P cd\n" + s2 + " stdout F ef\n", n1 + " abcdef 0"},
		"pieces of two":       {s1 + " stdout P ab\n" + s2 + " stderr F cd\n" + s2 + " stdout F ef\n", n1 + " abcd 0," + n2 + " ef 0"},
		"too long":            {s1 + " stdout F 0123456789abc\n", n1 + " 0123456789 3"},
		"too long, in pieces": {s1 + " stdout P 01234567\n" + s1 + " stdout P 89abc\n" + s1 + " stdout F def\n", n1 + " 0123456789 6"},
		"not this format":     {"{\"log\":\"x\"}\n\nnonsense\n" + s1 + " stdin F x\n" + s1 + " stdout F y\n", n1 + " y 0"},
		"torn at the end":     {s1 + " stdout F x\n" + s1 + " stdout F y", n1 + " x 0"},
		"without text":        {s1 + " stdout F\n" + s1 + " stdout\n" + s1 + "\n" + s1 + " stdout F x\n", n1 + " x 0"},
		"unfinished":          {s1 + " stdout P x\n", n1 + " x 0 unfinished"},
		"carriage return":     {s1 + " stdout F x\r\n", n1 + " x\r 0"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(readCRI(10, strings.NewReader(tt.in)), ","); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzCRI holds that where a file is cut in two, or how it is read, doesn't matter, and that what is made of lines is
// read as they were.
func FuzzCRI(f *testing.F) {
	f.Add([]byte("a\nb c\n\nlonger than all the others\n"), 3, uint64(1))
	f.Add([]byte("2026-01-02T03:04:05.1Z stdout P ab\n2026-01-02T03:04:05.2Z stdout F cd\n"), 100, uint64(2))
	f.Fuzz(func(t *testing.T, in []byte, max int, seed uint64) {
		max = 1 + int(uint16(max))
		r := rand.New(rand.NewPCG(seed, 0))
		whole := readCRI(max, bytes.NewReader(in))
		if pieces := readCRI(max, pieces{bytes.NewReader(in), r}); fmt.Sprint(pieces) != fmt.Sprint(whole) {
			t.Errorf("in pieces: %q, whole: %q", pieces, whole)
		}
		var file bytes.Buffer
		var want []string
		for _, line := range strings.Split(string(in), "\n") {
			kept := min(len(line), max)
			want = append(want, fmt.Sprint("1767323045000000001 ", line[:kept], " ", len(line)-kept))
			for {
				n := len(line)
				if r.IntN(2) == 0 {
					n = r.IntN(len(line) + 1)
				}
				tag := "F"
				if n < len(line) {
					tag = "P"
				}
				fmt.Fprintf(&file, "2026-01-02T03:04:05.000000001Z stdout %s %s\n", tag, line[:n])
				if line = line[n:]; tag == "F" {
					break
				}
			}
		}
		if got := readCRI(max, &file); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
