//go:build linux

package main

import (
	"fmt"
	"strconv"
)

// work is something that mktail and its peers both do. It prints what it took.
type work func(b *binaries, s size, rounds int) error

// table is the work of reading logs to their ends, from a server with these flags more.
func table(title string, server []string, rows func(*binaries, size) []row) work {
	return func(b *binaries, s size, rounds int) error {
		stop, err := startServer(b, s, server)
		if err != nil {
			return err
		}
		defer stop()
		title := fmt.Sprintf("%s: %d pods × %d lines of 100 bytes, server chunks of %d bytes", title, s.pods, s.lines, s.chunk)
		return measure(title, rows(b, s), s.pods*s.lines, rounds)
	}
}

// row is programs that do the same. The first is mktail.
type row struct{ programs []*program }

var works = map[string]work{
	"formats": table("Reading logs to their ends", nil, formats),
	"jq":      table("Through a jq program; one line in ten matches", []string{"-error", "10"}, jqs),
	"json":    table("Through a jq program that reads JSON; one line in ten matches", []string{"-error", "10", "-json"}, jsons),
	"many":    following("1,000 containers in 10 clusters, each 10 lines/s", 10, 100, 10),
	"most":    following("10,000 containers in 50 clusters, each 1 line/s", 50, 200, 1),
	"idle":    following("10,000 containers in 50 clusters that say nothing", 50, 200, 0),
	"stalled": stalled,
	"start":   starts,
	"real":    realCluster,
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
