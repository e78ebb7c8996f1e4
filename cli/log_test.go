package cli

import (
	"context"
	stdlog "log"
	"os"
	"strings"
	"testing"

	"k8s.io/klog/v2"
)

// TestCaptureLogs tests that messages of client-go and net/http are logged with verbose only: a read that ended with its run is not an
// error. None begins a line or steers a terminal.
func TestCaptureLogs(t *testing.T) {
	t.Cleanup(func() { stdlog.SetOutput(os.Stderr) })
	for _, test := range []struct {
		verbose bool
		want    string
	}{
		{false, ""},
		{true, "mktail: error: reading error=\"context canceled\"\nmktail: unsolicited \\x1b[2J\\x0a::error::x\n"},
	} {
		var said strings.Builder
		captureLogs(newLogger(&said, test.verbose), test.verbose)
		klog.Background().Error(context.Canceled, "reading")
		stdlog.Print("unsolicited \x1b[2J\n::error::x")
		if got := said.String(); got != test.want {
			t.Errorf("verbose %v: %q", test.verbose, got)
		}
	}
}
