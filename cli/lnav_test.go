package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mktail/emit"
)

// lnavFormat is the file that tells lnav what mktail's records are.
const lnavFormat = "../testdata/lnav/mktail_log.json"

// TestLnavKeys tests that lnav is told of every key that a record can have.
func TestLnavKeys(t *testing.T) {
	text, err := os.ReadFile(lnavFormat)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Format struct {
			Value map[string]any
		} `json:"mktail_log"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	keys := strings.Split("cluster, ns, pod, container, line, truncated, gap, "+emit.FieldNames, ", ") // ts is the time itself
	for _, key := range keys {
		if file.Format.Value[key] == nil {
			t.Errorf("%s lacks %s", lnavFormat, key)
		}
	}
	if got := len(file.Format.Value); got != len(keys) {
		t.Errorf("%s has %d keys, want %d", lnavFormat, got, len(keys))
	}
}

// TestLnav tests that lnav accepts the format file, and finds the records of a run with their times, levels and keys.
func TestLnav(t *testing.T) {
	lnav, err := exec.LookPath("lnav")
	if err != nil {
		t.Skip(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(stdin, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "TERM=xterm", "LANG=C.UTF-8", asMktail + "=1"}
		cmd.Stdin = strings.NewReader(stdin)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, &stderr)
		}
		return stdout.String()
	}
	const (
		begin = `{"cluster":"eu","ns":"shop","pod":"web-0","container":"app","ts":"2026-01-02T03:04:05.`
		more  = `,"node":"n1","uid":"u-1","labels":{"app":"web"},"annotations":{},"restarts":3,"context":"admin","image":"web:1"`
	)
	records := begin + `000000000Z","line":"GET / 200"` + more + "}\n" +
		begin + `100000000Z","line":"ERROR \"disk\", ü\u001b[0m"` + more + `,"truncated":true}` + "\n" +
		begin + `200000000Z","line":""` + more + `,"gap":{"from":"","to":"2026-01-02T03:04:05.300000000Z","reason":"rotated"}}` + "\n" +
		begin + `300000000Z","line":"{\"level\":\"warn\",\"msg\":\"slow\"}"` + more + "}\n" +
		begin + `400000000Z","line":"panic: no\n\tat main.go:1"` + more + "}\n"
	for _, tt := range []struct {
		name, fields string
		restarts     string
	}{
		{"six keys", "", "<NULL>"},
		{"all keys", emit.FieldNames, "3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := []string{"--stdin", "--json"}
			if tt.fields != "" {
				args = append(args, "--fields", tt.fields)
			}
			stdin := records
			if tt.fields == "" {
				stdin = strings.ReplaceAll(records, more, "")
			}
			path := filepath.Join(dir, "records.ndjson")
			if err := os.WriteFile(path, []byte(run(stdin, self, args...)), 0o600); err != nil {
				t.Fatal(err)
			}
			run("", lnav, "-i", lnavFormat)
			if out := run("", lnav, "-C"); strings.Contains(out, "mktail") {
				t.Errorf("lnav -C: %s", out)
			}
			out := run("", lnav, "-n", "-c", ";SELECT log_time, log_level, cluster, ns, pod, container, restarts, log_body FROM mktail_log", "-c", ":write-csv-to -", path)
			got, err := csv.NewReader(strings.NewReader(out)).ReadAll()
			if err != nil || len(got) == 0 {
				t.Fatalf("%v in %s", err, out)
			}
			for i, want := range [][2]string{
				{"000", "info"}, {"100", "error"}, {"200", "info"}, {"300", "warning"}, {"400", "fatal"},
			} {
				row := []string{"2026-01-02 03:04:05." + want[0], want[1], "eu", "shop", "web-0", "app", tt.restarts}
				if i+1 >= len(got) || !slices.Equal(got[i+1][:len(row)], row) {
					t.Errorf("record %d: want %q among\n%s", i, row, out)
				}
			}
			if len(got) != 6 || got[1][7] != "GET / 200" || got[4][7] != `{"level":"warn","msg":"slow"}` {
				t.Errorf("got %s", out)
			}
		})
	}
}
