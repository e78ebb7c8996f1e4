package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	slowTest   = 500 * time.Millisecond // tests that take longer run after the others
	minTimeout = 10 * time.Second
	maxMemory  = 6 << 20 // KiB of address space: a mutant may allocate without end
)

// outcome is what became of a mutant.
type outcome int

const (
	survived outcome = iota
	killed
	invalid // it does not compile
)

// subject is a package whose tests are run.
type subject struct {
	Dir        string
	ImportPath string
	Name       string
	GoFiles    []string

	work    string // a directory for what is built
	sources []source
	invalid map[int]bool // numbers of the mutants that do not compile
	rounds  []round
	killers []string // the quick tests that killed the mutants before: they are likely to kill the next one, too
}

// round is one run of the test program: all tests, or first the quick ones and then the slow ones.
type round struct {
	args    []string
	timeout time.Duration
}

// subjects returns the packages that patterns name.
func subjects(patterns []string, work string) (all []*subject, err error) {
	out, err := command("go", append([]string{"list", "-json=Dir,ImportPath,Name,GoFiles"}, patterns...)...)
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		s := &subject{work: work, invalid: make(map[int]bool)}
		if err := d.Decode(s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func command(name string, args ...string) ([]byte, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return out, nil
}

// build makes a test program of the package, with other texts in place of files.
func (s *subject) build(program string, replace map[string]string, flags ...string) error {
	if len(replace) > 0 {
		overlay := map[string]string{}
		for path, text := range replace {
			overlay[path] = filepath.Join(s.work, filepath.Base(path))
			if err := os.WriteFile(overlay[path], []byte(text), 0o600); err != nil {
				return err
			}
		}
		text, err := json.Marshal(map[string]any{"Replace": overlay})
		if err != nil {
			return err
		}
		file := filepath.Join(s.work, "overlay.json")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return err
		}
		flags = append(flags, "-overlay", file)
	}
	args := append([]string{"test", "-c", "-ldflags=-s -w", "-o", program}, flags...)
	_, err := command("go", append(args, s.ImportPath)...)
	return err
}

// test runs a test program with a mutant chosen, or none (0), in the package's directory, and returns its output.
func (s *subject) test(program string, timeout time.Duration, number int, args ...string) ([]byte, error) {
	temp := filepath.Join(s.work, "tmp")
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(temp, os.ModeSticky|0o777); err != nil { // as /tmp is: a test may become another user
		return nil, err
	}
	defer os.RemoveAll(temp)
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	limited := fmt.Sprintf(`ulimit -v %d; exec "$0" "$@"`, maxMemory)
	args = append([]string{"-c", limited, program, "-test.timeout", timeout.String()}, args...) // it ends without this program, too
	cmd := exec.CommandContext(ctx, "sh", args...)
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), "TMPDIR="+temp, fmt.Sprintf("%s=%d", chooserVariable, number))
	cmd.WaitDelay = time.Second
	return cmd.CombinedOutput()
}

var (
	passed = regexp.MustCompile(`^--- PASS: (\w+) \((\d+\.\d+s)\)`)
	failed = regexp.MustCompile(`(?m)^--- FAIL: (\w+) `)
)

// schema is the test program that holds all mutants of functions.
func (s *subject) schema() string { return filepath.Join(s.work, "schema.test") }

// clean runs the tests of the unchanged package, which must pass, and notes how long they take.
func (s *subject) clean() error {
	if err := s.buildSchema(); err != nil {
		return err
	}
	began := time.Now()
	out, err := s.test(s.schema(), 10*time.Minute, 0, "-test.v")
	if err != nil {
		return fmt.Errorf("%s fails without a mutant: %w\n%s", s.ImportPath, err, out[max(0, len(out)-4<<10):])
	}
	quick, slow := time.Since(began), time.Duration(0)
	var names []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if m := passed.FindStringSubmatch(lines.Text()); m != nil {
			if d, err := time.ParseDuration(m[2]); err == nil && d > slowTest {
				names = append(names, m[1])
				slow += d
			}
		}
	}
	s.rounds = []round{{[]string{"-test.failfast"}, max(minTimeout, 10*quick)}}
	if len(names) > 0 {
		pattern := "^(" + strings.Join(names, "|") + ")$"
		s.rounds = []round{
			{[]string{"-test.failfast", "-test.skip", pattern}, max(minTimeout, 10*(quick-slow))},
			{[]string{"-test.failfast", "-test.run", pattern}, max(minTimeout, 10*slow)},
		}
	}
	return nil
}

// try tests a mutant by its number.
func (s *subject) try(m mutant, src source, number int) outcome {
	if s.invalid[number] {
		return invalid
	}
	program := s.schema()
	if m.body == nil { // it has a program of its own
		program = filepath.Join(s.work, "one.test")
		if s.build(program, map[string]string{src.path: string(m.apply(src.text))}) != nil {
			return invalid
		}
	}
	rounds := s.rounds
	if len(s.killers) > 0 {
		pattern := "^(" + strings.Join(s.killers, "|") + ")$"
		rounds = append([]round{{[]string{"-test.failfast", "-test.run", pattern}, rounds[0].timeout}}, rounds...)
	}
	for i, r := range rounds {
		out, err := s.test(program, r.timeout, number, r.args...)
		if err == nil {
			continue
		}
		if failed := failed.FindSubmatch(out); failed != nil && i <= len(rounds)-len(s.rounds) { // a quick one
			name := string(failed[1])
			s.killers = slices.DeleteFunc(s.killers, func(k string) bool { return k == name })
			s.killers = append(s.killers[max(0, len(s.killers)-2):], name)
		}
		return killed
	}
	return survived
}
