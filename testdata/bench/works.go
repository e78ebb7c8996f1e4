//go:build linux

package main

import (
	"fmt"
	"strconv"
)

// work is something that mktail and its peers both do.
type work struct {
	title  string
	server []string // flags
	rows   func(*binaries, size) []row
}

// row is programs that do the same. The first is mktail.
type row struct{ programs []*program }

var works = map[string]work{
	"formats": {title: "Reading logs to their end", rows: formats},
	"jq":      {title: "Through a jq program; one line in ten matches", server: []string{"-error", "10"}, rows: jqs},
	"json":    {title: "Through a jq program that reads JSON; one line in ten matches", server: []string{"-error", "10", "-json"}, rows: jsons},
}

func mktailArgs(b *binaries, more ...string) []string {
	return append([]string{"--kubeconfig", b.kubeconfig(), "--no-follow", "--since", "0", "--summary=false"}, more...)
}

func sternArgs(b *binaries, s size, more ...string) []string {
	return append([]string{"--kubeconfig", b.kubeconfig(), ".", "--no-follow", "--since", "9000h", "--only-log-lines",
		"--color", "never", "--max-log-requests", strconv.Itoa(s.pods)}, more...)
}

func formats(b *binaries, s size) []row {
	reader := &program{name: "bare reader", path: b.reader, args: []string{b.kubeconfig()}, silent: true}
	return []row{
		{[]*program{
			{name: "mktail -o json", path: b.mktail, args: mktailArgs(b, "-o", "json")},
			{name: "stern -o json", path: b.stern, args: sternArgs(b, s, "-o", "json")},
			reader,
		}},
		{[]*program{
			{name: "mktail -o text", path: b.mktail, args: mktailArgs(b, "-o", "text", "--color", "always")},
			{name: "stern -o default", path: b.stern, args: sternArgs(b, s, "-o", "default", "--color", "always")},
		}},
		{[]*program{
			{name: "mktail -o raw", path: b.mktail, args: mktailArgs(b, "-o", "raw")},
			{name: "stern -o raw", path: b.stern, args: sternArgs(b, s, "-o", "raw")},
		}},
		{[]*program{
			{name: "mktail --template", path: b.mktail, args: mktailArgs(b, "--template", "{{.PodName}} {{.Message}}")},
			{name: "stern --template", path: b.stern, args: sternArgs(b, s, "--template", "{{.PodName}} {{.Message}}\n")},
		}},
	}
}

func jqs(b *binaries, s size) []row {
	return []row{
		jqRow(b, `select(.ns=="default")`),
		jqRow(b, `select(.line|test("ERROR"))`),
		jqRow(b, `{pod,line}`),
	}
}

func jsons(b *binaries, s size) []row {
	return []row{
		jqRow(b, `.line|fromjson?|select(.level=="error")|.msg`),
		jqRow(b, `.line|fromjson?|.level`),
	}
}

// jqRow is a jq program in mktail, and after it in a pipe.
func jqRow(b *binaries, filter string) row {
	pipe := func(name, jq string) *program {
		return shell(name, fmt.Sprintf("%s --kubeconfig %s --no-follow --since 0 --summary=false --json | %s -c '%s'", b.mktail, b.kubeconfig(), jq, filter))
	}
	return row{[]*program{
		{name: "mktail --jq '" + filter + "'", path: b.mktail, args: mktailArgs(b, "--jq", filter)},
		pipe("mktail --json | jq -c", "jq"),
		pipe("mktail --json | gojq -c", b.gojq),
	}}
}

func shell(name, line string) *program {
	return &program{name: name, path: "/bin/sh", args: []string{"-c", line}}
}
