package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const code = `package x

// Until returns the first multiple of step that is not below n.
func Until(n, step int) (at int) {
	for at < n {
		at += step
	}
	return at
}

func unused(a int) int { return a * 2 }

const two = 2
`

const tests = `package x

import "testing"

func TestUntil(t *testing.T) {
	if n := Until(4, two); n != 4 {
		t.Error(n)
	}
}
`

// module makes a module of one package with a list of known survivors, and goes there.
func module(t *testing.T, list string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module m\ngo 1.26\n", "x/x.go": code, "x/x_test.go": tests, "testdata/mutants/list": list} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program for each mutant")
	}
	for _, test := range []struct {
		name, list, only string
		listed           bool
		want             tally
		fails            string
	}{
		{name: "a survivor", want: tally{total: 7, killed: 3}, only: "[<>]=|return a|two", fails: "below 95%, or wrongly listed: m/x"},
		{name: "equivalent", list: "x/x.go unused: func unused(a int) int { return a / 2 }\n  equivalent: nobody calls it\n",
			want: tally{total: 2, killed: 1, equivalent: 1}, only: "at >= n|a / 2"},
		{name: "a hole", list: "x/x.go unused: func unused(a int) int { return a / 2 }\n  hole: nobody calls it\n",
			want: tally{total: 1}, only: "a / 2", fails: "below 95%"},
		{name: "listed, but killed", list: "x/x.go Until: for at >= n {\n  equivalent: not really\n", listed: true, want: tally{total: 1, killed: 1, wrong: 1},
			only: "at >= n", fails: "wrongly listed: m/x"},
		{name: "listed, but gone", list: "x/x.go gone: x\n  speed: why\n", want: tally{wrong: 1}, only: "nothing", fails: "wrongly listed: m/x"},
		{name: "another package's", list: "y/y.go gone: x\n  speed: why\n", only: "nothing"},
		{name: "a bad list", list: "x\n", fails: "testdata/mutants/list: x has no reason"},
	} {
		t.Run(test.name, func(t *testing.T) {
			module(t, test.list)
			o := options{threshold: 95, only: regexp.MustCompile(test.only), listed: test.listed}
			all, err := o.run([]string{"./x"})
			if (err != nil) != (test.fails != "") || err != nil && !strings.Contains(err.Error(), test.fails) {
				t.Errorf("error %v, want %q", err, test.fails)
			}
			if got := all["m/x"]; got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
