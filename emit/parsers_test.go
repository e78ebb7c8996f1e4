package emit

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Records of any bytes are valid for encoding/json, and for jq and Python where they are installed, and mean the same to all.
func TestParsers(t *testing.T) {
	var lines []string
	for c := range 256 {
		lines = append(lines, string([]byte{byte(c)}), "a"+string([]byte{byte(c), byte(c)})+"\u00e9")
	}
	lines = append(lines, "\u2028\u2029", "\xed\xa0\x80", "\xed\xa0\xbd\xed\xb8\x80", "\xc0\x80", "\xf4\x90\x80\x80", "\U0010ffff\ufffe\ufeff", `\ud800`, `\u0000`,
		"\x1b]52;c;eA==\a", "\xf0\x9f", strings.Repeat("\x00\xff\"\\", 1000))
	var all []byte
	var want []string
	encode := JSON(Source{Cluster: "eu", Pod: "web\xff\u2028"})
	for _, line := range lines {
		one := encode(nil, record(line))
		var back struct{ Line string }
		if err := json.Unmarshal(one, &back); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if strict := strings.ToValidUTF8(line, "\ufffd"); !strings.Contains(strict, "\ufffd") && back.Line != line {
			t.Errorf("%q became %q", line, back.Line)
		}
		all, want = append(all, one...), append(want, back.Line)
	}
	for _, parser := range [][]string{
		{"jq", "-c", ".line"},
		{"python3", "-c", "import json,sys\nfor l in sys.stdin.buffer: print(json.dumps(json.loads(l.decode('utf-8', 'strict'))['line']))"},
	} {
		t.Run(parser[0], func(t *testing.T) {
			if _, err := exec.LookPath(parser[0]); err != nil {
				t.Skip(err)
			}
			cmd := exec.Command(parser[0], parser[1:]...)
			cmd.Stdin = bytes.NewReader(all)
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for line := range bytes.Lines(out) {
				var s string
				if err := json.Unmarshal(line, &s); err != nil {
					t.Fatal(err)
				}
				got = append(got, s)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d lines, want %d, or others", len(got), len(want))
			}
		})
	}
}
