package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// A terminal gets the last state of a progress bar; a pipe gets what text makes of all its states, and raw's bytes.
func TestProgressBar(t *testing.T) {
	in := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(in, []byte("10%\r50%\r100%\n10%\r100%\r\r\n\x1b[2K\x1b[1G1/2\x1b[2K\x1b[1G2/2\n|\b/\b-\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ format, to, want string }{
		{"text", "", "100%\r\n100%\r\n2/2\r\n-\r\n"},
		{"text", "| cat", `10%\x0d50%\x0d100%` + "\r\n" + `10%\x0d100%\x0d` + "\r\n" + `\x1b[2K\x1b[1G1/2\x1b[2K\x1b[1G2/2` + "\r\n" + `|\x08/\x08-` + "\r\n"},
		{"raw", "| od -An -c | head -n 1", "   1   0   %  \\r   5   0   %  \\r   1   0   0   %  \\n   1   0   %\r\n"},
	} {
		if got := screenOf(t, in, tt.to, "--stdin", "-o", tt.format); got != tt.want {
			t.Errorf("-o %s %s: got %q, want %q", tt.format, tt.to, got, tt.want)
		}
	}
}
