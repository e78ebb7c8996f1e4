//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// binaries are the programs that are measured, and where they and the kubeconfig are.
type binaries struct {
	project, dir                 string
	mktail, server, reader, gojq string
	before                       string // mktail of another commit; empty: it is not measured
	sterns                       []peer
	kubectl                      string // empty: it is not measured
}

// peer is a program that does what mktail does.
type peer struct{ name, path string }

// mktails are mktail and, if it is measured, the one of another commit.
func (b *binaries) mktails() []peer {
	all := []peer{{"mktail", b.mktail}}
	if b.before != "" {
		all = append(all, peer{"mktail before", b.before})
	}
	return all
}

func (b *binaries) kubeconfig() string { return filepath.Join(b.dir, "sim-1.yaml") }

// kubeconfigs is the glob of all.
func (b *binaries) kubeconfigs() string { return filepath.Join(b.dir, "sim-*.yaml") }

// build builds mktail, what it is measured with, its peers of these names, and the mktail of another working tree, unless before is
// empty.
func build(dir string, names []string, before string) (*binaries, error) {
	here, err := exec.Command("go", "list", "-f", "{{.Dir}}", "mktail/testdata/bench").Output()
	if err != nil {
		return nil, fmt.Errorf("finding the project: %w", err)
	}
	project := filepath.Join(strings.TrimSpace(string(here)), "..", "..")
	at := func(name string) string { return filepath.Join(dir, name) }
	b := &binaries{project: project, dir: dir, mktail: at("mktail"), server: at("server"), reader: at("reader"), gojq: at("gojq")}
	peers, cluster := filepath.Join(project, "testdata", "bench", "peers"), filepath.Join(project, "testdata", "cluster")
	programs := []struct{ from, to, pkg string }{
		{project, b.mktail, "."},
		{project, b.server, "./testdata/sim/server"},
		{project, b.reader, "./testdata/bench/reader"},
		{peers, b.gojq, "github.com/itchyny/gojq/cmd/gojq"},
	}
	for _, name := range names {
		if !slices.Contains([]string{"stern", "stern-1.35", "kubectl"}, name) {
			return nil, fmt.Errorf("there is no peer %q", name)
		}
	}
	if slices.Contains(names, "stern") {
		b.sterns = append(b.sterns, peer{"stern", at("stern")})
		programs = append(programs, struct{ from, to, pkg string }{peers, at("stern"), "github.com/stern/stern"})
	}
	if slices.Contains(names, "kubectl") {
		b.kubectl = at("kubectl")
		programs = append(programs, struct{ from, to, pkg string }{cluster, b.kubectl, "k8s.io/kubernetes/cmd/kubectl"})
	}
	if before != "" {
		b.before = at("before")
		programs = append(programs, struct{ from, to, pkg string }{before, b.before, "."})
	}
	for _, one := range programs {
		if err := runGo(nil, "build", "-C", one.from, "-o", one.to, one.pkg); err != nil {
			return nil, fmt.Errorf("building %s: %w", one.pkg, err)
		}
	}
	if slices.Contains(names, "stern-1.35") { // which needs a later Go
		if err := runGo([]string{"GOTOOLCHAIN=auto", "GOBIN=" + at("stern-1.35")}, "install", "github.com/stern/stern@v1.35.0"); err != nil {
			return nil, fmt.Errorf("building stern v1.35.0: %w (leave it out of -peers where it doesn't build)", err)
		}
		b.sterns = append(b.sterns, peer{"stern 1.35", filepath.Join(at("stern-1.35"), "stern")})
	}
	return b, nil
}

func runGo(env []string, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}
