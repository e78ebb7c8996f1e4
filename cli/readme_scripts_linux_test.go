package cli

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestREADMEScripts runs each of README's scripts for CI to its ends. Their exit codes must be those of README's table.
func TestREADMEScripts(t *testing.T) {
	for _, tool := range []string{"bash", "mkfifo"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	table := readmeTable(t, "script")
	outcomes := table[0][1:]
	var rows []string
	var running sync.WaitGroup
	defer running.Wait()
	some := make(chan struct{}, 8) // at once, as most wait for a timeout
	for _, row := range table[2:] {
		name := strings.Trim(row[0], "`")
		rows = append(rows, name)
		script := readmeScript(t, name)
		codes := make([]map[int]bool, len(outcomes))
		for _, r := range scriptRuns[name] {
			column := slices.Index(outcomes, r.outcome)
			if column < 0 {
				t.Fatalf("README's table has no column %q", r.outcome)
			}
			if codes[column] == nil {
				codes[column] = make(map[int]bool)
			}
			codes[column][r.code] = true
			running.Go(func() {
				some <- struct{}{}
				defer func() { <-some }()
				t.Run(strings.Join([]string{name, r.outcome, r.how}, "/"), func(t *testing.T) { r.run(t, script) })
			})
		}
		for i, cell := range row[1:] {
			var all []string
			for _, code := range slices.Sorted(maps.Keys(codes[i])) {
				all = append(all, strconv.Itoa(code))
			}
			if got := strings.Join(all, ", "); got != cell {
				t.Errorf("README's table has the exit codes %s for %s, %s; it ends with %s", cell, name, outcomes[i], got)
			}
		}
	}
	if slices.Sort(rows); !slices.Equal(rows, slices.Sorted(maps.Keys(scriptRuns))) {
		t.Errorf("README's table is about %q", rows)
	}
}

// run runs the script, and tests how it ends.
func (r *scriptRun) run(t *testing.T, script string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newShop(ctx, t, r.without...)
	s.executable("smoke-test", "echo ok")
	if r.prepare != nil {
		r.prepare(s)
	}
	timeout := "1h"
	if r.short {
		timeout = "5s"
	}
	cmd := exec.Command("bash", "-c", script, "script", timeout)
	cmd.Dir, cmd.Env = s.home, []string{"HOME=" + s.home, "PATH=" + filepath.Join(s.home, "bin") + ":" + os.Getenv("PATH")}
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, s.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var playing sync.WaitGroup
	if r.play != nil {
		playing.Go(func() { r.play(s) })
	}
	cmd.Wait()
	s.stderr.end()
	cancel()
	playing.Wait()
	code, text := cmd.ProcessState.ExitCode(), s.stderr.String()
	if code != r.code || (stdout.Len() > 0) != (code == 0) || r.stderr != "" && !regexp.MustCompile("(?m)^mktail: .*("+r.stderr+")").MatchString(text) {
		t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", code, r.code, &stdout, text)
	}
	if r.check != nil {
		r.check(t, s)
	}
	if files, err := filepath.Glob(filepath.Join(s.home, "web-*.ndjson")); err != nil || code != 0 && len(files) > 0 {
		t.Errorf("%v, exports %q", err, files)
	}
}

// readmeScript returns one of README's scripts for CI: the one that begins with a comment about it.
func readmeScript(t *testing.T, name string) string {
	t.Helper()
	for _, block := range regexp.MustCompile("(?s)```bash\n(.*?)```").FindAllStringSubmatch(readmeText(t), -1) {
		if strings.Contains(block[1], "\n# "+name+": ") {
			return block[1]
		}
	}
	t.Fatalf("README has no script %s", name)
	panic("unreachable")
}
