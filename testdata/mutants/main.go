// Command mutants measures what the tests of packages notice: it changes one operator, constant, condition, statement or
// case of a package at a time and runs the package's own tests. A mutant that fails them, or takes ten times as long, is
// killed; the others are printed. The source tree is never changed: the go command reads each mutant as an overlay.
//
// testdata/mutants/list names the survivors that are known, each with its reason. Those that no test can kill
// (equivalent, speed) don't count and are run only with -listed. The exit code is 1 if fewer than -threshold percent of
// a package's mutants are killed, or if the list names a mutant that does not exist (or, with -listed, does not survive).
package main

import (
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

type options struct {
	threshold float64
	only      *regexp.Regexp
	listed    bool
	dry       bool
}

func main() {
	var o options
	flag.Float64Var(&o.threshold, "threshold", 95, "percent of the mutants that tests can kill and must")
	only := flag.String("only", "", "run only mutants whose description matches this regular expression")
	flag.BoolVar(&o.listed, "listed", false, "run the mutants that the list calls equivalent, too")
	flag.BoolVar(&o.dry, "n", false, "print the mutants, run nothing")
	flag.Parse()
	var err error
	if o.only, err = regexp.Compile(*only); err == nil {
		_, err = o.run(flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// run measures packages and returns their tallies by import path.
func (o options) run(patterns []string) (map[string]tally, error) {
	root, err := command("go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return nil, err
	}
	base := strings.TrimSpace(string(root))
	text, err := os.ReadFile(filepath.Join(base, "testdata", "mutants", "list"))
	if err != nil {
		return nil, err
	}
	list, err := parseList(string(text))
	if err != nil {
		return nil, fmt.Errorf("testdata/mutants/list: %w", err)
	}
	work, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, 0o755); err != nil {
		return nil, err
	}
	packages, err := subjects(patterns, work)
	if err != nil {
		return nil, err
	}
	all := make(map[string]tally)
	var bad []string
	for _, s := range packages {
		t, err := o.measure(s, base, list)
		if err != nil {
			return nil, err
		}
		if o.dry {
			continue
		}
		all[s.ImportPath] = t
		fmt.Printf("%s: %s\n", s.ImportPath, t)
		if t.percent() < o.threshold || t.wrong > 0 {
			bad = append(bad, s.ImportPath)
		}
	}
	if len(bad) > 0 {
		return all, fmt.Errorf("below %g%%, or wrongly listed: %s", o.threshold, strings.Join(bad, ", "))
	}
	return all, nil
}

// tally counts the mutants of a package.
type tally struct {
	total, killed, equivalent int
	wrong                     int // entries of the list that name no mutant, or one that is killed
}

func (t tally) percent() float64 {
	if t.total == t.equivalent {
		return 100
	}
	return 100 * float64(t.killed) / float64(t.total-t.equivalent)
}

func (t tally) String() string {
	return fmt.Sprintf("mutants %d, equivalent %d, killed %d, survived %d: %.1f%%",
		t.total, t.equivalent, t.killed, t.total-t.equivalent-t.killed, t.percent())
}

// measure runs the mutants of a package.
func (o options) measure(s *subject, base string, list map[string]listed) (t tally, err error) {
	dir, err := filepath.Rel(base, s.Dir)
	if err != nil {
		return t, err
	}
	dir = filepath.ToSlash(dir)
	exist := make(map[string]bool)
	for _, name := range s.GoFiles {
		src := source{path: filepath.Join(s.Dir, name)}
		if src.text, err = os.ReadFile(src.path); err != nil {
			return t, err
		}
		if src.mutants, err = mutants(path.Join(dir, name), src.text); err != nil {
			return t, err
		}
		for _, m := range src.mutants {
			exist[m.key] = true
		}
		s.sources = append(s.sources, src)
	}
	for key := range list {
		if file, _, _ := strings.Cut(key, " "); path.Dir(file) == dir && !exist[key] {
			fmt.Println("listed, but not a mutant:", key)
			t.wrong++
		}
	}
	if !o.dry {
		if err := s.clean(); err != nil {
			return t, err
		}
	}
	number := 0
	for _, src := range s.sources {
		for _, m := range src.mutants {
			number++
			switch known := list[m.key]; {
			case !o.only.MatchString(m.key):
			case o.dry:
				fmt.Println(m.key)
			case known.kind != "" && !known.counted() && !o.listed:
				t.total++
				t.equivalent++
			default:
				t.add(m, s.try(m, src, number), known)
			}
		}
	}
	return t, nil
}

// add counts a mutant that was run, and prints it if it survives unexpectedly.
func (t *tally) add(m mutant, result outcome, known listed) {
	if result == invalid {
		return
	}
	t.total++
	switch {
	case result == killed && known.kind != "":
		fmt.Printf("listed as %s, but killed: %s\n", known.kind, m.key)
		t.wrong++
		t.killed++
	case result == killed:
		t.killed++
	case known.counted():
		fmt.Printf("hole: %s (%s)\n", m.key, known.reason)
	case known.kind != "":
		t.equivalent++
	default:
		fmt.Printf("survived: %s:%d %s\n", m.file, m.line, strings.TrimPrefix(m.key, m.file+" "))
	}
}
