package loggen

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestArgsAndParse(t *testing.T) {
	want := Spec{Lines: 5, Rate: 2.5, Length: 40, StderrEvery: 3, Exit: 7, Wait: -1, Delay: time.Second,
		Prefix: "a b", Text: "x\n\x00\"é", Bye: "bye"}
	got, err := Parse(want.Args())
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range [][]string{{"-nope"}, {"-lines=x"}, {"word"}, {`-text=\q`}} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestRun(t *testing.T) {
	tests := []struct {
		name           string
		spec           Spec
		stdout, stderr string
		code           int
	}{
		{"lines", Spec{Lines: 2}, "seq=00000000\nseq=00000001\n", "", 0},
		{"prefix, length and exit code", Spec{Lines: 1, Prefix: "p", Length: 18, Exit: 3}, "p seq=00000000 xxx\n", "", 3},
		{"stderr", Spec{Lines: 3, StderrEvery: 2}, "seq=00000000\nseq=00000002\n", "seq=00000001\n", 0},
		{"text", Spec{Lines: 1, Text: "half"}, "halfseq=00000000\n", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := tt.spec.Run(t.Context(), &stdout, &stderr)
			if stdout.String() != tt.stdout || stderr.String() != tt.stderr || code != tt.code {
				t.Errorf("got %q, %q, %d", stdout.String(), stderr.String(), code)
			}
		})
	}
}

func TestRunAtARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		Spec{Lines: 100, Rate: 10, Delay: 3 * time.Second, Wait: time.Second}.Run(t.Context(), io.Discard, io.Discard)
		if took := time.Since(begun); took != 14*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestRunIsToldToEnd(t *testing.T) {
	for name, spec := range map[string]Spec{
		"while it waits":    {Lines: 1, Wait: -1, Bye: "bye"},
		"while it is slow":  {Rate: 0.1, Bye: "bye"},
		"while it is quick": {Bye: "bye"},
		"while it is late":  {Rate: 1e12, Bye: "bye"},
		"before it begins":  {Delay: time.Hour, Bye: "bye"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			r, w := io.Pipe()
			go func() {
				spec.Run(ctx, w, w)
				w.Close()
			}()
			if name != "before it begins" {
				r.Read(make([]byte, 5))
			}
			cancel()
			all, _ := io.ReadAll(r)
			if !strings.HasSuffix(string(all), "bye\n") {
				t.Errorf("ends with %q", all[max(0, len(all)-40):])
			}
		})
	}
}
