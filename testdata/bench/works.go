//go:build linux

package main

import (
	"fmt"
	"strconv"
	"strings"
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
	"scale":   scale,
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
		"--max-log-requests", strconv.Itoa(s.pods)}, more...)
}

// besides is the row of mktail with some flags, and its peers stern with others.
func besides(b *binaries, s size, ours []string, sterns ...string) row {
	var r row
	for _, p := range b.mktails() {
		r.programs = append(r.programs, &program{name: strings.Join(append([]string{p.name}, ours...), " "), path: p.path, args: mktailArgs(b, ours...)})
	}
	for _, p := range b.sterns {
		r.programs = append(r.programs, &program{name: strings.Join(append([]string{p.name}, sterns...), " "), path: p.path, args: sternArgs(b, s, sterns...)})
	}
	return r
}

func formats(b *binaries, s size) []row {
	all := besides(b, s, []string{"-o", "json"}, "-o", "json")
	if b.kubectl != "" {
		all.programs = append(all.programs, &program{name: "kubectl logs -l --timestamps", path: b.kubectl, args: []string{"--kubeconfig", b.kubeconfig(),
			"logs", "-l", "app=sim", "--timestamps", "--prefix", "--tail", "-1", "--max-log-requests", strconv.Itoa(s.pods)}})
	}
	all.programs = append(all.programs, &program{name: "bare reader", path: b.reader, args: []string{b.kubeconfig()}, silent: true})
	return []row{
		all,
		besides(b, s, []string{"-o", "text", "--color", "always"}, "-o", "default", "--color", "always"),
		besides(b, s, []string{"-o", "raw"}, "-o", "raw"),
		besides(b, s, []string{"--template", "{{.PodName}} {{.Message}}"}, "--template", "{{.PodName}} {{.Message}}\n"),
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
