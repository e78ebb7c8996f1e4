package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestJQFileMistake tests that the message about a mistake in a --jq-file has the number of its line, also at the first byte.
func TestJQFileMistake(t *testing.T) {
	for program, line := range map[string]string{"}": ":1: ", ".line\n| nope": ":2: "} {
		path := filepath.Join(t.TempDir(), "program.jq")
		if err := os.WriteFile(path, []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
		f, code, done := parse([]string{"--jq-file", path}, io.Discard, io.Discard)
		if done {
			t.Fatalf("exit code %d", code)
		}
		if _, err := f.jq(); err == nil || !strings.HasPrefix(err.Error(), "reading --jq-file "+path+line) {
			t.Errorf("%q: %v", program, err)
		}
	}
}
