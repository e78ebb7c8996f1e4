package emit

import (
	"slices"
	"strings"
	"testing"

	"mktail/emit/applog"
)

// kept returns the lines that Levels keeps.
func kept(o LevelOptions, lines ...string) (all []string) {
	encode := Levels(o, Raw(RawOptions{}))(Source{})
	for _, line := range lines {
		if out := string(encode(nil, record(line))); out != "" {
			all = append(all, strings.TrimSuffix(out, "\n"))
		}
	}
	return all
}

// Each logger's line is kept at its level, and not above it.
func TestLevelsOfLoggers(t *testing.T) {
	for _, s := range loggers(t) {
		var p applog.Parser
		e, ok := p.Parse([]byte(s.line))
		if !ok {
			t.Errorf("%s: not read", s.name)
			continue
		}
		level := e.Level
		for least := applog.Trace; least <= applog.Fatal; least++ {
			if got, want := len(kept(LevelOptions{Least: least}, s.line)) > 0, level >= least; got != want {
				t.Errorf("%s, %v: kept %v", s.name, least, got)
			}
		}
	}
}

func TestLevels(t *testing.T) {
	info, warn, failed := `{"level":"info","msg":"a"}`, "time=1 level=warn msg=b", "2026-01-02 03:04:05 ERROR c"
	for name, tt := range map[string]struct {
		o           LevelOptions
		lines, want []string
	}{
		"by level":                   {LevelOptions{Least: applog.Warn}, []string{info, warn, failed, info}, []string{warn, failed}},
		"with what goes on":          {LevelOptions{Least: applog.Error}, []string{info, "  a", "}", failed, "\tat x", "Caused by: y", "\tat z", "", "  d", warn, "\tat w"}, []string{failed, "\tat x", "Caused by: y", "\tat z", "", "  d"}},
		"without a level":            {LevelOptions{Least: applog.Warn}, []string{"x", " y", failed, "x", " y"}, []string{failed}},
		"without a level, kept":      {LevelOptions{Least: applog.Warn, KeepUnknown: true}, []string{"x", " y", info, " z", "x", " y"}, []string{"x", " y", "x", " y"}},
		"a panic of Go":              {LevelOptions{Least: applog.Error}, []string{info, "panic: boom", "", "goroutine 1 [running]:", "main.f(0x1, {0x2, 0x3})", "\t/a/b.go:7 +0x1d", "exit status 2", "x"}, []string{"panic: boom", "", "goroutine 1 [running]:", "main.f(0x1, {0x2, 0x3})", "\t/a/b.go:7 +0x1d", "exit status 2"}},
		"an exception of Python":     {LevelOptions{Least: applog.Error}, []string{info, "Traceback (most recent call last):", `  File "a.py", line 1, in f`, "ValueError: x", "", "During handling of the above exception, another exception occurred:", "", "Traceback (most recent call last):", "  File", "KeyError", info}, []string{"Traceback (most recent call last):", `  File "a.py", line 1, in f`, "ValueError: x", "", "During handling of the above exception, another exception occurred:", "", "Traceback (most recent call last):", "  File", "KeyError"}},
		"an exception that is left":  {LevelOptions{Least: applog.Error}, []string{info, "ValueError: x", "Caused by: y"}, nil},
		"an unknown level":           {LevelOptions{Least: applog.Trace}, []string{`{"level":"audit","msg":"a"}`}, nil},
		"the beginning is unknown":   {LevelOptions{Least: applog.Trace}, []string{" x", info}, []string{info}},
		"a line after a panic's end": {LevelOptions{Least: applog.Fatal}, []string{"panic: a", "x", " y"}, []string{"panic: a"}},
	} {
		if got := kept(tt.o, tt.lines...); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
	for line, want := range map[string]bool{`{"level":"error","msg":"cut`: true, `{"level":"info","msg":"cut`: false, `{"msg":"cut before the level`: true} {
		out := Levels(LevelOptions{Least: applog.Error}, JSON)(Source{})(nil, &Record{Line: []byte(line), Truncated: true})
		if got := len(out) > 0; got != want {
			t.Errorf("%s: kept %v", line, got)
		}
	}
	if out := Levels(LevelOptions{Least: applog.Fatal}, JSON)(Source{})(nil, &Record{Gap: &Gap{Reason: "x"}}); len(out) == 0 {
		t.Error("a gap is left out")
	}
}
