package applog

import "testing"

// The level is known of lines that Parse cannot read as a whole.
func TestLevel(t *testing.T) {
	for line, want := range map[string]Level{
		`{"level":"error","msg":"cut of`:                    Error,
		`{"msg":"cut \"level\":\"info\" x","level":"warn",`: Warn,
		`{"ts":1,"level": 50,"msg":"cut`:                    Error,
		`{"level":5,"msg":"cut`:                             Unknown,
		`{"log":{"level":"debug"},"msg":"cut`:               Debug,
		`{"level":"error","msg":"m"} trailing`:              Error,
		`{"level":"error","msg":"m"},`:                      Error,
		`{"a":"cut`:                                         Unknown,
		`{"text":"\"level\":\"error\"","msg":"cut`:          Unknown,
		`level=error msg=hello world`:                       Error,
		`ts=1 caller=x.go:1 level=warn msg="cut of`:         Warn,
		`level=error msg="x" z`:                             Error,
		`msg=a sealevel=error x`:                            Unknown,
		`error: bad`:                                        Error,
		`Error: Cannot find module 'x'`:                     Error,
		`warning: unused variable`:                          Warn,
		`fatal: not a git repository`:                       Fatal,
		`npm ERR! x`:                                        Error,
		`npm WARN deprecated x`:                             Warn,
		`ERROR`:                                             Error,
		`ERROR!`:                                            Error,
		`2026-01-02 ERROR x`:                                Error,
		`[2026/01/02] [WARN] x`:                             Warn,
		`panic: boom`:                                       Fatal,
		`Exception in thread "main" java.lang.E`:            Fatal,
		`Traceback (most recent call last):`:                Fatal,
		`Error rates are low`:                               Unknown,
		`errors: 5`:                                         Unknown,
		`the level=error of it`:                             Unknown,
		`plain`:                                             Unknown,
		``:                                                  Unknown,
		`{"level":"audit","msg":"m"}`:                       Unknown,
		`{"level":"info","msg":"\"level\":\"error\" is text"}`: Info,
	} {
		if got := new(Parser).Level([]byte(line)); got != want {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
}
